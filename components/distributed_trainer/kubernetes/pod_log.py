"""Copies what pods print to standard output, a line at a time and each line once, whatever becomes of connections."""

import threading
from collections.abc import Callable, Iterator

from urllib3.exceptions import HTTPError

from components.distributed_trainer.kubernetes.api import MISSING, ApiException

AGAIN_S = 1.0


class Replay:
    """Tells the lines of a log that were seen before a connection broke from those that come after.

    Each line has the time at which it was printed, in nanoseconds; several may have the same.
    """

    def __init__(self) -> None:
        self._last, self._seen, self._skip, self._replaying = "", 0, 0, False

    def from_the_start(self) -> None:
        """The next line is the first of the log again."""
        self._skip, self._replaying = self._seen, bool(self._last)

    def is_new(self, stamp: str) -> bool:
        """Whether a line was not seen; times compare as text, since they have equal length."""
        if self._replaying and stamp < self._last:
            return False
        if self._replaying and stamp == self._last and self._skip:
            self._skip -= 1
            return False
        self._replaying = False
        self._seen = self._seen + 1 if stamp == self._last else 1
        self._last = stamp
        return True


class Follower:
    """A thread that prints the log of a pod, the name of its task before every line.

    Args:
        name: of the task.
        read: opens the log at its start.
        is_over: whether the pod has ended.
    """

    def __init__(self, name: str, read: Callable[[], Iterator[bytes]], is_over: Callable[[], bool]) -> None:
        self._name, self._read, self._is_over = name, read, is_over
        self._replay = Replay()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Says that the pod has been deleted: what is there is read to its end."""
        self._closed.set()

    def wait(self, timeout_s: float) -> bool:
        """Returns when it has ended, or after a time; whether it has."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            is_last = self._closed.is_set() or self._is_over()
            if self._copy(is_last) and is_last:
                return
            self._closed.wait(AGAIN_S)

    def _copy(self, is_last: bool) -> bool:
        """Prints what is new until the log or the connection ends; whether there is no more."""
        self._replay.from_the_start()
        try:
            for line in self._read():
                # A line that the connection cut off comes again, whole.
                if is_last or line.endswith(b"\n"):
                    self._print(line.decode("utf-8", "replace").rstrip())
        except ApiException as error:
            return error.status == MISSING or self._closed.is_set()
        except HTTPError:
            return self._closed.is_set()
        return True

    def _print(self, line: str) -> None:
        stamp, _, text = line.partition(" ")
        if self._replay.is_new(stamp):
            print(f"[{self._name}] {text}", flush=True)
