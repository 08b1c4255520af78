"""The volume that all pods share: mounted, answering, with room to write; or an error that says what it is not."""

import errno
import os
import threading
from pathlib import Path

from pipeline.config.kubeflow import Kubeflow
from pipeline.errors import ConfigError, MainlineError
from pipeline.run.local.lock import make_writable
from pipeline.run.summary.failures import DISK_FULL

ANSWER_TIMEOUT_S = 60.0
# As a network file system or the driver of an object store says that the other side is gone.
GONE = (errno.ENOTCONN, errno.EIO, errno.ESTALE, errno.EHOSTDOWN, errno.ETIMEDOUT, errno.ECONNABORTED)


def check_volume(settings: Kubeflow, writable: bool = True, timeout_s: float = ANSWER_TIMEOUT_S) -> None:
    """Proves that the volume is there and answers and, if asked, that files can be written below the root.

    A store that hangs is found out by a thread of its own.

    Raises:
        ConfigError: nothing is mounted there: what a pod writes would be lost with it.
        MainlineError: the volume does not answer, or is full.
    """
    found: list[BaseException] = []
    thread = threading.Thread(target=_probe, args=(settings, writable, found), daemon=True)
    thread.start()
    thread.join(timeout_s)
    if thread.is_alive():
        raise unreachable(settings, f"no answer within {timeout_s:.0f} s")
    if found:
        raise found[0]


def _probe(settings: Kubeflow, writable: bool, found: list[BaseException]) -> None:
    try:
        probe_mount(settings)
        if writable:
            probe_root(settings)
    except BaseException as error:
        found.append(error)


def probe_mount(settings: Kubeflow) -> None:
    """Whether the volume is mounted; it may hang."""
    try:
        os.lstat(settings.mount_path)
    except FileNotFoundError:
        raise not_mounted(settings) from None
    except OSError as error:
        raise unreachable(settings, error.strerror or str(error)) from error
    if not is_mounted(settings.mount_path):
        raise not_mounted(settings)


def probe_root(settings: Kubeflow) -> None:
    """Whether files can be written; it may hang."""
    try:
        make_writable(Path(settings.root))
    except MainlineError as error:
        raise explained(settings, error) from error


def is_mounted(path: str) -> bool:
    """Whether something is mounted at a path; os.path.ismount does not see a folder of the same disk.

    https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html
    """
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    return any(line.split()[4] == path for line in lines)


def explained(settings: Kubeflow, error: MainlineError) -> MainlineError:
    """Why nothing can be written, in the words of a volume."""
    cause = error.__cause__
    if isinstance(cause, OSError) and cause.errno in GONE:
        return unreachable(settings, cause.strerror or str(cause))
    if any(text in error.received for text in (*DISK_FULL, os.strerror(errno.EDQUOT))):
        return MainlineError(
            settings.mount_path, "the volume is full", received=error.received,
            next_step=f"Enlarge the claim {settings.claim}, or remove old runs below {settings.root}.",
        )  # fmt: skip
    return ConfigError(
        settings.root, "cannot be written", received=error.received,
        next_step=f"Make the claim {settings.claim} writable for the user of the image (fsGroup, or its permissions).",
    )  # fmt: skip


def not_mounted(settings: Kubeflow) -> ConfigError:
    """What a pod without its volume says."""
    return ConfigError(
        settings.mount_path, "no volume is mounted there", expected=f"the claim {settings.claim}, shared by all pods",
        next_step="Correct kubeflow.claim and kubeflow.mount_path, and compile again.",
    )  # fmt: skip


def unreachable(settings: Kubeflow, said: str) -> MainlineError:
    """What a pod says whose volume, or the object store behind it, does not answer."""
    return MainlineError(
        settings.mount_path, "the volume, or the object store behind it, does not answer", received=said,
        next_step=f"Look at the claim {settings.claim}, at the driver's pods and at the store itself.",
    )  # fmt: skip
