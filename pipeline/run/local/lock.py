"""One run and one watch at a time on a root; a lock goes with its process, so a killed one leaves nothing to clear."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from components.support.atomic_files import write_whole
from pipeline.errors import InputError, MainlineError, refused

RUN, WATCH = ".lock", ".watch.lock"


@contextmanager
def run_lock(root: Path, run_id: str) -> Iterator[None]:
    """Holds the lock of a root for a run.

    Raises:
        InputError: the root cannot be a folder.
        MachineError: it cannot be written.
        MainlineError: another run holds it; it says which.
    """
    with _held(root, RUN, {"pid": os.getpid(), "run": run_id}, "run", "Wait for it to end"):
        yield


@contextmanager
def watch_lock(root: Path) -> Iterator[None]:
    """Holds the lock of a root for the process that starts its runs; a run has its own.

    Raises:
        InputError: the root cannot be a folder.
        MachineError: it cannot be written.
        MainlineError: another one holds it; it says which.
    """
    with _held(root, WATCH, {"pid": os.getpid()}, "watch", "Stop that one"):
        yield


def current_run(root: Path) -> str | None:
    """What the run that holds a root says of itself; None where there is none."""
    lock = FileLock(root / RUN)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return _read(_holder(root, RUN))
    lock.release()
    return None


def resolve_folder(folder: Path) -> Path:
    """A folder without links on the way to it, whether it is there or not.

    Raises:
        InputError: no folder is called so, or its links lead to each other.
    """
    try:
        return folder.resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(
            repr(str(folder)), "no folder can be found by it", received=str(error), next_step="Give another one."
        ) from error


def make_writable(root: Path) -> None:
    """Creates a root and proves that files can be written there.

    Raises:
        InputError: it is something else than a folder.
        MachineError: the machine refuses, as of a full disk.
    """
    # Others may look at the same time, on other machines, where this process has the same id.
    probe = root / f".probe.{os.getpid()}.{os.urandom(4).hex()}"
    try:
        root.mkdir(parents=True, exist_ok=True)
        try:
            probe.write_text("x" * 4096, encoding="utf-8")
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        raise refused(error, InputError)(
            str(root), "cannot be written", received=error.strerror or str(error),
            next_step="Give a folder that can be, with --root, or free some space.",
        ) from error  # fmt: skip


@contextmanager
def _held(root: Path, name: str, mine: Mapping[str, Any], what: str, instead: str) -> Iterator[None]:
    make_writable(root)
    lock = FileLock(root / name)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise MainlineError(
            str(root), f"another {what} is at work here", received=_read(_holder(root, name)),
            next_step=f"{instead}, or give this one its own --root.",
        ) from None  # fmt: skip
    try:
        write_whole(_holder(root, name), json.dumps(mine).encode())
        yield
    finally:
        lock.release()


def _holder(root: Path, name: str) -> Path:
    return root / f"{name}.json"


def _read(holder: Path) -> str:
    try:
        return holder.read_text(encoding="utf-8")
    except OSError:
        return "unknown"
