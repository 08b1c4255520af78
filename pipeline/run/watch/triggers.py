"""Decide when a run starts: at a scheduled time, on a new span of rows, or to retry a failed run. Pure functions.

The current time and the latest span are arguments; nothing here reads a clock or a file.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Literal

from pydantic import AwareDatetime

from data.span_patterns import Span
from pipeline.config.strict import Strict
from pipeline.run.watch.cron import Cron

Missed = Literal["run", "skip"]
# Exit codes that a retry with the same rows and settings would not change. All others are retried: 1, and those of a
# process that was killed.
SETTLED = (0, 2, 3, 4, 5)
FIRST_RETRY_S = 60.0
LONGEST_RETRY_S = 3600.0
INSTANT = timedelta(microseconds=1)


class WatchState(Strict):
    """The state of a watch; times are UTC.

    ``tick`` is the last time of ``cron`` that was handled, ``span`` and ``version`` are the numbers of the last span of
    ``pattern`` that was. ``failures`` counts failures in a row; no run starts before ``next_try``.
    """

    cron: str | None = None
    tick: AwareDatetime | None = None
    pattern: str | None = None
    span: int | None = None
    version: int | None = None
    failures: int = 0
    next_try: AwareDatetime | None = None


@dataclass(frozen=True)
class Trigger:
    """Why a run starts: a tick, a new span, or both. ``span`` is the one to run on, new or not."""

    tick: datetime | None
    span: Span | None
    new_span: bool

    def __str__(self) -> str:
        reasons = [f"due since {format_time(self.tick)}"] if self.tick else []
        reasons += [f"new {self.span}"] if self.span and self.new_span else []
        return " and ".join(reasons)


def initial_state(
    state: WatchState, cron: Cron | None, pattern: str | None, missed: Missed, now: datetime
) -> WatchState:
    """The state in which a watch starts, from the saved one; a new schedule or pattern starts afresh.

    No time before the first watch is due. With ``missed='skip'``, times missed since the last watch are not due either.
    """
    text = cron.text if cron else None
    known = state.tick if text == state.cron and missed == "run" else None
    latest_try = now + timedelta(seconds=LONGEST_RETRY_S)
    return WatchState(
        cron=text,
        tick=(known or now) if cron else None,
        pattern=pattern,
        span=state.span if pattern == state.pattern else None,
        version=state.version if pattern == state.pattern else None,
        failures=state.failures,
        # A clock that was wrong for a while must not delay runs for long.
        next_try=min(state.next_try, latest_try) if state.next_try else None,
    )


def due(state: WatchState, cron: Cron | None, latest: Span | None, now: datetime) -> Trigger | None:
    """Return the trigger of a run that is due, if any; one run covers all scheduled times that have passed."""
    if state.next_try is not None and now < state.next_try:
        return None
    passed = cron is not None and next_tick(state, cron, now) <= now
    tick = cron.previous_before(now + INSTANT) if cron and passed else None
    new = latest is not None and (state.span is None or latest.place > (state.span, state.version or 0))
    return Trigger(tick, latest, new) if passed or new else None


def next_tick(state: WatchState, cron: Cron, now: datetime) -> datetime:
    """The first scheduled time that has not been handled, in the past or the future."""
    return cron.next_after(min(state.tick or now, now))


def state_after_run(state: WatchState, trigger: Trigger, code: int, now: datetime) -> WatchState:
    """The state after a run with an exit code: its trigger is handled, or is retried later."""
    if code not in SETTLED:
        failures = state.failures + 1
        return state.model_copy(update={"failures": failures, "next_try": now + timedelta(seconds=retry_s(failures))})
    done = {"tick": trigger.tick or state.tick, "failures": 0, "next_try": None}
    taken = {"span": trigger.span.number, "version": trigger.span.version} if trigger.span else {}
    return state.model_copy(update={**done, **taken})


def retry_s(failures: int) -> float:
    """Seconds until the next attempt after a number of failures in a row: exponential backoff up to an hour.

    It needs no jitter, since there is one watch per root.

    >>> [retry_s(failures) for failures in (1, 2, 3, 6, 7, 1000)]
    [60.0, 120.0, 240.0, 1920.0, 3600.0, 3600.0]
    """
    return min(FIRST_RETRY_S * 2.0 ** min(failures - 1, 30), LONGEST_RETRY_S)


def wait_s(state: WatchState, cron: Cron | None, now: datetime, longest_s: float) -> float:
    """Seconds until the next scheduled time or retry, at most ``longest_s``."""
    moments = [state.next_try, next_tick(state, cron, now) if cron else None]
    ahead = [(moment - now).total_seconds() for moment in moments if moment is not None and moment > now]
    return min([longest_s, *ahead])


def describe_wait(state: WatchState, cron: Cron | None, now: datetime) -> str:
    """Describe what the watch is waiting for."""
    if state.next_try is not None and state.next_try > now:
        return f"retrying at {format_time(state.next_try)}, after {state.failures} failures in a row"
    reasons = [format_time(next_tick(state, cron, now))] if cron else []
    if state.pattern is not None:
        later = "a span" if state.span is None else f"a span after {state.span}"
        reasons.append(f"{later} of {state.pattern}")
    return f"waiting for {' or '.join(reasons)}"


def format_time(moment: datetime) -> str:
    """A time in the local time zone and in UTC."""
    local, utc = moment.astimezone(), moment.astimezone(timezone.utc)
    if local.utcoffset() == timedelta():
        return f"{utc:%Y-%m-%d %H:%M:%S} UTC"
    return f"{local:%Y-%m-%d %H:%M:%S %Z} ({utc:%Y-%m-%d %H:%M:%S} UTC)"
