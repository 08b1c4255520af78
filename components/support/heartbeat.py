"""How far the work of this process has come, for whoever watches it: its phase, when it last moved, where it stands.

What works says ``moved`` whenever it has come further, and names long stretches. Nothing here costs more than a look at
the clock, so that it can be said of every step.
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
# What a step in TensorFlow's runtime, and a Python function that it calls back, look like from the Python side.
RUNTIME, CALLED_BACK = "/tensorflow/python/", "/tensorflow/python/ops/script_ops.py"
STANDARD = sysconfig.get_path("stdlib")
INSTALLED = ("/site-packages/", "/dist-packages/")


@dataclass
class Progress:
    """Where the work is; ``moved_s`` is by the monotonic clock."""

    phase: Phase
    moved_s: float


@dataclass(frozen=True)
class Stand:
    """What a look at this process shows.

    Attributes:
        phase: what it is at.
        still_s: for how long it has not moved.
        waits: whether its main thread is in TensorFlow, which may wait for other processes, and not in Python.
        at: the line of Python that the work is in.
    """

    phase: str
    still_s: float
    waits: bool
    at: str


_progress = Progress("starting", time.monotonic())


def moved(phase: Phase | None = None) -> None:
    """Says that the work has come further, or into another phase."""
    _progress.moved_s = time.monotonic()
    _progress.phase = phase or _progress.phase


@contextmanager
def phase(name: Phase) -> Iterator[None]:
    """A stretch with a limit of its own; the phase before goes on behind it."""
    before = _progress.phase
    moved(name)
    try:
        yield
    finally:
        moved(before)


def stand() -> Stand:
    """A look at the process, from any of its threads."""
    frames = sys._current_frames()
    busy = frames.get(threading.main_thread().ident or 0)
    others = [frame for frame in frames.values() if is_called_back(frame)]
    waits = not others and busy is not None and RUNTIME in innermost(busy).f_code.co_filename
    # Under a chief nothing is said of single steps: that it waits for its workers is all that is seen of them.
    if waits and _progress.phase == "leading":
        moved()
    at = line_of(next(iter(others), busy))
    return Stand(_progress.phase, time.monotonic() - _progress.moved_s, waits, at)


def is_called_back(frame: FrameType | None) -> bool:
    """Whether a thread runs a Python function for TensorFlow, such as that of an input."""
    return any(CALLED_BACK in up.f_code.co_filename for up in outward(frame))


def innermost(frame: FrameType) -> FrameType:
    """The innermost frame that is no lock or queue of the standard library."""
    return next((up for up in outward(frame) if not is_standard(up)), frame)


def line_of(frame: FrameType | None) -> str:
    """The innermost line of code that is not installed: the user's or ours, else of whatever there is."""
    mine = (up for up in outward(frame) if not is_standard(up) and not any(p in file_of(up) for p in INSTALLED))
    found = next(mine, frame)
    if found is None:
        return ""
    return f"{Path(file_of(found)).name}:{found.f_lineno} in {found.f_code.co_name}"


def file_of(frame: FrameType) -> str:
    """The file of the code."""
    return frame.f_code.co_filename


def is_standard(frame: FrameType) -> bool:
    """Whether the code is of the standard library, and not of what is installed below it."""
    name = file_of(frame)
    return name.startswith(("<frozen", STANDARD)) and not any(part in name for part in INSTALLED)


def outward(frame: FrameType | None) -> Iterator[FrameType]:
    """A frame and those that called it."""
    while frame is not None:
        yield frame
        frame = frame.f_back
