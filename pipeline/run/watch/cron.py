"""Cron schedules with six fields, as Kubeflow Pipelines reads them, for a cluster and for one machine.

The first field is seconds: https://pkg.go.dev/github.com/robfig/cron@v1.2.0. Times are UTC, Kubeflow's default, so
daylight saving time neither repeats nor skips an hour.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cached_property

from croniter import CroniterBadDateError, croniter

from pipeline.errors import InputError

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
DESCRIPTORS = {
    "@yearly": "0 0 0 1 1 *",
    "@annually": "0 0 0 1 1 *",
    "@monthly": "0 0 0 1 * *",
    "@weekly": "0 0 0 * * 0",
    "@daily": "0 0 0 * * *",
    "@midnight": "0 0 0 * * *",
    "@hourly": "0 0 * * * *",
}
PIECE = re.compile(r"(?P<every>[*?])|(?P<low>\w+)(-(?P<high>\w+))?", re.ASCII)
# The search for the first time of a schedule starts in a leap year, so that it finds 29 February.
SOME_DAY = datetime(2024, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Field:
    """A field of a schedule: its name, its lowest and highest value, and names for values from ``low`` on."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()

    def allowed(self) -> str:
        """The allowed values, for a message.

        >>> FIELDS[5].allowed()
        'day of week: 0 to 6 or sun to sat, *, ?, a-b, a,b, */n'
        """
        names = f" or {self.names[0]} to {self.names[-1]}" if self.names else ""
        return f"{self.name}: {self.low} to {self.high}{names}, *, ?, a-b, a,b, */n"


FIELDS = (
    Field("second", 0, 59),
    Field("minute", 0, 59),
    Field("hour", 0, 23),
    Field("day of month", 1, 31),
    Field("month", 1, 12, MONTHS),
    Field("day of week", 0, 6, DAYS),
)
DAY, WEEKDAY = 3, 5


@dataclass(frozen=True)
class Cron:
    """A parsed schedule; ``text`` is passed on to a cluster.

    ``values`` are the matching values of each field. With ``either_day``, a day must match the day of month or the day
    of week, otherwise both.
    """

    text: str
    values: tuple[tuple[int, ...], ...]
    either_day: bool

    def next_after(self, moment: datetime) -> datetime:
        """The first scheduled time after a moment, in UTC.

        >>> parse_cron("0 0 3 * * *").next_after(datetime(2026, 5, 1, 3, tzinfo=timezone.utc)).isoformat()
        '2026-05-02T03:00:00+00:00'
        """
        return self._at(moment).get_next(datetime)

    def previous_before(self, moment: datetime) -> datetime:
        """The last scheduled time before a moment, in UTC.

        >>> parse_cron("@hourly").previous_before(datetime(2026, 5, 1, 3, tzinfo=timezone.utc)).isoformat()
        '2026-05-01T02:00:00+00:00'
        """
        return self._at(moment).get_prev(datetime)

    def _at(self, moment: datetime) -> croniter:
        if moment.tzinfo is None:
            raise ValueError(f"{moment} has no time zone")
        utc = moment.astimezone(timezone.utc)
        return croniter(self._plain, utc, day_or=self.either_day, second_at_beginning=True)

    @cached_property
    def _plain(self) -> str:
        whole = [field.high - field.low + 1 for field in FIELDS]
        listed = zip(self.values, whole, strict=True)
        return " ".join("*" if len(due) == size else ",".join(map(str, due)) for due, size in listed)


def parse_cron(text: str) -> Cron:
    """Parse six fields, or one of ``@yearly @monthly @weekly @daily @hourly``.

    Raises:
        InputError: there are five fields, which a cluster would read as another schedule; a field is invalid; or the
            schedule is never due.
    """
    words = text.split()
    if text.strip().startswith("@"):
        words = descriptor(text.strip()).split()
    if len(words) != len(FIELDS):
        raise wrong_count(text, words)
    values = tuple(field_values(text, field, word) for field, word in zip(FIELDS, words, strict=True))
    cron = with_days(" ".join(words), values, starred=any(starts_wide(words[place]) for place in (DAY, WEEKDAY)))
    try:
        cron.next_after(SOME_DAY)
    except CroniterBadDateError:
        raise InputError(
            f"cron '{text}'", "never due", received=f"day of month {words[DAY]}, month {words[4]}",
            next_step="Give a day that exists in the month.",
        ) from None  # fmt: skip
    return cron


