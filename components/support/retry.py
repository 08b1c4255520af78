"""Retries with growing pauses, on tenacity: https://tenacity.readthedocs.io/en/latest/."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

Result = TypeVar("Result")


@dataclass(frozen=True)
class Backoff:
    """When to call again: after ``first_s``, then after twice as long each time, but at most after ``longest_s``.

    It ends after ``attempts`` calls or ``timeout_s``, whichever comes first; the last pause is cut to end in time.
    """

    first_s: float
    longest_s: float
    attempts: float = math.inf
    timeout_s: float = math.inf

    def pause_s(self, attempt: int) -> float:
        """The pause after a failed attempt, counted from 1.

        >>> [Backoff(1.0, 3.0).pause_s(attempt) for attempt in (1, 2, 3, 99)]
        [1.0, 2.0, 3.0, 3.0]
        """
        # Bounded, since 2.0**1024 is no float any more.
        return min(self.first_s * 2.0 ** min(attempt - 1, 60), self.longest_s)


def retry(
    call: Callable[[], Result],
    backoff: Backoff,
    is_transient: Callable[[BaseException], bool],
    before_retry: Callable[[BaseException, float], None] = lambda error, pause_s: None,
    retry_after_s: Callable[[BaseException], float] = lambda error: 0.0,
) -> Result:
    """Call until there is a result, and return it.

    Args:
        call: what to call.
        backoff: the pauses, and when to give up.
        is_transient: whether an error may be gone at the next attempt.
        before_retry: called with each error that is retried and the pause in seconds.
        retry_after_s: the pause in seconds that an error asks for; if it is too long for ``timeout_s``, give up.

    Raises:
        Exception: the last error of ``call``, as it was raised.
    """
    # It takes 0.1 s to import, and most processes never retry.
    import tenacity

    def wait(state: Any) -> float:
        left_s = max(0.0, backoff.timeout_s - state.seconds_since_start)
        return max(min(backoff.pause_s(state.attempt_number), left_s), retry_after_s(state.outcome.exception()))

    def stop(state: Any) -> bool:
        left_s = max(0.0, backoff.timeout_s - state.seconds_since_start)
        return state.attempt_number >= backoff.attempts or left_s == 0 or state.upcoming_sleep > left_s

    def before_sleep(state: Any) -> None:
        before_retry(state.outcome.exception(), state.upcoming_sleep)

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(is_transient), wait=wait, stop=stop, before_sleep=before_sleep, reraise=True
    )
    return retrying(call)
