"""What a column is, by what its rows say and not by its name: a number, a category, a date, text, an identifier."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.scaffold.columns.column import Column

Kind = Literal["number", "whole", "category", "date", "text", "id", "constant", "empty"]
# A whole number with at most so many values also becomes a category of its values.
WHOLE_VALUES = 300
ID_SHARE, TEXT_SHARE, TEXT_WORDS = 0.9, 0.5, 5
# So few rows off the most frequent value teach a model nothing.
CONSTANT_ROWS = 5
# A domain is closed only where it has few values, each in several rows.
CLOSED_VALUES, CLOSED_ROWS = 50, 5
LOG_RATIO, LOG_ZEROS = 8, 0.5
ID_DIGITS = 6
# The square of a greater number is infinite as float32, and with it the variance.
GREATEST_SCALED = 1e18


@dataclass(frozen=True)
class Numbers:
    """The numbers of a column, over the rows that have one."""

    minimum: float
    median: float
    p99: float
    maximum: float
    zeros: float

    @property
    def is_skewed(self) -> bool:
        """Whether a logarithm helps: no number is negative, and few are far greater than most, or most are 0."""
        far = self.median > 0 and self.p99 / self.median > LOG_RATIO
        return self.minimum >= 0 and (far or self.zeros > LOG_ZEROS)

    @property
    def can_be_scaled(self) -> bool:
        """Whether mean and variance can be taken of the numbers, or of their logarithms if these are better."""
        return self.is_skewed or max(abs(self.minimum), abs(self.maximum)) <= GREATEST_SCALED


@dataclass(frozen=True)
class Profile:
    """What the rows of a column say.

    Attributes:
        why: the evidence for ``kind``, for people.
        counts: rows by value, for text of at most 50 values; otherwise empty.
        numbers: for numbers and seconds since 1970; otherwise None.
    """

    column: Column
    kind: Kind
    why: str
    rows: int
    missing: int
    distinct: int
    counts: Mapping[str, int]
    numbers: Numbers | None = None

    @property
    def name(self) -> str:
        """The name of the column."""
        return self.column.name

    @property
    def is_closed(self) -> bool:
        """Whether it is a category whose domain can be closed: few values, each in several rows."""
        return self.kind == "category" and bool(self.counts) and min(self.counts.values()) >= CLOSED_ROWS

    @property
    def is_model_input(self) -> bool:
        """Whether a model can learn from the column."""
        return self.kind in ("number", "whole", "category", "date")


def profile(column: Column) -> Profile:
    """Return what the rows of a column say.

    >>> profile(Column("n", "n", pa.array([1, 2, 3, 4] * 5))).kind
    'whole'
    """
    values = column.values
    given = values.drop_null()
    encoded = given.value_counts()
    counts = encoded.field("counts").to_numpy()
    distinct = len(counts)
    few = column.type == "BYTES" and 0 < distinct <= CLOSED_VALUES
    by_value = dict(zip(encoded.field("values").to_pylist(), counts.tolist(), strict=True)) if few else {}
    numbers = _numbers(column) if column.type != "BYTES" and len(given) else None
    kind, why = _kind(column, given, counts)
    return Profile(column, kind, why, len(values), values.null_count, distinct, by_value, numbers)


def _numbers(column: Column) -> Numbers:
    numbers = column.numbers()
    numbers = numbers[~np.isnan(numbers)]
    low, middle, high, top = np.quantile(numbers, [0, 0.5, 0.99, 1])
    return Numbers(float(low), float(middle), float(high), float(top), float((numbers == 0).mean()))


def _kind(column: Column, given: pa.Array, counts: NDArray[np.int64]) -> tuple[Kind, str]:
    rows, distinct = len(column.values), len(counts)
    if distinct == 0:
        return "empty", "no row has a value"
    absent = rows - len(given)
    others = rows - int(counts.max())
    if len(given) < CONSTANT_ROWS < rows:
        return "constant", f"a value in only {len(given)} of {rows:,} rows"
    if distinct == 1 and absent < CONSTANT_ROWS:
        return "constant", "one value in all rows" if not absent else f"one value, missing in {absent} rows"
    if distinct > 1 and others < CONSTANT_ROWS and rows > 10 * CONSTANT_ROWS:
        return "constant", f"one value in all rows but {others}"
    if column.is_date:
        return "date", column.note or "dates"
    if column.type == "BYTES":
        return _text_kind(column, given, distinct)
    if column.type == "FLOAT":
        return "number", "numbers"
    return _whole_kind(given, distinct)


def _text_kind(column: Column, given: pa.Array, distinct: int) -> tuple[Kind, str]:
    share = distinct / len(given)
    words = pc.mean(pc.add(pc.count_substring_regex(given, r"\s+"), 1)).as_py()
    if words >= TEXT_WORDS and share > TEXT_SHARE:
        return "text", f"text of {words:.0f} words on average"
    if share > ID_SHARE and len(given) > 2 * CONSTANT_ROWS:
        return "id", f"an id: {share:.0%} of its values occur once" if share < 1 else "an id: all values differ"
    if sign := separator_of(given, distinct):
        return "category", f"several values in a cell, joined by {sign!r}: taken as one; MultiHot takes them apart"
    return "category", column.note or f"{distinct:,} values"


def separator_of(given: pa.Array, distinct: int) -> str:
    """Return the sign that joins several values in most cells, if they come from fewer values than cells; else "".

    >>> separator_of(pa.array(["a|b", "b|c", "a|c", "a|b|c"]), distinct=4)
    '|'
    """
    for sign in ("|", ";", ","):
        joined = pc.mean(pc.match_substring(given, sign).cast(pa.float64())).as_py()
        if joined > TEXT_SHARE and len(pc.split_pattern(given, sign).flatten().unique()) < distinct:
            return sign
    return ""


def _whole_kind(given: pa.Array, distinct: int) -> tuple[Kind, str]:
    numbers = given.to_numpy(zero_copy_only=False)
    if distinct == len(numbers) and distinct > 2 * CONSTANT_ROWS:
        ordered = np.sort(numbers)
        if ordered[-1] - ordered[0] == len(numbers) - 1:
            return "id", "an id: whole numbers that rise by 1"
        if len(str(ordered[0])) == len(str(ordered[-1])) >= ID_DIGITS:
            return "id", f"an id: all values differ, and have {len(str(ordered[0]))} digits"
    kind: Kind = "whole" if distinct <= WHOLE_VALUES else "number"
    return kind, f"whole numbers, {distinct:,} values"
