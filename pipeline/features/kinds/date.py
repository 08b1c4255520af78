"""Dates and times, as the position in year, week and day, and as an age.

Everything is computed by TensorFlow in the graph that Transform exports, so that training and serving agree. Dates are
counted by the proleptic Gregorian calendar, like Python's ``datetime``; the algorithms are those of Howard Hinnant,
"chrono-Compatible Low-Level Date Algorithms", https://howardhinnant.github.io/date_algorithms.html.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.errors import ConfigError
from pipeline.features.feature import Feature, Transformed
from pipeline.features.vocabulary import Vocabulary

if TYPE_CHECKING:
    import tensorflow as tf
    import tensorflow_transform as tft

    from pipeline.features.tensors import Column

# Each part of a text by its group: year, month, day, hour, minute, second, sign, hours and minutes of the offset.
ISO_8601 = (
    r"(\d{4})-(\d{2})-(\d{2})"
    r"(?:[T ]([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:[.,]\d+)?)?(?:Z|([+-])([01]\d|2[0-3])(?::?([0-5]\d))?)?)?"
)
YEAR, MONTH, DAY, HOUR, MINUTE, SECOND, SIGN, OFFSET_HOUR, OFFSET_MINUTE = range(1, 10)
DAY_S = 86_400
# 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z, the range of Python's datetime.
FIRST_S, LAST_S = -62_135_596_800, 253_402_300_799
# From 0000-03-01, where the algorithms count from, to 1970-01-01.
DAYS_TO_EPOCH = 719_468
DAYS_IN_400_YEARS = 146_097
CYCLES = {"month": 12, "weekday": 7, "hour": 24}


@dataclass(frozen=True)
class Date(Feature):
    """A date or a time: sine and cosine of its month, weekday and hour, and its age in days at ``reference``.

    The column holds ISO 8601 text, such as ``2024-02-29`` or ``2024-02-29T18:30:00+02:00``, or, if it is INT, seconds
    since 1970. Times are converted to UTC; text without an offset is UTC, and a date alone is its midnight. The age is
    scaled to mean 0 and variance 1 over the training rows, and is negative before scaling for later dates.

    A value that is missing, is not such a text, is no day of the calendar, or lies outside of the years 1 to 9999, is
    missing: all entries are 0, and the second column, which is 0 otherwise, is 1.
    """

    column_types = ("BYTES", "INT")
    name: str
    reference: str

    @property
    def transformed_name(self) -> str:
        """Differs from that of the column as a category or a number."""
        return f"{self.name}_date_xf"

    @property
    def missing_name(self) -> str:
        """The name of the column that is 1 where there is no date."""
        return f"{self.name}_date_missing_xf"

    @property
    def entries(self) -> tuple[str, ...]:
        """The meaning of each entry of the vector."""
        return (*(f"{cycle} {wave}" for cycle in CYCLES for wave in ("sine", "cosine")), f"age at {self.reference}")

    @property
    def outputs(self) -> tuple[Transformed, ...]:
        """The vector, and whether the date is missing."""
        return (
            Transformed(self.transformed_name, "float32", len(self.entries)),
            Transformed(self.missing_name, "float32"),
        )

    @property
    def reference_s(self) -> float:
        """``reference`` in seconds since 1970."""
        return seconds_of(self.reference)

    def check(self, tokens: Collection[str]) -> None:
        try:
            _ = self.reference_s
        except (TypeError, ValueError) as error:
            raise ConfigError(
                f"feature table, Date {self.name}", "'reference' is not a date",
                expected="ISO 8601 text, such as '2024-01-01'", received=repr(self.reference),
            ) from error  # fmt: skip

    def transform(self, inputs: Mapping[str, Column], domains: Mapping[str, Sequence[str]]) -> dict[str, tf.Tensor]:
        """Compute the vector."""
        import tensorflow as tf
        import tensorflow_transform as tft

        from pipeline.features import tensors

        seconds, given = seconds_since_1970(inputs[self.name])
        age = tf.cast((self.reference_s - tf.cast(seconds, tf.float64)) / DAY_S, tf.float32)
        # Sparse, so that mean and variance are those of the dates that are given.
        rows = tf.where(given)
        present = tf.SparseTensor(rows, tf.gather_nd(age, rows), tf.shape(age, tf.int64))
        scaled_age = tensors.dense(tft.scale_to_z_score(present, name=self.transformed_name), 0.0)
        vector = tf.concat([waves(seconds) * tf.cast(given, tf.float32), scaled_age], axis=1)
        return {
            self.transformed_name: tf.ensure_shape(vector, [None, len(self.entries)]),
            self.missing_name: 1.0 - tf.cast(given, tf.float32),
        }

    def vocabulary_of(self, transform: tft.TFTransformOutput, domains: Mapping[str, Sequence[str]]) -> Vocabulary:
        """A weight of the age means the same as long as the reference is the same."""
        return Vocabulary(len(self.entries), self.entries)


def seconds_of(text: str) -> float:
    """Return the UTC seconds of a text as the column reads it, without fractions.

    >>> seconds_of("1970-01-02T00:00:00Z"), seconds_of("1970-01-02 00:00+0100"), seconds_of("1970-01-02T00:00+01")
    (86400.0, 82800.0, 82800.0)

    Raises:
        ValueError: it is not ISO 8601, no day of the calendar, or outside of the years 1 to 9999.
    """
    match = re.fullmatch(ISO_8601, text, re.ASCII)
    if match is None:
        raise ValueError(f"not ISO 8601: {text!r}")
    year, month, day, hour, minute, second, offset_hour, offset_minute = (
        int(match[group] or 0) for group in range(YEAR, OFFSET_MINUTE + 1) if group != SIGN
    )
    offset = datetime.timedelta(hours=offset_hour, minutes=offset_minute)
    zone = datetime.timezone(-offset if match[SIGN] == "-" else offset)
    seconds = datetime.datetime(year, month, day, hour, minute, second, tzinfo=zone).timestamp()
    if not FIRST_S <= seconds <= LAST_S:
        raise ValueError(f"outside of the years 1 to 9999: {text!r}")
    return seconds


def seconds_since_1970(column: Column) -> tuple[tf.Tensor, tf.Tensor]:
    """Return UTC seconds as int64 (batch, 1), 0 where there is no date, and whether there is one, bool (batch, 1)."""
    import tensorflow as tf

    from pipeline.features import tensors

    if column.dtype == tf.string:
        seconds, given = parsed(tensors.dense(column, ""))
    else:
        seconds = tensors.dense(column, tf.int64.min)
        given = tf.ones_like(seconds, tf.bool)
    given = given & (seconds >= FIRST_S) & (seconds <= LAST_S)
    return tf.where(given, seconds, 0), given


def parsed(texts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the UTC seconds of ISO 8601 texts as int64, and whether a text is one, as bool, both of the same shape."""
    import tensorflow as tf

    matches = tf.strings.regex_full_match(texts, ISO_8601)
    safe = tf.where(matches, texts, "1970-01-01")

    def number(group: int) -> tf.Tensor:
        digits = tf.strings.regex_replace(safe, f"^{ISO_8601}$", rf"\{group}", replace_global=False)
        return tf.strings.to_number(tf.where(digits == "", "0", digits), tf.int64)

    month = number(MONTH)
    days = days_from_civil(number(YEAR), month, number(DAY))
    clock_s = number(HOUR) * 3600 + number(MINUTE) * 60 + number(SECOND)
    offset_s = number(OFFSET_HOUR) * 3600 + number(OFFSET_MINUTE) * 60
    sign = tf.strings.regex_replace(safe, f"^{ISO_8601}$", rf"\{SIGN}", replace_global=False)
    seconds = days * DAY_S + clock_s - tf.where(sign == "-", -offset_s, offset_s)
    # A day that does not exist, such as February 30, falls into the next month.
    exists = (month_of(days) == month) & (number(DAY) >= 1) & (number(YEAR) >= 1)
    return seconds, matches & exists


