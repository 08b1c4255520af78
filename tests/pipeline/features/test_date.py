"""Dates in the graph are compared with Python's datetime."""

import datetime
import math
import random

import numpy as np
import pytest
import tensorflow as tf

from pipeline.errors import ConfigError
from pipeline.features.kinds.date import Date, days_from_civil, month_of, seconds_since_1970, waves
from pipeline.features.kinds.numeric import Numeric
from pipeline.features.table import Table

UTC = datetime.timezone.utc
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=UTC)
SPAN_S = int((datetime.datetime(9999, 12, 31, tzinfo=UTC) - datetime.datetime(1, 1, 2, tzinfo=UTC)).total_seconds())


def random_moments(count: int, seed: int = 5) -> list[datetime.datetime]:
    """Moments from the year 1 to 9999, and as many around today's; whole seconds."""
    draw = random.Random(seed)
    start = datetime.datetime(1, 1, 2, tzinfo=UTC)
    far = [start + datetime.timedelta(seconds=draw.randrange(SPAN_S)) for _ in range(count)]
    return far + [EPOCH + datetime.timedelta(seconds=draw.randrange(-(2**32), 2**32)) for _ in range(count)]


def parse(texts) -> tuple[list[int], list[bool]]:
    seconds, given = seconds_since_1970(tf.constant(texts)[:, tf.newaxis])
    return seconds.numpy()[:, 0].tolist(), given.numpy()[:, 0].tolist()


def seconds_of(moment: datetime.datetime) -> int:
    return (moment - EPOCH) // datetime.timedelta(seconds=1)


def positions(moment: datetime.datetime) -> list[float]:
    """Sine and cosine of month, weekday and hour."""
    shares = ((moment.month - 1) / 12, moment.weekday() / 7, moment.hour / 24)
    return [wave(2 * math.pi * share) for share in shares for wave in (math.sin, math.cos)]


def test_texts_are_the_seconds_that_python_counts():
    moments = random_moments(2000)
    seconds, given = parse([moment.isoformat() for moment in moments])
    assert seconds == [seconds_of(moment) for moment in moments]
    assert all(given)


def test_offsets_are_subtracted():
    draw = random.Random(1)
    moments = random_moments(300)
    zones = [datetime.timezone(datetime.timedelta(minutes=draw.randrange(-1439, 1440))) for _ in moments]
    seconds, given = parse([moment.astimezone(zone).isoformat() for moment, zone in zip(moments, zones, strict=True)])
    assert seconds == [seconds_of(moment) for moment in moments]
    assert all(given)


def test_every_day_of_two_leap_cycles_is_counted():
    first = datetime.date(1599, 12, 1)
    days = [first + datetime.timedelta(days=index) for index in range(0, 2 * 146_097, 13)]
    since = np.array([(day - EPOCH.date()).days for day in days])
    columns = np.array([(day.year, day.month, day.day) for day in days], np.int64).T
    assert (days_from_civil(*map(tf.constant, columns)).numpy() == since).all()
    assert (month_of(tf.constant(since)).numpy() == columns[1]).all()


@pytest.mark.parametrize("year", [1, 4, 100, 400, 1600, 1900, 1968, 1969, 1970, 2000, 2023, 2024, 2100, 9999])
def test_days_exist_as_in_python(year):
    texts, exist = [], []
    for month in range(14):
        for day in (0, 1, 28, 29, 30, 31, 32):
            texts.append(f"{year:04d}-{month:02d}-{day:02d}")
            try:
                datetime.date(year, month, day)
                exist.append(True)
            except ValueError:
                exist.append(False)
    assert parse(texts)[1] == exist


