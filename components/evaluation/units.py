"""Units: the rows that depend on one another, such as those of one user, and that intervals take as one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from components.evaluation.columns import Columns, combinations
from pipeline.errors import ConfigError

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Units:
    """The unit of each row.

    Attributes:
        code: (rows,) each below ``count``; None if each row is a unit of its own.
        count: the number of units, each of which has a row.
    """

    code: Ints | None
    count: int

    @property
    def rows(self) -> int:
        """The number of rows."""
        return self.count if self.code is None else len(self.code)

    @property
    def codes(self) -> Ints:
        """The unit of each row, (rows,), also where each is its own."""
        return np.arange(self.count) if self.code is None else self.code

    def take(self, index: NDArray[Any]) -> "Units":
        """Return the units of the rows at these positions, numbered anew."""
        if self.code is None:
            return Units(None, len(index))
        code = self.code[index]
        present = np.zeros(self.count, np.bool_)
        present[code] = True
        number = np.cumsum(present) - 1
        return Units(number[code], int(number[-1]) + 1 if len(number) else 0)

    def total(self, values: Floats) -> Floats:
        """Sum values, (rows,), over each unit: (units,)."""
        return values if self.code is None else np.bincount(self.code, values, self.count).astype(np.float64)

    def number_with(self, rows: NDArray[np.bool_]) -> int:
        """Return the number of units that have one of these rows, a boolean array of the shape (rows,)."""
        return int(np.count_nonzero(rows if self.code is None else np.bincount(self.code[rows])))


def independent(rows: int) -> Units:
    return Units(None, rows)


def units_of(rows: Columns, cluster_by: Sequence[str], setting: str = "evaluation.cluster_by") -> Units:
    """Return the units of rows: rows with equal values in all columns ``cluster_by`` are one; without columns each is.

    A row without a value in one of the columns is a unit of its own. ``setting`` names the columns in errors.

    Raises:
        ConfigError: a column is missing, or holds several values in a row.
    """
    if not cluster_by:
        return independent(rows.num_rows)
    columns = [unit_column(rows, name, setting) for name in cluster_by]
    code = combinations(columns, rows.num_rows)
    unknown = np.zeros(rows.num_rows, np.bool_)
    for column in columns:
        unknown |= column.is_null().to_numpy()
    code[unknown] = code.max(initial=0) + 1 + np.arange(int(unknown.sum()))
    return Units(code, int(code.max(initial=-1)) + 1).take(np.arange(rows.num_rows))


def unit_column(rows: Columns, name: str, setting: str) -> pa.ChunkedArray:
    """Return a column that names units."""
    if name not in rows.column_names:
        raise ConfigError(setting, f"{name}: no such column", expected=", ".join(rows.column_names), received=name)
    column = rows[name]
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        raise ConfigError(setting, f"{name}: has several values in a row", expected="a column with one value")
    return column


def check_whole(groups: Units, units: Units, names: Sequence[str]) -> None:
    """Check that each group of rows lies in one unit, where units have several rows.

    A mean over groups takes those of different units as independent, which they are not if they share units.

    Args:
        groups: by the columns ``names``.
        units: of the same rows.

    Raises:
        ConfigError: a group has rows of several units.
    """
    if units.code is None:
        return
    of_group = np.zeros(groups.count, np.int64)
    of_group[groups.codes] = units.code
    split = np.unique(groups.codes[of_group[groups.codes] != units.code])
    if len(split):
        raise ConfigError(
            "evaluation.cluster_by", f"{len(split)} of {groups.count} groups of evaluation.rank_by have rows in "
            "several units, so that groups depend on one another", expected="all rows of a group in one unit",
            received=f"rank_by: {', '.join(names)}",
            next_step=f"Cluster by {', '.join(names)}, or by a column that is the same in all rows of a group.",
        )  # fmt: skip
