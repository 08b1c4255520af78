"""A drawn file, and the rows that an independent reader finds in it."""

from dataclasses import dataclass
from typing import Any

from components.arrow_example_gen.checks.columns import ColumnRule, Columns

COLUMNS = Columns(
    {
        "n": ColumnRule("INT", required=True),
        "x": ColumnRule("FLOAT", required=False),
        "text": ColumnRule("BYTES", required=True),
        "note": ColumnRule("BYTES", required=False),
    }
)
# Pieces of text on which readers have differed.
PIECES = (
    *(
        "",
        "a",
        "b,c",
        'say "hi"',
        '5" pipe',
        "two\nlines",
        "x\r\ny",
        "x\ry",
        '"',
        '""',
        "\n\n",
        " ",
        "\t",
        "1,2",
        "null",
    ),
    *("é", "日本", "\ufeff", "\u2028", "\x1c", "\x85", "\\", "'", "NaN", "{}", "[", ";"),
)
Row = tuple[Any, ...]


@dataclass(frozen=True)
class Drawn:
    """The content of a file, its good rows in the order of ``COLUMNS``, and the numbers of its bad ones, in a unit."""

    content: bytes
    rows: list[Row]
    bad: list[int]
    unit: str = "line"
