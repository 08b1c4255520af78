"""The terminal is ours, the log file is everyone's: standard output and error of all libraries go to the log."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


@contextmanager
def libraries_to(log: Path) -> Iterator[TextIO]:
    """Sends file descriptors 1 and 2 to ``log``, C++ included, and gives a stream that still reaches the terminal.

    The stream is a copy of standard error, so that standard output stays clean for the result.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    with open(log, "a", encoding="utf-8") as file:
        saved = os.dup(1), os.dup(2)
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    try:
        with os.fdopen(os.dup(saved[1]), "w", encoding="utf-8") as terminal:
            yield terminal
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for source, target in zip(saved, (1, 2), strict=True):
            os.dup2(source, target)
            os.close(source)
