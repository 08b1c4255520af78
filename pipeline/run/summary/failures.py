"""Turn any failure of a run into a ``MainlineError`` that says where it happened and what to do next."""

import errno
import os
import re
from pathlib import Path

from components.artifacts.served_versions import latest_version, read_marker
from components.support.text import first_line
from pipeline.errors import InputError, MachineError, MainlineError, causes, is_machines
from pipeline.run.request import RunPaths
from pipeline.run.signals import stop_requested
from pipeline.shell import near

# TFX's messages about a partial run without an earlier run.
NO_EARLIER_RUN = ("not found in MLMD", "No previous run", "No previous successful executions")
# SQLite's messages.
DISK_FULL = ("No space left on device", "disk is full")
SQLITE_MESSAGES = {
    "disk I/O error": errno.EIO,
    # An earlier statement failed on the disk, which rolled back the transaction.
    "cannot commit - no transaction is active": errno.EIO,
    "attempt to write a readonly database": errno.EROFS,
}
SQLITE_DAMAGED = ("database disk image is malformed", "file is not a database")
# The problem and the next step for each error of the machine.
LOOK = "Look for the cause (dmesg, df, ulimit -f), fix it, and run again."
REFUSALS: dict[int, tuple[str, str]] = {
    errno.ENOSPC: ("the disk is full", "Free some space, or give another --root, and run again."),
    errno.EDQUOT: ("the disk quota is used up", "Free some space, or give another --root, and run again."),
    errno.EFBIG: ("a file exceeded the size limit", "Raise the limit (ulimit -f), and run again."),
    errno.EIO: ("the disk or its file system failed", LOOK),
    errno.EROFS: ("the file system is read-only", "Make it writable, or give another --root, and run again."),
    errno.EACCES: ("permission denied", "Correct the permissions, and run again."),
    errno.EPERM: ("permission denied", "Correct the permissions, and run again."),
    errno.EMFILE: ("too many files are open", "Raise the limit (ulimit -n), and run again."),
    errno.ENFILE: ("too many files are open", "Run again when fewer processes are running."),
    errno.ENOMEM: ("no memory is left", "Free some memory, and run again."),
    errno.ENOTCONN: ("the file system does not answer", LOOK),
    errno.ESTALE: ("the file system does not answer", LOOK),
}
# Errors found by the system's message where a library drops the number. Other messages are too common as words.
ERRNO_MESSAGES = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.ENOTCONN, errno.ESTALE)


def to_mainline_error(error: BaseException, paths: RunPaths, log: str = "") -> MainlineError:
    """Any failure as a ``MainlineError``; ``log`` is a sentence that says where the log with the details is."""
    if stop_requested() or isinstance(error, KeyboardInterrupt):
        next_step = "Run again: finished nodes are cached, training resumes."
        return MainlineError("run", "interrupted", next_step=next_step)
    if isinstance(error, MainlineError):
        return error
    log = log or f"See the log for details: {near(paths.log)}"
    refusal = find_refusal(error)
    if refusal is not None:
        return explain_refusal(refusal, paths)
    damage = next((words for found in causes(error) for words in SQLITE_DAMAGED if words in str(found)), None)
    if damage is not None:
        return MachineError(
            str(paths.root / "metadata.db"), "the ML Metadata store is damaged", received=damage,
            next_step="Restore a backup of it, or give another --root; everything is then created anew.",
        )  # fmt: skip
    if isinstance(error, LookupError) and any(text in str(error) for text in NO_EARLIER_RUN):
        return InputError(
            "--from", "no earlier run has got this far", received=first_line(error),
            next_step="Run without --from once; finished nodes are cached.",
        )  # fmt: skip
    return MainlineError("run", f"{type(error).__name__}: {first_line(error)}", next_step=log)


def describe_push(paths: RunPaths) -> str:
    """Whether a run pushed a version, in words, from the folder of versions."""
    try:
        latest = latest_version(paths.serving)
    except OSError:
        return "it is unknown whether a version was pushed"
    if latest is None or read_marker(latest).get("run") != paths.run_id:
        return "nothing was pushed"
    return f"version {latest.name} had been pushed and is served"


def find_refusal(error: BaseException) -> OSError | None:
    """The error of the machine that caused an error, however it was wrapped; None if there is none."""
    if type(error) is OSError and is_machines(error):
        return error
    chain = list(causes(error))
    for found in chain:
        # Subclasses for TLS and for host names use the numbers with other meanings.
        if isinstance(found, OSError) and found.errno in REFUSALS and type(found) in (OSError, PermissionError):
            return found
    for found in chain:
        if isinstance(found, MemoryError):
            return OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))
        number = errno_in(str(found))
        if number is not None:
            return OSError(number, os.strerror(number))
    return None


def errno_in(text: str) -> int | None:
    """The errno of an error that a library reports only as text; None if there is none.

    >>> errno_in("OSError: [Errno 27] File too large [while running 'Write']"), errno_in("no such column")
    (27, None)
    """
    numbered = re.search(r"\[Errno (\d+)\]", text)
    if numbered and int(numbered[1]) in REFUSALS:
        return int(numbered[1])
    if any(words in text for words in DISK_FULL):
        return errno.ENOSPC
    seen = next((number for words, number in SQLITE_MESSAGES.items() if words in text), None)
    if seen is not None:
        return seen
    return next((number for number in ERRNO_MESSAGES if os.strerror(number) in text), None)


def explain_refusal(refusal: OSError, paths: RunPaths) -> MachineError:
    """An error of the machine with our explanation and the system's message."""
    number = refusal.errno or 0
    problem, next_step = REFUSALS.get(number, ("the system refuses", LOOK))
    where = str(paths.root) if number == errno.ENOSPC else str(refusal.filename or paths.root)
    received = "; ".join(filter(None, [refusal.strerror or str(refusal), free_space(paths.root)]))
    return MachineError(where, f"{problem}; {describe_push(paths)}", received=received, next_step=next_step)


def free_space(folder: Path) -> str:
    """The free space on the disk of a folder, as text; empty if it is unknown."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return ""
    return f"{found.f_bavail * found.f_frsize / 1e6:.0f} MB free"