def with_days(text: str, values: tuple[tuple[int, ...], ...], starred: bool) -> Cron:
    """A schedule in which a day must match both day fields if one of them is written with a star, else either of them.

    >>> with_days("", ((0,), (0,), (3,), tuple(range(1, 32)), (1,), (1,)), starred=False).values[WEEKDAY]
    (0, 1, 2, 3, 4, 5, 6)
    """
    every_day, every_weekday = tuple(range(1, 32)), tuple(range(7))
    if not starred and (values[DAY] == every_day or values[WEEKDAY] == every_weekday):
        # croniter reads a full list as a star, so "either" must be expressed in another way: every day matches.
        values = (*values[:DAY], every_day, values[4], every_weekday)
    return Cron(text, values, either_day=not starred)


def starts_wide(word: str) -> bool:
    """Whether any part of a field is written with a star.

    >>> starts_wide("*/2"), starts_wide("1,?"), starts_wide("1-31")
    (True, True, False)
    """
    return any(piece.startswith(("*", "?")) for piece in word.split(","))


def field_values(text: str, field: Field, word: str) -> tuple[int, ...]:
    """The matching values of a field, in order.

    >>> field_values("", FIELDS[1], "5,50/4")
    (5, 50, 54, 58)
    """
    due: set[int] = set()
    for part in word.split(","):
        found = part_values(field, part)
        if not found:
            raise InputError(
                f"cron '{text}'", f"the field '{field.name}' is invalid", expected=field.allowed(), received=word
            )
        due.update(found)
    return tuple(sorted(due))


def part_values(field: Field, part: str) -> range:
    """The matching values of one part between commas; empty if it is invalid.

    >>> part_values(FIELDS[5], "mon-fri/2"), part_values(FIELDS[5], "7")
    (range(1, 6, 2), range(0, 0))
    """
    none = range(0)
    piece, slash, step = part.partition("/")
    match = PIECE.fullmatch(piece)
    if not match or (slash and not re.fullmatch(r"0*[1-9]\d{0,8}", step, re.ASCII)):
        return none
    low = field.low if match["every"] else number(field, match["low"])
    high = (
        field.high if match["every"] or (slash and not match["high"]) else number(field, match["high"] or match["low"])
    )
    if low is None or high is None or not field.low <= low <= high <= field.high:
        return none
    return range(low, high + 1, int(step or 1))


def number(field: Field, word: str) -> int | None:
    """A value from its number or its name; None if it is neither.

    >>> number(FIELDS[4], "Feb"), number(FIELDS[4], "mon")
    (2, None)
    """
    if word.lower() in field.names:
        return field.names.index(word.lower()) + field.low
    return int(word) if re.fullmatch(r"\d{1,9}", word, re.ASCII) else None


def descriptor(text: str) -> str:
    """The six fields that a word such as ``@daily`` stands for."""
    if text in DESCRIPTORS:
        return DESCRIPTORS[text]
    if text.startswith("@every"):
        raise InputError(
            f"cron '{text}'", "counts from the last run, so it has no fixed times",
            expected=f"six fields, or one of {', '.join(DESCRIPTORS)}",
            next_step="Give the times, such as '0 0 * * * *' for every hour or '0 */10 * * * *' for every ten minutes.",
        )  # fmt: skip
    raise InputError(f"cron '{text}'", "unknown word", expected=f"six fields, or one of {', '.join(DESCRIPTORS)}")


def wrong_count(text: str, words: list[str]) -> InputError:
    """The error for too few or too many fields; for five, it says how a cluster would read them."""
    names = " ".join(field.name.replace(" ", "-") for field in FIELDS)
    expected, received = f"six fields: {names}", f"{len(words)} fields" if len(words) != 1 else "one field"
    if len(words) == 5:
        return InputError(
            f"cron '{text}'", "Kubeflow reads the first of five fields as seconds and omits the day of week",
            expected=expected, received=received, next_step=f"Write '0 {' '.join(words)}'.",
        )  # fmt: skip
    return InputError(f"cron '{text}'", "not six fields", expected=expected, received=received,
                      next_step="For example, '0 0 3 * * *' is every day at 3:00 UTC.")  # fmt: skip
