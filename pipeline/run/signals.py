"""Signals that stop a run cleanly: Ctrl-C, SIGTERM and the loss of the terminal."""

import contextlib
import signal
from collections.abc import Callable, Iterable, Iterator
from types import FrameType
from typing import Any

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Signals received so far. A library may swallow or wrap the KeyboardInterrupt that they raise.
_received: list[int] = []


@contextlib.contextmanager
def signals_as_interrupt() -> Iterator[None]:
    """Make each signal raise KeyboardInterrupt, so that the run can clean up its lock, log and ML Metadata.

    This includes SIGINT where a script started the run in the background, which ignores it. SIGHUP stays ignored where
    it is: with nohup, a run outlives its terminal.
    """
    _received.clear()
    ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    try:
        with handle_signals(_interrupt, [number for number in STOP_SIGNALS if number != signal.SIGHUP or not ignored]):
            yield
    finally:
        _received.clear()


def stop_requested() -> bool:
    """Whether a signal has asked the run to stop."""
    return bool(_received)


def _interrupt(number: int, frame: FrameType | None) -> None:
    _received.append(number)
    raise KeyboardInterrupt


@contextlib.contextmanager
def signals_ignored() -> Iterator[None]:
    """Ignore the signals during a short cleanup that a second signal must not interrupt."""
    with handle_signals(signal.SIG_IGN, STOP_SIGNALS):
        yield


@contextlib.contextmanager
def handle_signals(handler: Callable[..., Any] | signal.Handlers, numbers: Iterable[signal.Signals]) -> Iterator[None]:
    """Install a handler for some signals, and restore the previous handlers at the end."""
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, signal.SIG_DFL if earlier is None else earlier)
