"""A lease, so that only one run of a pipeline is active on a cluster: a file on the volume with the id of the run.

The pods of a run renew its lease while they work, and the last one releases it. A lease that is not renewed expires and
can be taken over. File locks of the operating system do not work between machines.
"""

import contextlib
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from components.support.atomic_files import claim
from pipeline.errors import MainlineError

RENEW_S = 30.0
# After a pod was stopped, the lease expires in this time: long enough for a retry of the pod to renew it.
STOPPED_EXPIRY_S = 300.0


@dataclass(frozen=True)
class Lease:
    """The state of a lease: its run, the inode and time of its file, and the seconds since it was renewed."""

    run: str
    inode: int
    renewed_ns: int
    age_s: float


def stop_this_pod() -> None:
    """End this pod by SIGTERM, before it publishes anything without a lease."""
    os.kill(os.getpid(), signal.SIGTERM)


@contextlib.contextmanager
def hold_lease(root: Path, run: str, timeout_s: float, on_lost: Callable[[], None] = stop_this_pod) -> Iterator[None]:
    """Hold the lease during the block, and keep it afterwards for the next pods of the run.

    Args:
        root: of the pipeline.
        run: the id of the run.
        timeout_s: the time without renewal after which a lease expires.
        on_lost: called in another thread if the lease is lost.

    Raises:
        MainlineError: another run holds the lease.
    """
    acquire(root, run, timeout_s)
    done = threading.Event()
    thread = threading.Thread(target=_keep_renewing, args=(root, run, done, on_lost), daemon=True)
    thread.start()
    try:
        yield
    except KeyboardInterrupt:
        done.set()
        thread.join()
        shorten(root, run, timeout_s)
        raise
    finally:
        done.set()
        thread.join()


def acquire(root: Path, run: str, timeout_s: float) -> None:
    """Take the lease, or renew it for the same run, or take over an expired one.

    Raises:
        MainlineError: another run holds it.
    """
    while not claim(lease_file(root), content(run)):
        lease = read_lease(root)
        if lease is None:
            continue
        if lease.run == run:
            if renew(root):
                return
            continue
        if lease.age_s < timeout_s:
            raise MainlineError(
                str(root), "another run of this pipeline is active",
                received=f"{lease.run or 'unknown'}, last seen {lease.age_s:.0f} s ago",
                next_step="Wait until it ends. If it was killed, its lease expires "
                f"{timeout_s:.0f} s after it was last seen (kubeflow.lease_timeout_s).",
            )  # fmt: skip
        remove_expired(root, lease)


def release(root: Path, run: str) -> None:
    """Remove the lease, if the run holds it."""
    if holder(root) == run:
        lease_file(root).unlink(missing_ok=True)


def shorten(root: Path, run: str, timeout_s: float) -> None:
    """Let the lease expire soon, unless another pod of the run renews it."""
    lease = read_lease(root)
    if lease is not None and lease.run == run:
        time_s = lease.renewed_ns / 1e9 + lease.age_s - max(0.0, timeout_s - STOPPED_EXPIRY_S)
        with contextlib.suppress(FileNotFoundError):
            os.utime(lease_file(root), (time_s, time_s))


def content(run: str) -> bytes:
    return json.dumps({"run": run}).encode()


def lease_file(root: Path) -> Path:
    return root / ".lease.json"


def holder(root: Path) -> str | None:
    """The run that holds the lease, empty if the file is incomplete; None without a lease."""
    lease = read_lease(root)
    return None if lease is None else lease.run


def read_lease(root: Path) -> Lease | None:
    """The lease, with its age by the clock of the volume; None without one."""
    try:
        with open(lease_file(root), encoding="utf-8") as file:
            found, text = os.fstat(file.fileno()), file.read()
    except FileNotFoundError:
        return None
    probe = root / f".clock.{os.getpid()}.{os.urandom(4).hex()}"
    probe.touch()
    try:
        age_s = max(0.0, probe.stat().st_mtime - found.st_mtime)
    finally:
        probe.unlink()
    return Lease(run_in(text), found.st_ino, found.st_mtime_ns, age_s)


def run_in(text: str) -> str:
    """The run in the content of a lease; empty if it is incomplete. Such a lease expires too.

    >>> run_in('{"run": "a"}'), run_in('{"ru')
    ('a', '')
    """
    try:
        return str(json.loads(text)["run"])
    except (ValueError, KeyError, TypeError):
        return ""


def renew(root: Path) -> bool:
    """Set the time of the lease to now; return whether it existed."""
    try:
        os.utime(lease_file(root))
    except FileNotFoundError:
        return False
    return True


def remove_expired(root: Path, expired: Lease) -> None:
    """Remove an expired lease; put it back if it was renewed or replaced in the meantime."""
    aside = root / f".lease.{os.urandom(4).hex()}.stale"
    try:
        os.replace(lease_file(root), aside)
    except FileNotFoundError:
        return
    found = aside.stat()
    if (found.st_ino, found.st_mtime_ns) != (expired.inode, expired.renewed_ns):
        claim(lease_file(root), aside.read_bytes())
    aside.unlink()


def _keep_renewing(root: Path, run: str, done: threading.Event, on_lost: Callable[[], None]) -> None:
    while not done.wait(RENEW_S):
        try:
            current = holder(root)
            if current == run:
                renew(root)
            elif current is not None or not claim(lease_file(root), content(run)):
                on_lost()
                return
        except OSError:
            # Try again later; if the volume stays away, the work of the pod fails with its own error.
            continue
