"""Shared by the command lines: progress on stderr, and errors turned into exit codes."""

import sys
from collections.abc import Callable

from pipeline.errors import MainlineError, of_system


def say(line: str) -> None:
    """Print one line of progress on stderr, so that stdout stays fit for a pipe."""
    print(line, file=sys.stderr, flush=True)


def exit_code(action: Callable[[], None]) -> int:
    """Run ``action``; print the error that stopped it, if any, and return the exit code (0, 2 for bad data, or 1)."""
    try:
        action()
    except MainlineError as error:
        say(str(error))
        return error.exit_code
    except OSError as error:
        told = of_system(error)
        say(str(told))
        return told.exit_code
    return 0
