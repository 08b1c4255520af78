"""One run of a pipeline at a time, on a cluster: a file on the volume names the run that holds the pipeline.

A lock of the operating system does not reach from one machine to another, so a run holds a lease: its pods renew it
while they are at work, its last pod gives it back, and one that nobody renews may be taken over.
"""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from components.files import claim
from pipeline.errors import MainlineError

RENEW_S = 30.0


@contextmanager
def leased(root: Path, run: str, timeout_s: float) -> Iterator[None]:
    """Holds a pipeline for a run while a pod of it is at work; the lease outlives the pod, for the next ones.

    Raises:
        MainlineError: another run holds it; it says which.
    """
    acquire(root, run, timeout_s)
    done = threading.Event()
    thread = threading.Thread(target=_renew, args=(lease_of(root), done), daemon=True)
    thread.start()
    try:
        yield
    except KeyboardInterrupt:
        # Whoever stops a pod may have ended the whole run, without its last pod.
        release(root, run)
        raise
    finally:
        done.set()
        thread.join()


def acquire(root: Path, run: str, timeout_s: float) -> None:
    """Takes the lease, or renews it for the same run; takes over one that was not renewed for ``timeout_s``.

    Raises:
        MainlineError: another run holds it.
    """
    lease = lease_of(root)
    while not claim(lease, json.dumps({"run": run}).encode()):
        held = holder(lease)
        if held == run:
            os.utime(lease)
            return
        silent_s = silent(root, lease)
        if held is None or silent_s is None:
            continue
        if silent_s < timeout_s:
            raise MainlineError(
                str(root), "another run of this pipeline is at work",
                received=f"{held}, last seen {silent_s:.0f} s ago",
                next_step="Wait for it to end. One that was stopped by force is forgotten "
                f"{timeout_s:.0f} s after its last sign of life (kubeflow.lease_timeout_s).",
            )  # fmt: skip
        take_away(lease, run)


def release(root: Path, run: str) -> None:
    """Gives the lease back, if the run holds it."""
    if holder(lease_of(root)) == run:
        lease_of(root).unlink(missing_ok=True)


def lease_of(root: Path) -> Path:
    """The file."""
    return root / ".lease.json"


def holder(lease: Path) -> str | None:
    """The run that holds a lease; None for none."""
    try:
        return str(json.loads(lease.read_text(encoding="utf-8"))["run"])
    except FileNotFoundError:
        return None


def silent(root: Path, lease: Path) -> float | None:
    """For how many seconds a lease was not renewed, by the clock of the volume; None if it is gone meanwhile."""
    probe = root / f".clock.{os.getpid()}.{os.urandom(4).hex()}"
    probe.touch()
    try:
        return max(0.0, probe.stat().st_mtime - lease.stat().st_mtime)
    except FileNotFoundError:
        return None
    finally:
        probe.unlink()


def take_away(lease: Path, run: str) -> None:
    """Removes a lease that nobody renews; of several who try, one renames it, and the others find it gone."""
    aside = lease.with_name(f".lease.{run}.stale")
    try:
        os.replace(lease, aside)
    except FileNotFoundError:
        return
    aside.unlink(missing_ok=True)


def _renew(lease: Path, done: threading.Event) -> None:
    while not done.wait(RENEW_S):
        try:
            os.utime(lease)
        except OSError:
            # The next try may do; if none does, the pod's own work on the volume fails and says so.
            continue
