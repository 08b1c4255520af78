"""A JSON Lines file cut into ranges of whole lines, so that several readers share it."""

import io
import itertools
from collections.abc import Iterator
from typing import BinaryIO

import pyarrow as pa

from components.arrow_example_gen.checks.columns import Columns
from components.arrow_example_gen.formats import byte_ranges
from components.arrow_example_gen.formats.byte_ranges import Range, scan, section, split_at
from components.arrow_example_gen.json_lines import reader
from components.arrow_example_gen.json_lines.line_errors import LineError
from components.arrow_example_gen.quarantine.bad_rows import BadRow, BadRows


def ranges(file: BinaryIO, size: int | None = None) -> list[Range]:
    """Return the byte ranges of a file, each of whole lines and at least ``size`` bytes (default: ``RANGE_BYTES``).

    >>> ranges(io.BytesIO(b'{"a": 1}\\n{"a": 2}\\n{}\\n'), size=9)
    [(0, 9), (9, 18), (18, 21)]
    """
    size = size or byte_ranges.RANGE_BYTES
    end, starts, due = file.seek(0, io.SEEK_END), [], size
    while due < end:
        # From the byte before, which may be a line end.
        file.seek(due - 1)
        file.readline()
        starts.append(file.tell())
        due = starts[-1] + size
    return split_at(starts, end)


def lines_before(file: BinaryIO, cut: Range) -> int:
    """Return the number of lines before a range."""
    file.seek(0)
    return sum(block.count(b"\n") for block in scan(file, cut[0])) if cut else 0


def read(name: str, file: BinaryIO, columns: Columns, cut: Range) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a range; raise as ``reader.read_batches``."""
    return reader.read_batches(
        name, _lines(file, cut), columns, lambda: lines_before(file, cut), at_file_start=_is_first(cut)
    )


def read_good(name: str, file: BinaryIO, columns: Columns, cut: Range, bad: BadRows) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a range without the bad ones, which go into ``bad`` with their lines within the range."""

    def set_aside(line: int, row: bytes, error: LineError) -> None:
        text = row.decode("utf-8", "backslashreplace").rstrip("\r\n")
        bad.add(BadRow(line, error.reason, error.column, error.received, text))

    return reader.read_good(_lines(file, cut), columns, set_aside, at_file_start=_is_first(cut))


def locate(file: BinaryIO, columns: Columns, cut: Range, row: int) -> str:
    """Return the line of a row of a range; blank lines are not rows."""
    before = lines_before(file, cut)
    file.seek(0)
    not_blank = (number for number, line in enumerate(_lines(file, cut), start=1) if line.strip())
    return f"line {next(itertools.islice(not_blank, row, None)) + before}"


def _lines(file: BinaryIO, cut: Range) -> BinaryIO:
    return section(file, cut) if cut else file


def _is_first(cut: Range) -> bool:
    return not cut or cut[0] == 0
