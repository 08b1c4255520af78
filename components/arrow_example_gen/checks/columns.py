"""The columns that the schema declares, and the check of a file's columns against them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from pipeline.errors import DataError

ARROW_TYPES = {"INT": pa.int64(), "FLOAT": pa.float32(), "BYTES": pa.string()}


@dataclass(frozen=True)
class ColumnRule:
    """The constraints on one column.

    ``required`` columns must be in every file. Numbers must be greater than ``above``. In a label column every row
    must have one of ``labels``.
    """

    type: Literal["INT", "FLOAT", "BYTES"]
    required: bool
    above: float | None = None
    labels: Sequence[int] | None = None


@dataclass(frozen=True)
class Columns(Mapping[str, ColumnRule]):
    """The columns of the schema; ``others`` says whether a file with more columns is refused or read without them."""

    rules: Mapping[str, ColumnRule]
    others: Literal["fail", "ignore"] = "fail"

    def __getitem__(self, name: str) -> ColumnRule:
        return self.rules[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.rules)

    def __len__(self) -> int:
        return len(self.rules)

    def among(self, names: Collection[str]) -> list[str]:
        """Return the columns of a file that are read, in the order of the file."""
        return [name for name in names if name in self.rules]

    def refused(self, names: Collection[str]) -> list[str]:
        """Return the columns of a file that make it invalid."""
        return [] if self.others == "ignore" else [name for name in names if name not in self.rules]


def check_names(where: str, names: Sequence[str], columns: Columns) -> None:
    """Compare the column names of a file with the schema.

    Raises:
        DataError: a required column is missing, a column appears twice, or one is unknown and not ignored.
    """
    missing = [column for column, rule in columns.items() if rule.required and column not in names]
    if not columns.among(names):
        missing = missing or [*columns]
    extra = columns.refused(names)
    repeated = sorted({column for column in {*columns.among(names), *extra} if names.count(column) > 1})
    if missing or extra or repeated:
        found = {"missing": missing, "not in the schema": extra, "twice": repeated}
        raise DataError(
            where,
            "its columns are not those of the schema",
            expected=", ".join(columns),
            received="; ".join(f"{what}: {', '.join(map(_quoted, some))}" for what, some in found.items() if some),
            next_step="Correct the file, declare the columns in schemas/, or leave others out with data.other_columns.",
        )


def _quoted(column: str) -> str:
    return column or "(a column without a name)"
