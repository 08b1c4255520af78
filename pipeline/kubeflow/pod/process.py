"""The process of a pod: lines on standard error, the last of which names the error, and an exit code."""

import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from components.compat.tfx import startup
from components.support.text import first_line
from pipeline.errors import MainlineError
from pipeline.run.signals import signals_as_interrupt


@dataclass
class ExitStatus:
    """The exit code of a pod."""

    exit_code: int = 0


@contextmanager
def running_pod(name: str) -> Iterator[ExitStatus]:
    """Run the block; an error is printed and sets the exit code, and SIGTERM interrupts it like Ctrl-C."""
    status = ExitStatus()
    with signals_as_interrupt():
        try:
            startup.prepare_process()
            yield status
        except (Exception, KeyboardInterrupt) as error:
            status.exit_code = print_error(name, error)


def print_error(name: str, error: BaseException) -> int:
    """Print an error, with where and what in the last line, and return the exit code."""
    ours = error if isinstance(error, MainlineError) else None
    # The traceback of one of our errors says nothing, but that of its cause may.
    foreign = error.__cause__ if ours else error
    if foreign is not None and not isinstance(foreign, MainlineError):
        traceback.print_exception(type(foreign), foreign, foreign.__traceback__, file=sys.stderr)
    if ours is None:
        ours = MainlineError(name, f"{type(error).__name__}: {first_line(error)}")
    print(ours, file=sys.stderr)
    print(f"{name} failed with exit code {ours.exit_code}: {ours.where}: {ours.problem}", file=sys.stderr, flush=True)
    return ours.exit_code


def tell(text: str) -> None:
    """Print a line with the time."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)
