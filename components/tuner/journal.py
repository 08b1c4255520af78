"""Where a search remembers its trials: Optuna's journal, a file that several processes write and any may be killed."""

import fcntl
import os
from pathlib import Path

from optuna.storages.journal import JournalFileBackend, JournalStorage

BLOCK = 4096


class KernelLock:
    """A lock that is gone with its holder, and that mends what a holder left half-written.

    Optuna's own locks are files, which a killed process leaves behind for 30 s; a line without its end would spoil
    the next one (optuna/storages/journal/_file.py).
    """

    def __init__(self, journal: Path) -> None:
        self.journal = journal
        self._descriptor = -1

    def acquire(self) -> bool:
        """Waits until nobody else writes."""
        descriptor = os.open(self.journal.with_suffix(".lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        self._descriptor = descriptor
        cut_to_whole_lines(self.journal)
        return True

    def release(self) -> None:
        """Lets others write."""
        os.close(self._descriptor)


def cut_to_whole_lines(path: Path) -> None:
    """Removes an end of a file that is not a whole line."""
    with open(path, "rb+") as file:
        size = file.seek(0, os.SEEK_END)
        keep, ending = size, size
        while ending > 0:
            start = max(0, ending - BLOCK)
            file.seek(start)
            found = file.read(ending - start).rfind(b"\n")
            keep, ending = start + found + 1, start
            if found >= 0:
                break
        if keep < size:
            file.truncate(keep)


def open_journal(folder: Path) -> JournalStorage:
    """The journal in a folder, a new one if there is none."""
    path = folder / "journal.log"
    path.touch()
    return JournalStorage(JournalFileBackend(str(path), KernelLock(path)))  # type: ignore[arg-type]