def test_month_weekday_and_hour_go_round():
    moments = random_moments(1000)
    found = waves(tf.constant([[seconds_of(moment)] for moment in moments], tf.int64)).numpy()
    assert np.abs(found - np.array([positions(moment) for moment in moments])).max() < 1e-5


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-02-29", datetime.datetime(2024, 2, 29)),
        ("2024-02-29T18:30", datetime.datetime(2024, 2, 29, 18, 30)),
        ("2024-02-29 18:30:59", datetime.datetime(2024, 2, 29, 18, 30, 59)),
        ("2024-02-29T18:30:59.987654", datetime.datetime(2024, 2, 29, 18, 30, 59)),
        ("2024-02-29T18:30:59,5Z", datetime.datetime(2024, 2, 29, 18, 30, 59)),
        ("2024-02-29T00:30:00+02:00", datetime.datetime(2024, 2, 28, 22, 30)),
        ("2024-02-29T23:30:00-0130", datetime.datetime(2024, 3, 1, 1)),
        ("2024-02-29 00:30:00+02", datetime.datetime(2024, 2, 28, 22, 30)),
        ("2024-02-29 18:30:00.25-03", datetime.datetime(2024, 2, 29, 21, 30)),
        ("1969-12-31T23:59:59", datetime.datetime(1969, 12, 31, 23, 59, 59)),
        ("0001-01-01", datetime.datetime(1, 1, 1)),
        ("9999-12-31T23:59:59Z", datetime.datetime(9999, 12, 31, 23, 59, 59)),
    ],
)
def test_a_text_is_read(text, moment):
    expected = seconds_of(moment.replace(tzinfo=UTC))
    assert parse([text]) == ([expected], [True])
    Table((Date("signup", text),), label="y")
    assert Date("signup", text).reference_s == expected


NO_DATES = (
    ["", " ", "yesterday", "2024", "2024-02", "20240229", "29.02.2024", "2024-2-9", "2024-02-30", "2023-02-29",
     "2024-00-01", "2024-13-01", "2024-01-00", "0000-01-01", "2024-01-01T", "2024-01-01T24:00", "2024-01-01T12:60",
     "2024-01-01T12:00:60", "2024-01-01T12", "2024-01-01T12:00+24:00",
     "2024-01-01T12:00+2", "2024-01-01T12:00+020", "2024-01-01+02", "2024-W01-1",
     " 2024-01-01", "2024-01-01 ", "2024-01-01x",
     "-2024-01-01", "12024-01-01", "2024-01-01\n", "0001-01-01T00:00+01:00", "9999-12-31T23:59-01:00",
     "２０２４-01-01"]
)  # fmt: skip


@pytest.mark.parametrize("text", NO_DATES)
def test_any_other_text_is_a_missing_date(text):
    assert parse([text, "2024-01-01"]) == ([0, 1_704_067_200], [False, True])


def test_whole_numbers_are_seconds():
    moments = random_moments(100)
    column = tf.constant([[seconds_of(moment)] for moment in moments], tf.int64)
    seconds, given = seconds_since_1970(column)
    assert (seconds.numpy() == column.numpy()).all()
    assert given.numpy().all()
    _, given = seconds_since_1970(tf.constant([[-62_135_596_801], [253_402_300_800], [tf.int64.min]], tf.int64))
    assert not given.numpy().any()


@pytest.mark.parametrize("kind", [tf.string, tf.int64])
def test_a_row_of_a_sparse_column_without_a_value_is_a_missing_date(kind):
    values = ["1970-01-02"] if kind == tf.string else [86_400]
    seconds, given = seconds_since_1970(tf.SparseTensor([[1, 0]], tf.constant(values, kind), [3, 1]))
    assert seconds.numpy().tolist() == [[0], [86_400], [0]]
    assert given.numpy().tolist() == [[False], [True], [False]]


@pytest.mark.parametrize("reference", [*NO_DATES, "soon", None, 5])
def test_a_reference_is_a_date(reference):
    with pytest.raises(ConfigError, match="'reference' is not a date"):
        Table((Date("signup", reference),), label="y")


def test_an_age_is_counted_from_the_reference():
    assert Date("signup", "1970-01-02").reference_s == 86_400
    assert Date("signup", "1970-01-02T00:00:00+01:00").reference_s == 82_800


def test_names_do_not_collide_with_other_kinds_of_the_same_column():
    table = Table((Numeric("at", optional=True), Date("at", "2024-01-01")), label="y")
    assert [output.name for feature in table.features for output in feature.outputs] == [
        "at_xf", "at_missing_xf", "at_date_xf", "at_date_missing_xf",
    ]  # fmt: skip


def test_another_reference_is_another_meaning_of_the_age():
    one, other = (Date("at", reference).vocabulary_of(None, {}).rows() for reference in ("2024-01-01", "2025-01-01"))
    assert one[:-1] == other[:-1]
    assert one[-1] != other[-1]
