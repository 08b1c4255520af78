"""The progress of this process, for whoever supervises it: its phase, the last heartbeat, and the line it is in.

Code that works calls ``beat`` whenever it has gone on, and names its long phases. A call costs no more than a look at
the clock, so every step of a training may make one.
"""

import sys
import sysconfig
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Literal

Phase = Literal[
    "starting", "reading rows", "building", "reading weights", "tracing", "training", "validating", "writing",
    "exporting", "serving", "leading",
]  # fmt: skip
# How a frame is recognized that runs in TensorFlow's runtime, and one that the runtime has called back.
RUNTIME, CALLED_BACK = "/tensorflow/python/", "/tensorflow/python/ops/script_ops.py"
STANDARD = sysconfig.get_path("stdlib")
INSTALLED = ("/site-packages/", "/dist-packages/")


@dataclass
class Progress:
    """The current phase, and when the work last went on, by the monotonic clock in seconds."""

    phase: Phase
    beat_s: float


@dataclass(frozen=True)
class Snapshot:
    """The state of this process at one moment.

    Attributes:
        phase: the current phase of the work.
        still_s: seconds since the last heartbeat.
        waits: whether the main thread is in TensorFlow, which may wait for other processes, rather than in Python.
        at: the line of Python that is running.
    """

    phase: str
    still_s: float
    waits: bool
    at: str


_progress = Progress("starting", time.monotonic())


def beat(phase: Phase | None = None) -> None:
    """Record that the work went on, or entered another phase. It costs no more than a look at the clock."""
    _progress.beat_s = time.monotonic()
    _progress.phase = phase or _progress.phase


@contextmanager
def phase(name: Phase) -> Iterator[None]:
    """Enter a phase with a time limit of its own for the length of the block."""
    before = _progress.phase
    beat(name)
    try:
        yield
    finally:
        beat(before)


def snapshot() -> Snapshot:
    """Return the state of the process; any thread may ask."""
    frames = sys._current_frames()
    busy = frames.get(threading.main_thread().ident or 0)
    others = [frame for frame in frames.values() if is_called_back(frame)]
    waits = not others and busy is not None and RUNTIME in innermost(busy).f_code.co_filename
    # A chief hears of no single steps. Waiting for its workers is all that it does, and counts as going on.
    if waits and _progress.phase == "leading":
        beat()
    at = line_of(next(iter(others), busy))
    return Snapshot(_progress.phase, time.monotonic() - _progress.beat_s, waits, at)


def is_called_back(frame: FrameType | None) -> bool:
    """Whether a thread runs a Python function that TensorFlow has called, such as one of the input pipeline."""
    return any(CALLED_BACK in up.f_code.co_filename for up in outward(frame))


def innermost(frame: FrameType) -> FrameType:
    """Return the innermost frame outside the standard library: not a lock or a queue."""
    return next((up for up in outward(frame) if not is_standard(up)), frame)


def line_of(frame: FrameType | None) -> str:
    """Return the innermost line of code that is not an installed library's, else the innermost of all."""
    mine = (up for up in outward(frame) if not is_standard(up) and not any(p in file_of(up) for p in INSTALLED))
    found = next(mine, frame)
    if found is None:
        return ""
    return f"{Path(file_of(found)).name}:{found.f_lineno} in {found.f_code.co_name}"


def file_of(frame: FrameType) -> str:
    return frame.f_code.co_filename


def is_standard(frame: FrameType) -> bool:
    """Whether the code belongs to the standard library, not to packages installed below it."""
    name = file_of(frame)
    return name.startswith(("<frozen", STANDARD)) and not any(part in name for part in INSTALLED)


def outward(frame: FrameType | None) -> Iterator[FrameType]:
    """Yield a frame, then its callers."""
    while frame is not None:
        yield frame
        frame = frame.f_back
