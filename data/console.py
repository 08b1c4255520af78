"""Shared by the command lines: progress on stderr, and errors turned into exit codes."""

import sys
from collections.abc import Callable

from pipeline.errors import MainlineError, fail


def say(line: str) -> None:
    """Print one line of progress on stderr, so that stdout stays fit for a pipe."""
    print(line, file=sys.stderr, flush=True)


def exit_code(action: Callable[[], None]) -> int:
    """Run ``action``; print the error that stopped it, if any, and return the exit code (0, 2 for bad data, or 1)."""
    try:
        action()
    except (MainlineError, OSError) as error:
        return fail(error)
    return 0
