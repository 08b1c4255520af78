"""What the label says: the two values that a model can learn today, or why it cannot."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from components.support.text import shorten
from pipeline.errors import DataError, did_you_mean
from pipeline.scaffold.columns.column import Column

# Whole numbers with at most so many values are classes, not quantities.
CLASSES = 20
# A split needs some rows of each label.
FEWEST = 10
RARE = 0.05
TODAY = "Only labels of two values, 0 and 1, can be trained today."


@dataclass(frozen=True)
class Target:
    """The label of the rows that have one.

    Attributes:
        column: its values as the rows have them.
        ones: for each row whether the label is 1, as 0 or 1.
        without: the number of rows without a label, which are left out.
    """

    column: Column
    ones: NDArray[np.int64]
    without: int

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


def read_label(column: Column) -> tuple[Target, NDArray[np.bool_]]:
    """Return the label, and for each row of the column whether it has one.

    Raises:
        DataError: it has not two values that are 0 and 1, or too few rows of one.
    """
    has_one = column.values.is_valid().to_numpy(zero_copy_only=False)
    given = column.values.drop_null()
    counts = {str(item["values"]): item["counts"] for item in given.value_counts().to_pylist()}
    where = f"label {column.source}"
    if len(counts) < 2:
        received = f"{next(iter(counts))!r} in all {len(given):,} rows" if counts else "no value in any row"
        raise DataError(where, "the label has one value: there is nothing to tell apart", received=received,
                        expected="rows of both labels")  # fmt: skip
    if len(counts) > 2:
        raise more_than_two(column, counts)
    if column.type == "BYTES" or set(given.unique().to_pylist()) != {0, 1}:
        raise DataError(where, "the label has two values, but they are not 0 and 1", expected="0 and 1",
                        received=" and ".join(f"{shorten(value)!r} ({n:,} rows)" for value, n in counts.items()),
                        next_step="Write 1 for the event and 0 for its absence.")  # fmt: skip
    rare, rows = min(counts.items(), key=lambda item: item[1])
    if rows < FEWEST:
        raise DataError(where, f"too few rows of the label {rare}", received=f"{rows} of {len(given):,} rows",
                        expected=f"at least {FEWEST}, so that each split has some")  # fmt: skip
    values = given.cast(pa.int64())
    label = Column(column.name, column.source, values, note=column.note)
    ones = values.to_numpy(zero_copy_only=False)
    return Target(label, ones, len(has_one) - len(given)), has_one


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
        f"label {column.source}", "a label of this kind cannot be trained", expected="0 and 1", received=kind,
        next_step=f"{TODAY} Make a column that is 1 where the event happened, for example above a limit.",
    )  # fmt: skip
