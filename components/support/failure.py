"""A failure as data, which one process writes to a file and another one reports."""

import time
from dataclasses import dataclass

from components.support.text import first_line
from pipeline import errors
from pipeline.errors import MainlineError


@dataclass(frozen=True)
class Failure:
    """The fields of a MainlineError, its class (``kind``), and when it was raised (``at_s``, seconds since 1970)."""

    at_s: float
    kind: str
    where: str
    problem: str
    expected: str = ""
    received: str = ""
    next_step: str = ""

    @property
    def is_ours(self) -> bool:
        """Whether ``kind`` is a MainlineError: a known problem with input, settings or the machine."""
        found = getattr(errors, self.kind, None)
        return isinstance(found, type) and issubclass(found, MainlineError)

    def as_error(self) -> MainlineError:
        """Return it as an exception: of its own class if that is ours, else as a plain MainlineError."""
        made: type[MainlineError] = getattr(errors, self.kind) if self.is_ours else MainlineError
        details = {"expected": self.expected, "received": self.received, "next_step": self.next_step}
        return made(self.where, self.problem, **details)


def as_failure(error: BaseException, where: str = "run") -> Failure:
    """Return an exception as data; ``where`` is used for exceptions that do not name a place."""
    kind, now_s = type(error).__name__, time.time()
    if isinstance(error, MainlineError):
        return Failure(now_s, kind, error.where, error.problem, error.expected, error.received, error.next_step)
    text = first_line(error, limit=500)
    return Failure(now_s, kind, where, f"{kind}: {text}", next_step="Its traceback is in the log of the run.")
