from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from data.span_patterns import Span
from pipeline.run.watch.cron import parse_cron
from pipeline.run.watch.triggers import (
    LONGEST_RETRY_S,
    SETTLED,
    Trigger,
    WatchState,
    describe_wait,
    due,
    initial_state,
    next_tick,
    state_after_run,
    wait_s,
)

NIGHTLY = parse_cron("0 0 3 * * *")
THREE = datetime(2026, 5, 1, 3, tzinfo=timezone.utc)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PATTERN = "rows/span-{SPAN}"


def span(number: int) -> Span:
    return Span(number, Path(f"rows/span-{number}"))


def nightly(tick: datetime, **more) -> WatchState:
    return WatchState(cron=NIGHTLY.text, tick=tick, **more)


def test_a_time_is_due_from_its_second_on_and_once():
    state = nightly(THREE - DAY)
    assert due(state, NIGHTLY, None, THREE - timedelta(microseconds=1)) is None
    trigger = due(state, NIGHTLY, None, THREE)
    assert trigger == Trigger(THREE, None, False)
    assert due(state_after_run(state, trigger, 0, THREE + HOUR), NIGHTLY, None, THREE + HOUR) is None


def test_any_number_of_passed_times_start_one_run():
    trigger = due(nightly(THREE - 9 * DAY), NIGHTLY, None, THREE + HOUR)
    assert trigger == Trigger(THREE, None, False)


def test_a_time_that_passes_during_a_run_is_due_after_it():
    state = state_after_run(nightly(THREE - DAY), Trigger(THREE, None, False), 0, THREE + 30 * HOUR)
    assert due(state, NIGHTLY, None, THREE + 30 * HOUR) == Trigger(THREE + DAY, None, False)


def test_a_span_is_due_once_and_an_earlier_one_never():
    state = WatchState(pattern=PATTERN)
    trigger = due(state, None, span(0), THREE)
    assert trigger == Trigger(None, span(0), True)
    state = state_after_run(state, trigger, 3, THREE)
    assert due(state, None, span(0), THREE) is None
    assert due(state_after_run(state, Trigger(None, span(7), True), 0, THREE), None, span(6), THREE) is None
    assert due(state, None, None, THREE) is None


def test_a_later_version_of_a_span_is_new_and_an_earlier_one_is_not():
    later = Span(7, Path("rows/span-7/v2"), 2)
    state = state_after_run(
        WatchState(pattern=PATTERN), Trigger(None, Span(7, Path("rows/span-7/v1"), 1), True), 0, THREE
    )
    trigger = due(state, None, later, THREE)
    assert (trigger, str(trigger)) == (Trigger(None, later, True), "new span 7, version 2")
    state = state_after_run(state, trigger, 0, THREE)
    assert (state.span, state.version) == (7, 2)
    assert due(state, None, Span(7, Path("rows/span-7/v1"), 1), THREE) is None
    assert due(state, None, Span(8, Path("rows/span-8/v1"), 1), THREE) is not None


def test_a_time_and_a_span_are_one_run():
    state = nightly(THREE - DAY, pattern=PATTERN, span=6)
    trigger = due(state, NIGHTLY, span(7), THREE)
    assert trigger == Trigger(THREE, span(7), True)
    assert str(trigger).endswith(" and new span 7")
    assert due(state_after_run(state, trigger, 0, THREE), NIGHTLY, span(7), THREE) is None
    assert due(state, NIGHTLY, span(6), THREE) == Trigger(THREE, span(6), False)


@pytest.mark.parametrize("code", SETTLED)
def test_an_outcome_that_a_retry_would_repeat_is_settled(code):
    failed = WatchState(pattern=PATTERN, failures=4, next_try=THREE)
    state = state_after_run(failed, Trigger(None, span(7), True), code, THREE)
    assert state == WatchState(pattern=PATTERN, span=7)


