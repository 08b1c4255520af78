"""Check the volume that all pods share: mounted, responding, writable, not full."""

import errno
import os
import threading
from pathlib import Path

from pipeline.config.kubeflow import Kubeflow
from pipeline.errors import ConfigError, MainlineError
from pipeline.run.local.lock import make_writable
from pipeline.run.summary.failures import DISK_FULL

RESPONSE_TIMEOUT_S = 60.0
# Errors of a network file system, or of the driver of an object store, whose server is gone.
SERVER_GONE = (errno.ENOTCONN, errno.EIO, errno.ESTALE, errno.EHOSTDOWN, errno.ETIMEDOUT, errno.ECONNABORTED)


def check_volume(settings: Kubeflow, writable: bool = True, timeout_s: float = RESPONSE_TIMEOUT_S) -> None:
    """Check that the volume is mounted and responds and, with ``writable``, that files can be written below the root.

    The check runs in a thread, because a file system may hang.

    Raises:
        ConfigError: nothing is mounted, so the files of a pod would be lost with it; or the root is not writable.
        MainlineError: the volume does not respond, or is full.
    """
    found: list[BaseException] = []
    thread = threading.Thread(target=_probe, args=(settings, writable, found), daemon=True)
    thread.start()
    thread.join(timeout_s)
    if thread.is_alive():
        raise unreachable(settings, f"no response within {timeout_s:.0f} s")
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
    """Check that the volume is mounted; this may hang."""
    try:
        os.lstat(settings.mount_path)
    except FileNotFoundError:
        raise not_mounted(settings) from None
    except OSError as error:
        raise unreachable(settings, error.strerror or str(error)) from error
    if not is_mounted(settings.mount_path):
        raise not_mounted(settings)


def probe_root(settings: Kubeflow) -> None:
    """Check that files can be written; this may hang."""
    try:
        make_writable(Path(settings.root))
    except MainlineError as error:
        raise explained(settings, error) from error


def is_mounted(path: str) -> bool:
    """Whether something is mounted at a path; os.path.ismount does not see bind mounts of the same disk.

    https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html
    """
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    return any(line.split()[4] == path for line in lines)


def explained(settings: Kubeflow, error: MainlineError) -> MainlineError:
    """Convert an error of writing below the root."""
    cause = error.__cause__
    if isinstance(cause, OSError) and cause.errno in SERVER_GONE:
        return unreachable(settings, cause.strerror or str(cause))
    if any(text in error.received for text in (*DISK_FULL, os.strerror(errno.EDQUOT))):
        return MainlineError(
            settings.mount_path, "the volume is full", received=error.received,
            next_step=f"Enlarge the claim {settings.claim}, or remove old runs below {settings.root}.",
        )  # fmt: skip
    return ConfigError(
        settings.root, "not writable", received=error.received,
        next_step=f"Make the claim {settings.claim} writable for the user of the image (fsGroup, or permissions).",
    )  # fmt: skip


def not_mounted(settings: Kubeflow) -> ConfigError:
    """The error of a pod without its volume."""
    return ConfigError(
        settings.mount_path, "no volume is mounted", expected=f"the claim {settings.claim}, shared by all pods",
        next_step="Correct kubeflow.claim or kubeflow.mount_path, and compile again.",
    )  # fmt: skip


def unreachable(settings: Kubeflow, received: str) -> MainlineError:
    """The error of a pod whose volume, or the object store behind it, does not respond."""
    return MainlineError(
        settings.mount_path, "the volume, or the object store behind it, does not respond", received=received,
        next_step=f"Check the claim {settings.claim}, the pods of its driver, and the store.",
    )  # fmt: skip
