"""The seam between a training and a search: the training says how good each epoch was.

Outside of a trial nothing listens, so that a training may always report. This module imports the standard library only.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Listener = Callable[[int, float], None]
_listeners: list[Listener] = []


class Pruned(Exception):
    """The trial is so bad so far that the search wants no more of it."""


def report(epoch: int, value: float) -> None:
    """Tells the search, if there is one, what an epoch came to.

    Args:
        epoch: counts from 0.
        value: of the search's metric; less is better.

    Raises:
        Pruned: the trial is to stop now, without an export.
        MainlineError: the value is not finite.
    """
    for listener in _listeners:
        listener(epoch, value)


def is_trial() -> bool:
    """Whether this process runs a trial, whose model nobody wants."""
    return bool(_listeners)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Makes this process a trial for a while.

    >>> with listening(print):
    ...     report(0, 0.5)
    0 0.5
    >>> report(1, 0.4)
    """
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)
