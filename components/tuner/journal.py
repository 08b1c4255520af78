"""Optuna's journal of a search: a file that several processes write, any of which may be killed."""

import fcntl
import os
from pathlib import Path

from optuna.storages.journal import JournalFileBackend, JournalStorage

BLOCK_BYTES = 4096


class KernelLock:
    """A lock that the kernel releases with its process, and that removes a line left half-written.

    Optuna's own locks are files, which a killed process leaves behind for 30 s. An incomplete line would corrupt the
    next one (optuna/storages/journal/_file.py).
    """

    def __init__(self, journal: Path) -> None:
        self.journal = journal
        self._descriptor = -1

    def acquire(self) -> bool:
        """Wait until no other process writes."""
        descriptor = os.open(self.journal.with_suffix(".lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        self._descriptor = descriptor
        cut_to_whole_lines(self.journal)
        return True

    def release(self) -> None:
        os.close(self._descriptor)


def cut_to_whole_lines(path: Path) -> None:
    """Truncate a file after its last complete line."""
    with open(path, "rb+") as file:
        size = file.seek(0, os.SEEK_END)
        keep, end = size, size
        while end > 0:
            start = max(0, end - BLOCK_BYTES)
            file.seek(start)
            found = file.read(end - start).rfind(b"\n")
            keep, end = start + found + 1, start
            if found >= 0:
                break
        if keep < size:
            file.truncate(keep)


def open_journal(folder: Path) -> JournalStorage:
    """Open the journal in a folder, or create one."""
    path = folder / "journal.log"
    path.touch()
    return JournalStorage(JournalFileBackend(str(path), KernelLock(path)))  # type: ignore[arg-type]
