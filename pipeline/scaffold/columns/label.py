"""What the label says: the two values that a model can learn today, or why it cannot."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from components.support.text import shorten
from pipeline.errors import DataError, did_you_mean
from pipeline.scaffold.columns.column import Column
from pipeline.scaffold.rows.cells import MISSING

# Whole numbers with at most so many values are classes, not quantities.
CLASSES = 20
# A split needs some rows of each label.
FEWEST = 10
RARE = 0.05
TODAY = "Only labels of two values can be trained today."
# By the lower-case text of the one value, that of the other: which of them is the event goes without saying.
EVENTS = {"yes": "no", "y": "n", "true": "false", "t": "f", "on": "off"}


@dataclass(frozen=True)
class Target:
    """The label of the rows that have one.

    Attributes:
        column: its values as the rows have them: 0 and 1, or two texts.
        ones: for each row whether it is the event, as 0 or 1.
        without: the number of rows without a label, which are left out.
        values: the texts that stand for 0 and for 1; empty for the numbers 0 and 1.
    """

    column: Column
    ones: NDArray[np.int64]
    without: int
    values: tuple[str, ...] = ()

    @property
    def event(self) -> str:
        """The value that counts as 1, as the rows have it."""
        return self.values[1] if self.values else "1"

    @property
    def rate(self) -> float:
        """The share of ones."""
        return float(self.ones.mean())

    @property
    def is_rare(self) -> bool:
        """Whether one of the labels is rare."""
        return min(self.rate, 1 - self.rate) < RARE


def find_label(columns: list[Column], name: str, where: str) -> Column:
    """Return the column of the label, by its name in the files or in the workload.

    Raises:
        DataError: there is none.
    """
    for column in columns:
        if name in (column.source, column.name):
            return column
    known = [column.source for column in columns]
    raise DataError(where, "no such column for the label", expected=", ".join(known[:40]), received=name,
                    next_step=did_you_mean(name, known))  # fmt: skip


def read_label(column: Column, positive: str | None = None) -> tuple[Target, NDArray[np.bool_]]:
    """Return the label, and for each row of the column whether it has one; ``positive`` is the value that counts as 1.

    Raises:
        DataError: it has not two values, too few rows of one, or it is not clear which of them is the event.
    """
    column = without_tokens(column)
    has_one = column.values.is_valid().to_numpy(zero_copy_only=False)
    given = column.values.drop_null()
    counts = {str(item["values"]): item["counts"] for item in given.value_counts().to_pylist()}
    where = f"label {column.source}"
    if len(counts) < 2:
        received = (
            f"{next(iter(counts))!r} in all {len(given):,} rows that have one" if counts else "no value in any row"
        )
        received += f"; none in {without:,} rows" if (without := len(column.values) - len(given)) and counts else ""
        raise DataError(where, "the label has one value: there is nothing to tell apart", received=received,
                        expected="rows of both labels")  # fmt: skip
    if len(counts) > 2:
        raise more_than_two(column, counts)
    event = positive if positive in counts else event_of(counts) if positive is None else None
    if event is None:
        raise DataError(where, "which of the two values is the event?", expected="--positive and one of the values",
                        received=" and ".join(f"{shorten(value)!r} ({n:,} rows)" for value, n in counts.items()),
                        next_step=f"Such as --positive {shlex.quote(min(counts, key=lambda value: counts[value]))}.",
                        )  # fmt: skip
    rare, rows = min(counts.items(), key=lambda item: item[1])
    if rows < FEWEST:
        raise DataError(where, f"too few rows of the label {rare}", received=f"{rows} of {len(given):,} rows",
                        expected=f"at least {FEWEST}, so that each split has some")  # fmt: skip
    without = len(has_one) - len(given)
    if column.type != "BYTES" and set(counts) == {"0", "1"} and event == "1":
        return Target(replace(column, values=given), given.to_numpy(zero_copy_only=False), without), has_one
    # Other numbers are two names, as texts are.
    texts = given.cast(pa.string())
    (other,) = (value for value in counts if value != event)
    ones = pc.equal(texts, event).cast(pa.int64()).to_numpy(zero_copy_only=False)
    return Target(replace(column, values=texts), ones, without, (other, event)), has_one


def without_tokens(column: Column) -> Column:
    """Return a label of texts without those that stand for a missing one, such as NA, if two others are left then.

    >>> without_tokens(Column("y", "y", pa.array(["no", "NA", "yes"]))).values.to_pylist()
    ['no', None, 'yes']
    """
    if not pa.types.is_string(column.values.type):
        return column
    is_token = pc.is_in(pc.utf8_lower(column.values), value_set=pa.array(MISSING))
    bare = pc.if_else(is_token, pa.scalar(None, pa.string()), column.values)
    return replace(column, values=bare) if pc.count_distinct(bare).as_py() == 2 else column


def event_of(counts: Mapping[str, int]) -> str | None:
    """Return the value that is the event where that goes without saying, else None.

    >>> event_of({"0": 5, "1": 3}), event_of({"No": 5, "Yes": 3}), event_of({"red": 5, "blue": 3})
    ('1', 'Yes', None)
    """
    if set(counts) == {"0", "1"}:
        return "1"
    by_case = {value.casefold(): value for value in counts}
    return next((by_case[one] for one, other in EVENTS.items() if {one, other} == set(by_case)), None)


def more_than_two(column: Column, counts: Mapping[str, int]) -> DataError:
    """Return the error for a label that is one of several classes, or a number, and say which it is."""
    whole = column.type == "INT"
    if column.is_date:
        kind = "a date"
    elif column.type == "BYTES" or (whole and len(counts) <= CLASSES):
        most = sorted(counts, key=lambda value: -counts[value])[:5]
        kind = f"one of {len(counts):,} classes: {', '.join(shorten(value, 20) for value in most)}" + (
            ", …" if len(counts) > len(most) else "")  # fmt: skip
    else:
        least, greatest = pc.min(column.values).as_py(), pc.max(column.values).as_py()
        kind = f"a number from {least:g} to {greatest:g}, {len(counts):,} values"
    return DataError(
        f"label {column.source}", "a label of this kind cannot be trained", expected="two values", received=kind,
        next_step=f"{TODAY} Make a column that is 1 where the event happened, for example above a limit.",
    )  # fmt: skip
