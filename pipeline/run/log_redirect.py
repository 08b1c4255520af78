"""Redirect the output of all libraries to the log, so that only our own messages reach the terminal."""

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
    """Redirect file descriptors 1 and 2 to ``log``, C++ included, and yield a stream that still reaches the terminal.

    The stream is a copy of standard error, so that standard output has only the result. Output to a terminal that is
    gone or full is dropped.
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
    """Flush standard output and error, if they can still be written."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
