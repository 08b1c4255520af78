"""A CSV file, or a range of one, as blocks of whole records, apart from those with wrong quotes."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import BinaryIO

import numpy as np

from components.arrow_example_gen.checks.columns import Columns
from components.arrow_example_gen.csv import ranges
from components.arrow_example_gen.csv.header import Header, first_line, read_header
from components.arrow_example_gen.csv.record_index import Offsets, RecordIndex, full_starts, index_records, line_ends
from components.arrow_example_gen.csv.record_parser import QuoteError, RowShape, parse_record, split_cells
from components.arrow_example_gen.formats.byte_ranges import Range
from pipeline.errors import DataError

BLOCK_BYTES = 4 << 20
# The longest record: a quote that is not closed within so many bytes counts as unclosed.
MAX_RECORD_BYTES = 1 << 24
LINE_BYTES = 1 << 16


@dataclass(frozen=True)
class Block:
    """Whole records, good ones and those with wrong quotes, after the first ``lines`` lines of the range."""

    data: bytes
    lines: int
    index: RecordIndex
    shape: RowShape

    def good(self, until: int | None = None) -> bytes:
        """Return the good records, up to a byte."""
        if not self.index.errors:
            return self.data
        bounds = [0, *(bound for error in self.index.errors for bound in (error.start, error.end)), len(self.data)]
        parts = zip(bounds[::2], bounds[1::2], strict=True)
        return b"".join(self.data[start:end] for start, end in parts if until is None or end <= until)

    @cached_property
    def starts(self) -> Offsets:
        """The offset of each good record."""
        starts = self.index.starts
        return full_starts(self.data, self.shape) if starts is None else starts

    @cached_property
    def ends(self) -> Offsets:
        """The offset after each line end."""
        return line_ends(self.data, True)

    def line(self, offset: int) -> int:
        """Return the line of the range at a byte, from 1."""
        return self.lines + int(np.searchsorted(self.ends, offset, "right")) + 1

    def column(self, error: QuoteError) -> int:
        """Return the number of the cell that begins with the wrong quote, from 0."""
        return len(split_cells(self.data[error.start : error.opened])) - 1

    def record(self, start: int) -> bytes:
        """Return the good record at an offset."""
        end = parse_record(self.data, start, None, True)
        return self.data[start:end] if isinstance(end, int) else b""


@dataclass(frozen=True)
class Source:
    """A file, its header, and the range of it that is read."""

    name: str
    file: BinaryIO
    header: Header
    cut: Range

    def line(self, number: int) -> str:
        """Name a line of the range; this reads the file from its beginning, to count the lines before the range."""
        return f"{self.name}, line {number + ranges.lines_before(self.file, self.cut)}"

    def blocks(self, columns: Columns) -> Iterator[Block]:
        """Yield the range in blocks.

        Raises:
            DataError: a record is too long.
        """
        shape, file = self.header.shape(columns), ranges.in_range(self.file, self.cut, self.header.size)
        data, lines, more = b"", 0, True
        while more:
            block = file.read(BLOCK_BYTES)
            # To the end of a line, so that most blocks are whole without another copy.
            data, more = data + (block + file.readline(LINE_BYTES) if block else b""), bool(block)
            index = index_records(data, shape, final=not more)
            if not index.end and len(data) > MAX_RECORD_BYTES:
                index = self._unclosed_quote(data, shape, lines)
            if index.end:
                yield Block(data[: index.end], lines, index, shape)
            data, lines = data[index.end :], lines + index.lines

    def _unclosed_quote(self, data: bytes, shape: RowShape, lines: int) -> RecordIndex:
        """Find the unclosed quote in data that has no end of a record."""
        error = parse_record(data, 0, shape, final=True)
        if not isinstance(error, QuoteError) or error.end == len(data):
            raise DataError(
                self.line(lines + 1), f"a row is longer than {MAX_RECORD_BYTES >> 20} MiB", received=first_line(data),
                next_step="Check the line ends and quotes of the file.",
            )  # fmt: skip
        ends = line_ends(data[: error.end], True)
        return RecordIndex(error.end, 0, len(ends), (error,), np.empty(0, np.int64))


def source(name: str, file: BinaryIO, cut: Range = ()) -> Source:
    """Return a file, or a range of it, with its header.

    Raises:
        DataError: the header cannot be read.
    """
    return Source(name, file, read_header(name, file), cut)


def count_records(name: str, file: BinaryIO, columns: Columns, cut: Range = ()) -> int:
    """Count the rows of a file or range, good or bad, by quotes and line ends: a parser must find as many."""
    return sum(block.index.records + len(block.index.errors) for block in source(name, file, cut).blocks(columns))


def locate(file: BinaryIO, columns: Columns, cut: Range, row: int) -> str:
    """Return the line of a row of a file or range, by its number from 0."""
    rows = source("", file, cut)
    for block in rows.blocks(columns):
        if row < block.index.records:
            return f"line {block.line(int(block.starts[row])) + ranges.lines_before(file, cut)}"
        row -= block.index.records
    return "its end"
