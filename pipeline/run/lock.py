"""One run at a time on a root; the lock goes with the process, so a killed run leaves nothing to clear by hand."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from pipeline.errors import InputError, MainlineError


@contextmanager
def exclusive(root: Path, run_id: str) -> Iterator[None]:
    """Holds the lock of a root.

    Raises:
        InputError: the root cannot be written.
        MainlineError: another run holds it; it says which.
    """
    make_writable(root)
    holder = root / ".lock.json"
    lock = FileLock(root / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise MainlineError(
            str(root), "another run is at work here", received=_read(holder),
            next_step="Wait for it to end, or give this one its own --root.",
        ) from None  # fmt: skip
    try:
        holder.write_text(json.dumps({"pid": os.getpid(), "run": run_id}), encoding="utf-8")
        yield
    finally:
        lock.release()


def make_writable(root: Path) -> None:
    """Creates a root and proves that files can be written there."""
    probe = root / ".probe"
    try:
        root.mkdir(parents=True, exist_ok=True)
        try:
            probe.write_text("x" * 4096, encoding="utf-8")
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(
            str(root), "cannot be written", received=error.strerror or str(error),
            next_step="Give a folder that can be, with --root, or free some space.",
        ) from error  # fmt: skip


def _read(holder: Path) -> str:
    try:
        return holder.read_text(encoding="utf-8")
    except OSError:
        return "unknown"
