"""Bad rows, collected while the others are read."""

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
# They stay in memory until the piece is read.
MAX_BAD_ROWS = 100_000


@dataclass(frozen=True)
class BadRow:
    """A row, the first thing that is wrong with it, and its line within the piece of the file."""

    line: int
    reason: Reason
    column: str
    value: str
    row: str


class BadRows:
    """The bad rows of a file, or of a piece of one."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.rows: list[BadRow] = []

    def add(self, *rows: BadRow) -> None:
        """Add rows.

        Raises:
            DataError: there are more than ``MAX_BAD_ROWS``.
        """
        self.rows += rows
        if len(self.rows) > MAX_BAD_ROWS:
            raise DataError(self.name, f"more than {MAX_BAD_ROWS:,} bad rows", next_step="Correct the file.")

    def all(self) -> list[BadRow]:
        """Return all rows in the order of the file."""
        return sorted(self.rows, key=lambda row: row.line)
