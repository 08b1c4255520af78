"""Any failure in our words."""

import errno
import os

from components.versioned_pusher.versions import latest_version, read_marker
from pipeline.errors import InputError, MainlineError, causes
from pipeline.run.request import Place
from pipeline.run.signals import is_ending
from pipeline.run.summary import near

# As TFX says that a partial run has nothing to build on.
NO_EARLIER_RUN = ("not found in MLMD", "No previous run", "No previous successful executions")
# As the system says it, and as SQLite does.
DISK_FULL = ("No space left on device", "disk is full")


def as_ours(error: BaseException, place: Place, log: str = "") -> MainlineError:
    """Any failure in our words; what a library said stays in the log, of which ``log`` says where it is."""
    if is_ending() or isinstance(error, KeyboardInterrupt):
        return MainlineError("run", "interrupted", next_step="Run again: what is done is cached, training resumes.")
    if isinstance(error, MainlineError):
        return error
    log = log or f"The log says more: {near(place.log)}"
    if is_disk_full(error):
        free = os.statvfs(place.root)
        received = f"{free.f_bavail * free.f_frsize / 1e6:.0f} MB free"
        return MainlineError(str(place.root), f"the disk is full; {pushed_by(place)}", received=received,
                             next_step="Free some space, or give another --root, and run again.")  # fmt: skip
    if isinstance(error, LookupError) and any(text in str(error) for text in NO_EARLIER_RUN):
        return InputError(
            "--from", "there is no earlier run that came so far", received=first_line(error),
            next_step="Run without --from once; what is done is cached.",
        )  # fmt: skip
    return MainlineError("run", f"{type(error).__name__}: {first_line(error)}", next_step=log)


def pushed_by(place: Place) -> str:
    """What a run has pushed, by what lies in the folder of versions."""
    latest = latest_version(place.serving)
    if latest is None or read_marker(latest).get("run") != place.run_id:
        return "nothing was pushed"
    return f"version {latest.name} was pushed before, and is served"


def is_disk_full(error: BaseException | None) -> bool:
    """Whether the cause, however wrapped, is a full disk."""
    return any(
        getattr(found, "errno", None) == errno.ENOSPC or any(text in str(found) for text in DISK_FULL)
        for found in causes(error)
    )


def first_line(error: BaseException) -> str:
    """The first line of a message, cut to a sensible length."""
    return (str(error).strip().splitlines() or [""])[0][:300]
