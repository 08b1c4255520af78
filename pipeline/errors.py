"""The exceptions of the project with their exit codes.

    MainlineError            1   anything that stops a run
    ├── InputError           2   the user's input cannot be used
    │   ├── ConfigError          a config file, a key, a --set
    │   └── DataError            a data file, a row, a value
    ├── MachineError         1   the machine: disk, permissions, memory, a server; the same input may work later
    ├── NotBlessedError      3   the model missed a threshold
    └── DataRejectedError    4   the validation gate found anomalies

This module imports only the standard library, so that every package can use it.
"""

import collections.abc
import difflib
import errno
import re
import sys

SURROGATE = re.compile("[\ud800-\udfff]")


def printable(text: str) -> str:
    r"""A text that can be encoded: lone surrogates, as in a file name that is not UTF-8, are escaped.

    >>> printable("rows-\udcff.csv")
    'rows-\\udcff.csv'
    """
    return SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


# The path is wrong: nothing is there, or something of another kind. Other errors of the system are the machine's fault.
WRONG_PATH = (
    errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL,
)  # fmt: skip


class MainlineError(Exception):
    """Where something went wrong, what, what was expected, what was received, and what to do next.

    >>> print(MainlineError("rows.csv, line 3", "not a number", expected="FLOAT", received="'x'", next_step="Fix it."))
    rows.csv, line 3: not a number
      expected: FLOAT
      received: 'x'
      next:     Fix it.
    """

    exit_code = 1

    def __init__(
        self, where: str, problem: str, *, expected: str = "", received: str = "", next_step: str = ""
    ) -> None:
        self.where = printable(where)
        self.problem = printable(problem)
        self.expected = printable(expected)
        self.received = printable(received)
        self.next_step = printable(next_step)
        super().__init__(self.where, self.problem)

    def __str__(self) -> str:
        details = {"expected": self.expected, "received": self.received, "next": self.next_step}
        lines = [f"  {name + ':':9} {text}" for name, text in details.items() if text]
        return "\n".join([f"{self.where}: {self.problem}", *lines])


class InputError(MainlineError):
    """The user's input cannot be used."""

    exit_code = 2


class ConfigError(InputError):
    """A config file, a key, or a ``--set`` is wrong."""


class DataError(InputError):
    """A data file is missing, unreadable or malformed."""


class MachineError(MainlineError):
    """The machine is at fault, such as a full disk, permissions or a server: the same input may work later."""


class NotBlessedError(MainlineError):
    """The model missed a threshold, so it was not pushed."""

    exit_code = 3


class DataRejectedError(MainlineError):
    """The validation gate found anomalies that the config does not accept."""

    exit_code = 4


def did_you_mean(name: str, known: collections.abc.Iterable[str]) -> str:
    """The known name nearest to ``name``, ignoring case, as a question; empty if none is near.

    >>> did_you_mean("Sex", ["age", "sex"]), did_you_mean("zzz", ["age"])
    ("Did you mean 'sex'?", '')
    """
    by_case = {candidate.casefold(): candidate for candidate in known}
    nearest = difflib.get_close_matches(name.casefold(), by_case, n=1)
    return f"Did you mean '{by_case[nearest[0]]}'?" if nearest else ""


def is_machines(error: OSError) -> bool:
    """Whether the machine is at fault, and not a wrong path.

    >>> is_machines(PermissionError(errno.EACCES, "")), is_machines(FileNotFoundError(errno.ENOENT, ""))
    (True, False)
    """
    return error.errno is not None and error.errno not in WRONG_PATH


def refused(error: OSError, kind: type[MainlineError]) -> type[MainlineError]:
    """``MachineError`` if the machine is at fault, otherwise ``kind``, which is for the user's input."""
    return MachineError if is_machines(error) else kind


def of_system(error: OSError) -> MainlineError:
    """An ``OSError`` as ours, with its path and the system's message.

    >>> print(of_system(IsADirectoryError(errno.EISDIR, "Is a directory", "a.partial", None, "a")))
    a: Is a directory
    """
    where = error.filename2 or error.filename or "the system"
    return refused(error, InputError)(str(where), error.strerror or str(error))


def fail(error: MainlineError | OSError) -> int:
    """Print the error that ends a command on stderr, one of the system as ours; return the exit code."""
    told = error if isinstance(error, MainlineError) else of_system(error)
    print(told, file=sys.stderr, flush=True)
    return told.exit_code


def causes(error: BaseException | None) -> collections.abc.Iterator[BaseException]:
    """An error and all its causes, each once, even if an error is its own cause.

    urllib3 and urllib keep their cause in ``reason``.

    >>> outer = ValueError("outer"); outer.__cause__ = KeyError("inner"); outer.__cause__.__cause__ = outer
    >>> [str(found) for found in causes(outer)]
    ['outer', "'inner'"]
    """
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        current = waiting.pop()
        if not isinstance(current, BaseException) or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        waiting += [getattr(current, "reason", None), current.__context__, current.__cause__]
