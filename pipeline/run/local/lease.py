"""A lease, so that only one run of a pipeline is active on a cluster: a file on the volume with the id of the run.

The pods of a run renew its lease while they work, and the last one releases it. A lease that is not renewed expires and
can be taken over. File locks of the operating system do not work between machines. What must not meet a run, such as a
rollback, holds the lease too.
"""

import contextlib
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from platform import node
from typing import Any

from components.support.atomic_files import claim
from pipeline.errors import MainlineError
from pipeline.run.local.lock import run_lock

RENEW_S = 30.0
# After a pod was stopped, the lease expires in this time: long enough for a retry of the pod to renew it.
STOPPED_EXPIRY_S = 300.0
# Of a lease whose content is incomplete, and so does not say; the default of kubeflow.lease_timeout_s.
UNKNOWN_EXPIRY_S = 3600.0
# Linux draws it anew at each start.
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Lease:
    """The state of a lease.

    Attributes:
        run: the id of the run that holds it, empty if the file is incomplete.
        since: when the run took it, ISO 8601, UTC; empty if unknown.
        timeout_s: the time without renewal after which it expires, as its run said; None if unknown.
        inode: of its file; likewise ``renewed_ns``, its time.
        age_s: the time since it was renewed.
    """

    run: str
    since: str
    timeout_s: float | None
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
    with renewing(root, run, timeout_s, on_lost):
        yield


@contextlib.contextmanager
def hold_briefly(root: Path, work: str, on_lost: Callable[[], None] = stop_this_pod) -> Iterator[None]:
    """Hold the lock of the root and the lease for work that must not meet a run, and release both afterwards.

    If the process is killed, the lease expires in ``STOPPED_EXPIRY_S``; the same work, asked for again on this machine,
    takes it at once: that it gets the lock shows that the process is gone.

    Args:
        root: of the pipeline.
        work: what it is, in words for whoever has to wait; the same words are the same work.
        on_lost: called in another thread if the lease is lost.

    Raises:
        MainlineError: a run, or other such work, is active, on this machine or on another one.
    """
    with run_lock(root, work):
        mine = f"{work} on {this_machine()}"
        acquire(root, mine, STOPPED_EXPIRY_S, is_setting=False)
        try:
            with renewing(root, mine, STOPPED_EXPIRY_S, on_lost):
                yield
        finally:
            release(root, mine)


def this_machine() -> str:
    """Return words that no other machine has, not even one with the same host name, until this one restarts."""
    try:
        boot = BOOT_ID.read_text(encoding="ascii")
    except OSError:
        # Other systems than Linux: nobody has this one, so work that was killed waits until its lease expires.
        boot = os.urandom(4).hex()
    return f"{node()}, boot {boot[:8]}"


@contextlib.contextmanager
def renewing(root: Path, run: str, timeout_s: float, on_lost: Callable[[], None]) -> Iterator[None]:
    """Renew the lease during the block; if it is interrupted, let the lease expire soon."""
    done = threading.Event()
    thread = threading.Thread(target=_keep_renewing, args=(root, run, timeout_s, done, on_lost), daemon=True)
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


def acquire(root: Path, run: str, timeout_s: float, is_setting: bool = True) -> None:
    """Take the lease, or renew it for the same run, or take over an expired one.

    Args:
        root: of the pipeline.
        run: the id of the run, or what else holds it, in words.
        timeout_s: the time without renewal after which this lease expires.
        is_setting: whether that is ``kubeflow.lease_timeout_s``; then the lease of another run expires in it too,
            unless that lease says less. Otherwise that lease expires in the time that it says.

    Raises:
        MainlineError: another run holds it.
    """
    while not claim(lease_file(root), content(run, timeout_s)):
        lease = read_lease(root)
        if lease is None:
            continue
        if lease.run == run:
            if renew(root):
                return
            continue
        setting_s = timeout_s if is_setting else None
        if lease.age_s < expiry_s(lease, setting_s):
            raise is_held(root, lease, setting_s)
        remove_expired(root, lease)


def expiry_s(lease: Lease, setting_s: float | None) -> float:
    """Return the time without renewal after which the lease of another run expires."""
    return min((found for found in (lease.timeout_s, setting_s) if found is not None), default=UNKNOWN_EXPIRY_S)


def is_held(root: Path, lease: Lease, setting_s: float | None) -> MainlineError:
    """Return the error about a lease that something else holds."""
    since, within_s = f", since {lease.since}" if lease.since else "", expiry_s(lease, setting_s)
    setting = " (kubeflow.lease_timeout_s)" if within_s == setting_s else ""
    return MainlineError(
        str(root), f"in use by {lease.run or 'an unknown run'}",
        received=f"{lease.run or 'unknown'}{since}, last seen {lease.age_s:.0f} s ago",
        next_step="Wait until it ends. If it was killed, its lease expires "
        f"{within_s:.0f} s after it was last seen{setting}.",
    )  # fmt: skip


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


def content(run: str, timeout_s: float) -> bytes:
    since = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return json.dumps({"run": run, "since": since, "timeout_s": timeout_s}).encode()


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
    return Lease(*holder_in(text), found.st_ino, found.st_mtime_ns, age_s)


def holder_in(text: str) -> tuple[str, str, float | None]:
    """The run in the content of a lease, since when, and its timeout; incomplete content expires too.

    >>> holder_in('{"run": "a", "since": "2026-03-01T12:30:00+00:00", "timeout_s": 60.0}')
    ('a', '2026-03-01T12:30:00+00:00', 60.0)
    >>> holder_in('{"run": "a"}'), holder_in('{"ru')
    (('a', '', None), ('', '', None))
    """
    try:
        found: Any = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        return "", "", None
    timeout_s: Any = found.get("timeout_s")
    known = float(timeout_s) if type(timeout_s) in (int, float) and timeout_s >= 0 else None
    return str(found.get("run", "")), str(found.get("since", "")), known


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


def _keep_renewing(root: Path, run: str, timeout_s: float, done: threading.Event, on_lost: Callable[[], None]) -> None:
    while not done.wait(RENEW_S):
        try:
            current = holder(root)
            if current == run:
                renew(root)
            elif current is not None or not claim(lease_file(root), content(run, timeout_s)):
                on_lost()
                return
        except OSError:
            # Try again later; if the volume stays away, the work of the pod fails with its own error.
            continue
