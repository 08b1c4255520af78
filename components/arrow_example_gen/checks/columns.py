"""What is demanded of files, and how the columns of one are compared with the schema."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from components.arrow_example_gen.splitting.assignment import Splitting
from pipeline.errors import DataError

ARROW_TYPES = {"INT": pa.int64(), "FLOAT": pa.float32(), "BYTES": pa.string()}


@dataclass(frozen=True)
class ColumnRule:
    """What a column must be: its type in the schema, whether every file must have it, what its numbers lie above.

    A label is one of ``labels``, in every row.
    """

    type: Literal["INT", "FLOAT", "BYTES"]
    required: bool
    above: float | None = None
    labels: Sequence[int] | None = None


@dataclass(frozen=True)
class Columns(Mapping[str, ColumnRule]):
    """The columns of the schema, and whether a file with others is refused, or read without them."""

    rules: Mapping[str, ColumnRule]
    others: Literal["fail", "ignore"] = "fail"

    def __getitem__(self, name: str) -> ColumnRule:
        return self.rules[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.rules)

    def __len__(self) -> int:
        return len(self.rules)

    def among(self, names: Collection[str]) -> list[str]:
        """Those of a file's columns that are read, in the order of the file."""
        return [name for name in names if name in self.rules]

    def refused(self, names: Collection[str]) -> list[str]:
        """Those of a file's columns for which it is refused."""
        return [] if self.others == "ignore" else [name for name in names if name not in self.rules]


@dataclass(frozen=True)
class Settings:
    """What a file must look like, what becomes of its bad rows, and of the others.

    They are divided if files are not, and shuffled within windows of ``shuffle_rows``, if that is not 0.
    """

    columns: Columns
    on_bad_row: Literal["fail", "quarantine"]
    max_bad_share: float
    splitting: Splitting | None = None
    shuffle_rows: int = 0
    seed: int = 0


def check_names(where: str, names: Sequence[str], columns: Columns) -> None:
    """Compares the names of a file's columns with the schema.

    Raises:
        DataError: one is missing, is there twice, or is not in the schema and not left out.
    """
    missing = [column for column, rule in columns.items() if rule.required and column not in names]
    if not columns.among(names):
        missing = missing or [*columns]
    extra = columns.refused(names)
    twice = sorted({column for column in {*columns.among(names), *extra} if names.count(column) > 1})
    if missing or extra or twice:
        found = {"missing": missing, "not in the schema": extra, "twice": twice}
        raise DataError(
            where,
            "its columns are not those of the schema",
            expected=", ".join(columns),
            received="; ".join(f"{what}: {', '.join(map(_shown, some))}" for what, some in found.items() if some),
            next_step="Correct the file, declare the columns in schemas/, or leave others out with data.other_columns.",
        )


def _shown(column: str) -> str:
    return column or "(a column without a name)"
