"""Locks for one run and one watch at a time per root. A lock is released with its process, even if it is killed."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from components.support.atomic_files import write_whole
from pipeline.errors import InputError, MainlineError, refused

RUN, WATCH = ".lock", ".watch.lock"


@contextmanager
def run_lock(root: Path, run_id: str) -> Iterator[None]:
    """Hold the lock of a root for a run.

    Raises:
        InputError: the root cannot be a folder.
        MachineError: the root cannot be written to.
        MainlineError: another run holds the lock; the message says which.
    """
    with _held(root, RUN, {"pid": os.getpid(), "run": run_id}, "run", "Wait until it ends"):
        yield


@contextmanager
def watch_lock(root: Path) -> Iterator[None]:
    """Hold the lock of a root for a watch, which is not the lock of the runs that it starts.

    Raises:
        InputError: the root cannot be a folder.
        MachineError: the root cannot be written to.
        MainlineError: another watch holds the lock; the message says which.
    """
    with _held(root, WATCH, {"pid": os.getpid()}, "watch", "Stop that one"):
        yield


def current_run(root: Path) -> str | None:
    """A description of the run that holds the lock of a root; None if there is none."""
    lock = FileLock(root / RUN)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return _read(_holder(root, RUN))
    lock.release()
    return None


def resolve_folder(folder: Path) -> Path:
    """The absolute path of a folder without symbolic links, whether it exists or not.

    Raises:
        InputError: the path is not valid, or its links form a loop.
    """
    try:
        return folder.resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(
            repr(str(folder)), "not a valid path", received=str(error), next_step="Give another path."
        ) from error


def make_writable(root: Path) -> None:
    """Create a root and check that files can be written there.

    Raises:
        InputError: the path exists and is not a folder.
        MachineError: the machine refuses, for example because the disk is full.
    """
    # Processes on other machines, possibly with the same id, may check at the same time.
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
            next_step="Give a writable folder with --root, or free some space.",
        ) from error  # fmt: skip


@contextmanager
def _held(root: Path, name: str, mine: Mapping[str, Any], what: str, instead: str) -> Iterator[None]:
    make_writable(root)
    lock = FileLock(root / name)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise MainlineError(
            str(root), f"another {what} is active here", received=_read(_holder(root, name)),
            next_step=f"{instead}, or give another --root.",
        ) from None  # fmt: skip
    try:
        since = datetime.now(timezone.utc).isoformat(timespec="seconds")
        write_whole(_holder(root, name), json.dumps({**mine, "since": since}).encode())
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
