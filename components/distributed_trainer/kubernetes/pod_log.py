"""Copies the logs of pods to standard output, each line once, across broken connections."""

import threading
from collections.abc import Callable, Iterator

from urllib3.exceptions import HTTPError

from components.distributed_trainer.kubernetes.api import NOT_FOUND, ApiException

RECONNECT_S = 1.0


class LineDeduplicator:
    """Recognises the lines of a log that were already copied before a connection broke.

    Each line has a timestamp in nanoseconds, which several lines may share.
    """

    def __init__(self) -> None:
        self._last, self._seen, self._skip, self._replaying = "", 0, 0, False

    def rewind(self) -> None:
        """Say that the next line is the first of the log again."""
        self._skip, self._replaying = self._seen, bool(self._last)

    def is_new(self, stamp: str) -> bool:
        """Whether a line has not been seen; timestamps have equal length, and so compare as text."""
        if self._replaying and stamp < self._last:
            return False
        if self._replaying and stamp == self._last and self._skip:
            self._skip -= 1
            return False
        self._replaying = False
        self._seen = self._seen + 1 if stamp == self._last else 1
        self._last = stamp
        return True


class LogFollower:
    """A thread that prints the log of a pod, each line after the name of its task.

    Args:
        name: of the task.
        read: opens the log at its start.
        is_over: whether the pod has ended.
    """

    def __init__(self, name: str, read: Callable[[], Iterator[bytes]], is_over: Callable[[], bool]) -> None:
        self._name, self._read, self._is_over = name, read, is_over
        self._replay = LineDeduplicator()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Say that the pod has been deleted: the thread ends after the rest of the log."""
        self._closed.set()

    def wait(self, timeout_s: float) -> bool:
        """Wait for the thread; return whether it has ended."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            is_last = self._closed.is_set() or self._is_over()
            if self._copy(is_last) and is_last:
                return
            self._closed.wait(RECONNECT_S)

    def _copy(self, is_last: bool) -> bool:
        """Print new lines until the log or the connection ends; return whether the log has ended."""
        self._replay.rewind()
        try:
            for line in self._read():
                # A line that the connection cut off is sent again after reconnecting.
                if is_last or line.endswith(b"\n"):
                    self._print(line.decode("utf-8", "replace").rstrip())
        except ApiException as error:
            return error.status == NOT_FOUND or self._closed.is_set()
        except HTTPError:
            return self._closed.is_set()
        return True

    def _print(self, line: str) -> None:
        stamp, _, text = line.partition(" ")
        if self._replay.is_new(stamp):
            print(f"[{self._name}] {text}", flush=True)
