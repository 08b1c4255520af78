"""Retries: which errors, how often, after which pauses."""

import math

import pytest

from components.support.retry import Backoff, retry


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = 100.0
        self.pauses_s: list[float] = []
        monkeypatch.setattr("time.monotonic", lambda: self.now_s)
        monkeypatch.setattr("time.sleep", self.sleep)

    def sleep(self, pause_s: float) -> None:
        self.now_s += pause_s
        self.pauses_s.append(pause_s)


@pytest.fixture
def clock(monkeypatch) -> Clock:
    return Clock(monkeypatch)


class Failing:
    """A call that fails ``times`` times."""

    def __init__(self, times: float, error: type[BaseException] = ConnectionError) -> None:
        self.times, self.error, self.calls = times, error, 0

    def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self.times:
            raise self.error(f"attempt {self.calls}")
        return "result"


def is_transient(error: BaseException) -> bool:
    return isinstance(error, ConnectionError)


def test_pauses_double_up_to_the_longest(clock):
    assert retry(Failing(5), Backoff(1.0, 5.0), is_transient) == "result"
    assert clock.pauses_s == [1.0, 2.0, 4.0, 5.0, 5.0]


def test_the_last_error_is_raised_after_all_attempts(clock):
    call = Failing(math.inf)
    with pytest.raises(ConnectionError, match="attempt 3"):
        retry(call, Backoff(1.0, 5.0, attempts=3), is_transient)
    assert (call.calls, clock.pauses_s) == (3, [1.0, 2.0])


def test_the_last_attempt_is_made_when_the_time_is_up(clock):
    with pytest.raises(ConnectionError, match="attempt 4"):
        retry(Failing(math.inf), Backoff(1.0, 60.0, timeout_s=5.0), is_transient)
    assert clock.pauses_s == [1.0, 2.0, 2.0]


def test_without_time_there_is_one_attempt(clock):
    call = Failing(math.inf)
    with pytest.raises(ConnectionError):
        retry(call, Backoff(1.0, 5.0, timeout_s=0.0), is_transient)
    assert (call.calls, clock.pauses_s) == (1, [])


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_other_errors_are_not_retried(clock, error):
    call = Failing(1, error)
    with pytest.raises(error, match="attempt 1"):
        retry(call, Backoff(1.0, 5.0), is_transient)
    assert (call.calls, clock.pauses_s) == (1, [])


def test_a_server_can_ask_for_a_longer_pause(clock):
    assert retry(Failing(2), Backoff(1.0, 5.0, timeout_s=30.0), is_transient, retry_after_s=lambda _: 9.0) == "result"
    assert clock.pauses_s == [9.0, 9.0]


def test_a_pause_that_is_too_long_is_not_made(clock):
    with pytest.raises(ConnectionError, match="attempt 1"):
        retry(Failing(2), Backoff(1.0, 5.0, timeout_s=30.0), is_transient, retry_after_s=lambda _: 31.0)
    assert clock.pauses_s == []


def test_the_caller_is_told_before_each_retry(clock):
    told = []
    retry(Failing(2), Backoff(1.0, 5.0), is_transient, lambda error, pause_s: told.append((str(error), pause_s)))
    assert told == [("attempt 1", 1.0), ("attempt 2", 2.0)]
