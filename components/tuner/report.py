"""The interface between a training and a search: the training reports the metric of each epoch.

Outside a trial nothing listens, so a training may always report. This module imports only the standard library.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Listener = Callable[[int, float], None]
_listeners: list[Listener] = []


class Pruned(Exception):
    """The search stops this trial early, since its epochs were worse than those of other trials."""


def report(epoch: int, value: float) -> None:
    """Report the metric of an epoch to the search, if there is one.

    Args:
        epoch: counts from 0.
        value: of the search's metric; less is better.

    Raises:
        Pruned: the trial must stop now, without exporting a model.
        MainlineError: the value is not finite.
    """
    for listener in _listeners:
        listener(epoch, value)


def is_trial() -> bool:
    """Whether this process runs a trial, whose model is not needed."""
    return bool(_listeners)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Make this process a trial while the body runs.

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
