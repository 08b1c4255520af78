"""The terminal is ours, the log file is everyone's: standard output and error of all libraries go to the log."""

import contextlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from pipeline.run.streams import best_effort_stream, encoding_of


@contextmanager
def redirect_output(log: Path) -> Iterator[TextIO]:
    """Sends file descriptors 1 and 2 to ``log``, C++ included, and gives a stream that still reaches the terminal.

    The stream is a copy of standard error, so that standard output stays clean for the result. A terminal that is gone
    or full costs what would have been shown there, and nothing else.
    """
    flush()
    with open(log, "a", encoding="utf-8") as file:
        saved = os.dup(1), os.dup(2)
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    try:
        yield best_effort_stream(saved[1], encoding_of(sys.stderr))
    finally:
        flush()
        for source, target in zip(saved, (1, 2), strict=True):
            os.dup2(source, target)
            os.close(source)


def flush() -> None:
    """What waits in buffers goes where it was meant to, if that can still be written."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
