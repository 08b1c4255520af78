"""Read raw text tables: every line is parsed or refused, and an error names its file and line."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pipeline.errors import DataError

_Row = TypeVar("_Row")


def parse_table(path: Path, parse: Callable[[list[str]], _Row], *, separator: str, header: int) -> list[_Row]:
    """Return ``parse(fields)`` for each line that is not blank, after ``header`` lines.

    Raises DataError for a line that ``parse`` answers with ValueError; OSError when the file cannot be read.
    """
    rows = []
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            text = line.strip()
            if number <= header or not text:
                continue
            try:
                rows.append(parse(text.split(separator)))
            except ValueError as error:
                raise DataError(f"{path}, line {number}", f"malformed row: {error}", received=repr(text)) from error
    return rows
