"""Signals that end a run in order: Ctrl-C, SIGTERM and the loss of the terminal."""

import contextlib
import signal
from collections.abc import Callable, Iterable, Iterator
from types import FrameType
from typing import Any

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# The signals that have come; a library may swallow what they raise, or wrap it.
_come: list[int] = []


@contextlib.contextmanager
def signals_as_interrupt() -> Iterator[None]:
    """Makes each of them raise KeyboardInterrupt, so that the lock, the log and ML Metadata are left in order.

    Ctrl-C does so even where a script started the run in the background, which makes it ignore SIGINT. SIGHUP is left
    alone where it is ignored: this is how nohup asks for a run that outlives its terminal.
    """
    _come.clear()
    ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    try:
        with handle_signals(_interrupt, [number for number in STOP_SIGNALS if number != signal.SIGHUP or not ignored]):
            yield
    finally:
        _come.clear()


def stop_requested() -> bool:
    """Whether a signal has asked the run to end."""
    return bool(_come)


def _interrupt(number: int, frame: FrameType | None) -> None:
    _come.append(number)
    raise KeyboardInterrupt


@contextlib.contextmanager
def signals_ignored() -> Iterator[None]:
    """Passes over the signals while something short is put in order, which a second one must not cut short."""
    with handle_signals(signal.SIG_IGN, STOP_SIGNALS):
        yield


@contextlib.contextmanager
def handle_signals(handler: Callable[..., Any] | signal.Handlers, numbers: Iterable[signal.Signals]) -> Iterator[None]:
    """Answers signals with a handler, then with the earlier ones again."""
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, signal.SIG_DFL if earlier is None else earlier)
