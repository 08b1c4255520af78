"""One run of a pipeline at a time, on a cluster: a file on the volume names the run that holds the pipeline.

A lock of the operating system does not reach from one machine to another, so a run holds a lease: its pods renew it
while they are at work, its last pod gives it back, and one that nobody renews may be taken over.
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
# A pod that is stopped may be tried again, after pauses of less than this; or its run is over, with no last pod.
STOPPED_S = 300.0


@dataclass(frozen=True)
class Held:
    """A lease as it was found: the run that holds it, its file, and for how long it was not renewed."""

    run: str
    inode: int
    renewed_ns: int
    silent_s: float


def stop_this_pod() -> None:
    """What a pod does that has lost the lease: it ends in order, before it publishes anything."""
    os.kill(os.getpid(), signal.SIGTERM)


@contextlib.contextmanager
def leased(root: Path, run: str, timeout_s: float, on_lost: Callable[[], None] = stop_this_pod) -> Iterator[None]:
    """Holds a pipeline for a run while a pod of it is at work; the lease outlives the pod, for the next ones.

    Raises:
        MainlineError: another run holds it; it says which.
    """
    acquire(root, run, timeout_s)
    done = threading.Event()
    thread = threading.Thread(target=_renew, args=(root, run, done, on_lost), daemon=True)
    thread.start()
    try:
        yield
    except KeyboardInterrupt:
        done.set()
        thread.join()
        fade(root, run, timeout_s)
        raise
    finally:
        done.set()
        thread.join()


def acquire(root: Path, run: str, timeout_s: float) -> None:
    """Takes the lease, or renews it for the same run; takes over one that was not renewed for ``timeout_s``.

    Raises:
        MainlineError: another run holds it.
    """
    while not claim(lease_of(root), content(run)):
        held = look(root)
        if held is None:
            continue
        if held.run == run:
            if renew(root):
                return
            continue
        if held.silent_s < timeout_s:
            raise MainlineError(
                str(root), "another run of this pipeline is at work",
                received=f"{held.run or 'unknown'}, last seen {held.silent_s:.0f} s ago",
                next_step="Wait for it to end. One that was stopped by force is forgotten "
                f"{timeout_s:.0f} s after its last sign of life (kubeflow.lease_timeout_s).",
            )  # fmt: skip
        take_away(root, held)


def release(root: Path, run: str) -> None:
    """Gives the lease back, if the run holds it."""
    if holder(root) == run:
        lease_of(root).unlink(missing_ok=True)


def fade(root: Path, run: str, timeout_s: float) -> None:
    """Lets others take the lease over soon, unless another pod of the run renews it."""
    held = look(root)
    if held is not None and held.run == run:
        then_s = held.renewed_ns / 1e9 + held.silent_s - max(0.0, timeout_s - STOPPED_S)
        with contextlib.suppress(FileNotFoundError):
            os.utime(lease_of(root), (then_s, then_s))


def content(run: str) -> bytes:
    """What a lease says."""
    return json.dumps({"run": run}).encode()


def lease_of(root: Path) -> Path:
    """The file."""
    return root / ".lease.json"


def holder(root: Path) -> str | None:
    """The run that holds the lease, empty where the file does not say; None for no lease."""
    held = look(root)
    return None if held is None else held.run


def look(root: Path) -> Held | None:
    """The lease, its age by the clock of the volume; None where there is none."""
    try:
        with open(lease_of(root), encoding="utf-8") as file:
            found, text = os.fstat(file.fileno()), file.read()
    except FileNotFoundError:
        return None
    probe = root / f".clock.{os.getpid()}.{os.urandom(4).hex()}"
    probe.touch()
    try:
        silent_s = max(0.0, probe.stat().st_mtime - found.st_mtime)
    finally:
        probe.unlink()
    return Held(run_in(text), found.st_ino, found.st_mtime_ns, silent_s)


def run_in(text: str) -> str:
    """The run that a lease names; nothing in one that was half written, which ages like any other.

    >>> run_in('{"run": "a"}'), run_in('{"ru')
    ('a', '')
    """
    try:
        return str(json.loads(text)["run"])
    except (ValueError, KeyError, TypeError):
        return ""


def renew(root: Path) -> bool:
    """Sets the time of the lease to now; whether it was there."""
    try:
        os.utime(lease_of(root))
    except FileNotFoundError:
        return False
    return True


def take_away(root: Path, judged: Held) -> None:
    """Removes a lease that nobody renews; one that was made or renewed since it was judged is put back."""
    aside = root / f".lease.{os.urandom(4).hex()}.stale"
    try:
        os.replace(lease_of(root), aside)
    except FileNotFoundError:
        return
    found = aside.stat()
    if (found.st_ino, found.st_mtime_ns) != (judged.inode, judged.renewed_ns):
        claim(lease_of(root), aside.read_bytes())
    aside.unlink()


def _renew(root: Path, run: str, done: threading.Event, on_lost: Callable[[], None]) -> None:
    while not done.wait(RENEW_S):
        try:
            held = holder(root)
            if held == run:
                renew(root)
            elif held is not None or not claim(lease_of(root), content(run)):
                on_lost()
                return
        except OSError:
            # The next try may do; if none does, the pod's own work on the volume fails and says so.
            continue
