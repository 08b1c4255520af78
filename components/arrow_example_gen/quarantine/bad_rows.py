"""Bad rows that are put aside while the others are read."""

from dataclasses import dataclass
from typing import Literal

from pipeline.errors import DataError

Reason = Literal[
    "wrong type",
    "not UTF-8",
    "wrong number of columns",
    "quote that is not closed",
    "text behind a closing quote",
    "not JSON",
    "wrong columns",
    "number not usable",
    "label not usable",
]
# They are kept in memory until the file is read.
MOST = 100_000


@dataclass(frozen=True)
class BadRow:
    """A row, the first thing that is wrong with it, and its line in the part of the file that was read."""

    line: int
    reason: Reason
    column: str
    value: str
    row: str


class BadRows:
    """What was put aside of a file, or of a part of it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.rows: list[BadRow] = []

    def add(self, *rows: BadRow) -> None:
        """Puts rows aside.

        Raises:
            DataError: there are more than ``MOST``.
        """
        self.rows += rows
        if len(self.rows) > MOST:
            raise DataError(self.name, f"more than {MOST:,} bad rows", next_step="Correct the file.")

    def all(self) -> list[BadRow]:
        """Every one in the order of the file."""
        return sorted(self.rows, key=lambda row: row.line)
