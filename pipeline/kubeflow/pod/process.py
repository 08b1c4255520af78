"""How a pod of ours speaks and ends: lines on standard error, one last line that says what and where, an exit code."""

import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from components.compat.tfx import startup
from pipeline.errors import MainlineError
from pipeline.run.signals import signals_as_interrupt


@dataclass
class Ended:
    """How a pod ended."""

    exit_code: int = 0


@contextmanager
def running_pod(name: str) -> Iterator[Ended]:
    """Runs what is within; a failure becomes text and an exit code, and SIGTERM ends it as Ctrl-C does."""
    ended = Ended()
    with signals_as_interrupt():
        try:
            startup.prepare_process()
            yield ended
        except (Exception, KeyboardInterrupt) as error:
            ended.exit_code = explain(name, error)


def explain(name: str, error: BaseException) -> int:
    """Prints a failure, what and where in the last line; gives the exit code."""
    ours = error if isinstance(error, MainlineError) else None
    # Of a failure in our own words, what it came of is of interest, if there is anything.
    told = error.__cause__ if ours else error
    if told is not None and not isinstance(told, MainlineError):
        traceback.print_exception(type(told), told, told.__traceback__, file=sys.stderr)
    if ours is None:
        ours = MainlineError(name, f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}")
    print(ours, file=sys.stderr)
    print(f"{name} failed with exit code {ours.exit_code}: {ours.where}: {ours.problem}", file=sys.stderr, flush=True)
    return ours.exit_code


def tell(text: str) -> None:
    """A line with the time."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)