@pytest.mark.parametrize("code", [1, -9, 137])
def test_any_other_outcome_is_retried_with_backoff(code):
    state, now, waited = WatchState(pattern=PATTERN), THREE, []
    for _ in range(9):
        trigger = due(state, None, span(7), now)
        assert trigger is not None
        state = state_after_run(state, trigger, code, now)
        assert due(state, None, span(7), now) is None
        waited.append((state.next_try - now).total_seconds())
        now = state.next_try
    assert waited == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    assert (state.span, state.failures) == (None, 9)


def test_a_time_due_during_the_wait_after_a_failure_waits_too():
    state = nightly(THREE - DAY, failures=3, next_try=THREE + HOUR)
    assert due(state, NIGHTLY, None, THREE) is None
    assert due(state, NIGHTLY, None, THREE + HOUR) == Trigger(THREE, None, False)


def test_a_first_watch_runs_no_missed_time_but_the_latest_span():
    state = initial_state(WatchState(), NIGHTLY, PATTERN, "run", THREE + HOUR)
    assert due(state, NIGHTLY, None, THREE + HOUR) is None
    assert next_tick(state, NIGHTLY, THREE + HOUR) == THREE + DAY
    assert due(state, NIGHTLY, span(1), THREE + HOUR) == Trigger(None, span(1), True)


@pytest.mark.parametrize(("missed", "expected"), [("run", Trigger(THREE, None, False)), ("skip", None)])
def test_times_missed_start_one_run_or_none(missed, expected):
    state = initial_state(nightly(THREE - 3 * DAY), NIGHTLY, None, missed, THREE + HOUR)
    assert due(state, NIGHTLY, None, THREE + HOUR) == expected
    assert due(state, NIGHTLY, None, THREE + DAY) == Trigger(THREE + DAY, None, False)


def test_a_new_schedule_or_pattern_starts_afresh():
    left = nightly(THREE - 3 * DAY, pattern=PATTERN, span=7)
    hourly = parse_cron("@hourly")
    state = initial_state(left, hourly, "other/{SPAN}", "run", THREE)
    assert (state.cron, state.tick, state.pattern, state.span) == (hourly.text, THREE, "other/{SPAN}", None)
    assert initial_state(left, NIGHTLY, PATTERN, "run", THREE) == left
    assert initial_state(left, None, None, "run", THREE) == WatchState()


def test_failures_outlast_a_restart_but_not_a_clock_that_was_wrong():
    left = WatchState(failures=7, next_try=THREE + 0.5 * HOUR)
    assert initial_state(left, None, None, "run", THREE) == left
    wrong = WatchState(failures=7, next_try=THREE + 400 * DAY)
    assert initial_state(wrong, None, None, "run", THREE).next_try == THREE + timedelta(seconds=LONGEST_RETRY_S)


def test_a_clock_that_goes_back_does_not_stop_a_schedule():
    state = nightly(THREE + 400 * DAY)
    assert next_tick(state, NIGHTLY, THREE - HOUR) == THREE


def test_it_waits_until_the_next_time_but_polls_meanwhile():
    state = nightly(THREE - DAY, failures=1, next_try=THREE + timedelta(seconds=4))
    assert wait_s(state, NIGHTLY, THREE - timedelta(seconds=3), 10.0) == 3.0
    assert wait_s(state, NIGHTLY, THREE, 10.0) == 4.0
    assert wait_s(state, NIGHTLY, THREE - HOUR, 10.0) == 10.0
    assert wait_s(WatchState(pattern=PATTERN), None, THREE, 10.0) == 10.0


def test_the_wait_is_described_in_utc():
    state = nightly(THREE - DAY, pattern=PATTERN, span=7)
    text = describe_wait(state, NIGHTLY, THREE - HOUR)
    assert "2026-05-01 03:00:00 UTC" in text
    assert text.endswith(f"or a span after 7 of {PATTERN}")
    failed = state.model_copy(update={"failures": 2, "next_try": THREE})
    assert "2026-05-01 03:00:00 UTC" in describe_wait(failed, NIGHTLY, THREE - HOUR)
    assert describe_wait(failed, NIGHTLY, THREE - HOUR).endswith("after 2 failures in a row")
