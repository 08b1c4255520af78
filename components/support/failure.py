"""A failure as data: a process that ends says in a file what another one reports."""

import time
from dataclasses import dataclass

from components.support.error_text import first_line
from pipeline import errors
from pipeline.errors import MainlineError


@dataclass(frozen=True)
class Failure:
    """What went wrong; ``kind`` is the class, ``problem`` and the others are those of a MainlineError.

    ``at_s`` is in seconds since 1970.
    """

    at_s: float
    kind: str
    where: str
    problem: str
    expected: str = ""
    received: str = ""
    next_step: str = ""

    @property
    def is_ours(self) -> bool:
        """Whether it was an exception of ours, which says what is wrong with input, settings or machine."""
        found = getattr(errors, self.kind, None)
        return isinstance(found, type) and issubclass(found, MainlineError)

    def as_error(self) -> MainlineError:
        """The same as an exception; of a library's, as the base of ours."""
        made: type[MainlineError] = getattr(errors, self.kind) if self.is_ours else MainlineError
        details = {"expected": self.expected, "received": self.received, "next_step": self.next_step}
        return made(self.where, self.problem, **details)


def as_failure(error: BaseException, where: str = "run") -> Failure:
    """What an exception says; ``where`` is for those that do not say it themselves."""
    kind, now_s = type(error).__name__, time.time()
    if isinstance(error, MainlineError):
        return Failure(now_s, kind, error.where, error.problem, error.expected, error.received, error.next_step)
    text = first_line(error, length=500)
    return Failure(now_s, kind, where, f"{kind}: {text}", next_step="Its traceback is in the log of the run.")