def days_from_civil(year: tf.Tensor, month: tf.Tensor, day: tf.Tensor) -> tf.Tensor:
    """Return the days from 1970-01-01 to a date, negative before it; all int64."""
    import tensorflow as tf

    # Years that begin in March end with the leap day.
    year = tf.where(month <= 2, year - 1, year)
    era = year // 400
    year_of_era = year - era * 400
    day_of_year = (153 * tf.where(month > 2, month - 3, month + 9) + 2) // 5 + day - 1
    day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    return era * DAYS_IN_400_YEARS + day_of_era - DAYS_TO_EPOCH


def month_of(days: tf.Tensor) -> tf.Tensor:
    """Return the month, 1 to 12, of days since 1970-01-01; int64."""
    import tensorflow as tf

    days = days + DAYS_TO_EPOCH
    day_of_era = days - days // DAYS_IN_400_YEARS * DAYS_IN_400_YEARS
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    from_march = (5 * day_of_year + 2) // 153
    return tf.where(from_march < 10, from_march + 3, from_march - 9)


def waves(seconds: tf.Tensor) -> tf.Tensor:
    """Return sine and cosine of month, weekday and hour of UTC seconds (batch, 1), as float32 (batch, 6).

    January, Monday and midnight are at sine 0 and cosine 1.
    """
    import tensorflow as tf

    days = seconds // DAY_S
    # 1970-01-01 was a Thursday.
    positions = {"month": month_of(days) - 1, "weekday": (days + 3) % 7, "hour": seconds % DAY_S // 3600}
    angles = [tf.cast(positions[cycle], tf.float32) * (2 * math.pi / length) for cycle, length in CYCLES.items()]
    return tf.concat([wave(angle) for angle in angles for wave in (tf.sin, tf.cos)], axis=1)
