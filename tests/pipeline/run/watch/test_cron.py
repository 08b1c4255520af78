from datetime import datetime, timedelta, timezone

import pytest

from pipeline.errors import InputError
from pipeline.run.watch.cron import DESCRIPTORS, FIELDS, parse_cron

MAY = datetime(2026, 5, 1, tzinfo=timezone.utc)  # a Friday
BERLIN_SUMMER = timezone(timedelta(hours=2))


def days(text: str, count: int = 6) -> list[str]:
    """The first days from May 2026 on which a daily schedule is due."""
    found, moment = [], MAY - timedelta(seconds=1)
    for _ in range(count):
        moment = parse_cron(text).next_after(moment)
        found.append(f"{moment:%m-%d}")
    return found


def test_the_first_field_is_seconds():
    assert parse_cron("30 0 3 * * *").next_after(MAY) == MAY + timedelta(hours=3, seconds=30)
    assert parse_cron("*/20 * * * * *").next_after(MAY) == MAY + timedelta(seconds=20)


def test_next_is_after_and_previous_before_what_is_due_now():
    cron, three = parse_cron("0 0 3 * * *"), MAY + timedelta(hours=3)
    assert cron.next_after(three) == three + timedelta(days=1)
    assert cron.next_after(three - timedelta(microseconds=1)) == three
    assert cron.previous_before(three) == three - timedelta(days=1)
    assert cron.previous_before(three + timedelta(microseconds=1)) == three


def test_times_are_utc_for_any_time_zone_of_the_moment():
    told = datetime(2026, 5, 1, 4, tzinfo=BERLIN_SUMMER)
    due = parse_cron("0 0 3 * * *").next_after(told)
    assert (due, due.utcoffset()) == (MAY + timedelta(hours=3), timedelta())


def test_a_moment_without_a_time_zone_is_refused():
    with pytest.raises(ValueError, match="no time zone"):
        parse_cron("@daily").next_after(datetime(2026, 5, 1))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # A day must match either day field, or both if one of them is written with a star.
        ("0 0 0 13 * fri", ["05-01", "05-08", "05-13", "05-15", "05-22", "05-29"]),
        ("0 0 0 */10 * fri", ["05-01", "07-31", "08-21", "09-11", "12-11", "01-01"]),
        ("0 0 0 1-31 * fri", ["05-01", "05-02", "05-03", "05-04", "05-05", "05-06"]),
        ("0 0 0 ? * MON", ["05-04", "05-11", "05-18", "05-25", "06-01", "06-08"]),
        # A step after a single value goes up to the highest value.
        ("0 0 0 5-5 * *", ["05-05", "06-05", "07-05", "08-05", "09-05", "10-05"]),
        ("0 0 0 20/5 * *", ["05-20", "05-25", "05-30", "06-20", "06-25", "06-30"]),
        ("0 0 0 * jun-jul/1 tue", ["06-02", "06-09", "06-16", "06-23", "06-30", "07-07"]),
        ("0 0 0 29 2 *", ["02-29"] * 6),
    ],
)
def test_days_match_as_on_the_cluster(text, expected):
    assert days(text) == expected


def test_every_time_of_a_month_is_found():
    cron, moment, due = parse_cron("0 */7,5 6-8 * * 1-5"), MAY, []
    while (moment := cron.next_after(moment)) < MAY + timedelta(days=31):
        due.append(moment)
    minutes = [MAY + timedelta(minutes=number) for number in range(1, 31 * 24 * 60)]
    wanted = [m for m in minutes if m.weekday() < 5 and 6 <= m.hour <= 8 and (m.minute % 7 == 0 or m.minute == 5)]
    assert due == wanted


def test_previous_times_are_those_found_by_next():
    cron = parse_cron("15 10,40 */5 1,31 * mon")
    forth = [MAY]
    for _ in range(50):
        forth.append(cron.next_after(forth[-1]))
    assert [cron.previous_before(later) for later in forth[2:]] == forth[1:-1]


@pytest.mark.parametrize(("word", "fields"), DESCRIPTORS.items())
def test_a_word_stands_for_six_fields(word, fields):
    assert parse_cron(word) == parse_cron(fields)
    assert parse_cron(word).text == fields


def test_five_fields_are_refused_with_the_six_to_write():
    with pytest.raises(InputError) as caught:
        parse_cron("30  3 * * *")
    assert "Kubeflow reads the first of five fields as seconds" in caught.value.problem
    assert caught.value.next_step == "Write '0 30 3 * * *'."
    assert parse_cron("0 30 3 * * *").next_after(MAY) == MAY + timedelta(hours=3, minutes=30)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("60 * * * * *", "second"),
        ("* 0-60 * * * *", "minute"),
        ("* * 24 * * *", "hour"),
        ("* * * 0 * *", "day of month"),
        ("* * * L * *", "day of month"),
        ("* * * 15W * *", "day of month"),
        ("* * * * 13 *", "month"),
        ("* * * * mon *", "month"),
        ("* * * * * 7", "day of week"),
        ("* * * * * fri-mon", "day of week"),
        ("* * * * * 1#2", "day of week"),
        ("*/0 * * * * *", "second"),
        ("1, * * * * *", "second"),
        ("1-2-3 * * * * *", "second"),
        ("*/2/2 * * * * *", "second"),
        ("-1 * * * * *", "second"),
        ("h * * * * *", "second"),
        (f"{'9' * 5000} * * * * *", "second"),
    ],
)
def test_a_wrong_field_is_named_with_what_is_allowed(text, field):
    with pytest.raises(InputError, match="is invalid") as caught:
        parse_cron(text)
    assert f"'{field}'" in caught.value.problem
    assert caught.value.expected == next(row for row in FIELDS if row.name == field).allowed()


@pytest.mark.parametrize("text", ["", "0 3", "0 0 3 * * * *", "@reboot", "@Daily", "@every 1h", "0 0 0 31 2 *"])
def test_an_invalid_schedule_is_refused(text):
    with pytest.raises(InputError) as caught:
        parse_cron(text)
    assert caught.value.exit_code == 2
    assert text in caught.value.where
