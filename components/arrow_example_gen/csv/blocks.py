"""A CSV file, or a range of one, as blocks of whole records, with those put apart whose quotes are wrong."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import BinaryIO

import numpy as np

from components.arrow_example_gen.checks.columns import Columns
from components.arrow_example_gen.csv import ranges
from components.arrow_example_gen.csv.header import Head, beginning, read_head
from components.arrow_example_gen.csv.record_index import Found, Places, full_starts, line_ends, scan
from components.arrow_example_gen.csv.record_parser import Fault, Shape, split, walk
from components.arrow_example_gen.formats.byte_ranges import Range
from pipeline.errors import DataError

BLOCK_BYTES = 4 << 20
# The longest record; a quote that no other follows for so long is taken for one that is not closed.
MOST_BYTES = 1 << 24
LINE_BYTES = 1 << 16


@dataclass(frozen=True)
class Block:
    """Whole records, among them faults, after some ``lines`` of the range."""

    data: bytes
    lines: int
    found: Found
    shape: Shape

    def good(self, until: int | None = None) -> bytes:
        """The records without the faults, up to a byte."""
        if not self.found.faults:
            return self.data
        bounds = [0, *(bound for fault in self.found.faults for bound in (fault.start, fault.end)), len(self.data)]
        parts = zip(bounds[::2], bounds[1::2], strict=True)
        return b"".join(self.data[start:end] for start, end in parts if until is None or end <= until)

    @cached_property
    def starts(self) -> Places:
        """Where each of the good records begins."""
        starts = self.found.starts
        return full_starts(self.data, self.shape) if starts is None else starts

    @cached_property
    def ends(self) -> Places:
        """The byte after each line end."""
        return line_ends(self.data, True)

    def line(self, at: int) -> int:
        """The line of the range that a byte is on, from 1."""
        return self.lines + int(np.searchsorted(self.ends, at, "right")) + 1

    def column(self, fault: Fault) -> int:
        """The number of the cell with which a fault begins."""
        return len(split(self.data[fault.start : fault.opened])) - 1

    def record(self, start: int) -> bytes:
        """The good record that begins at a byte."""
        end = walk(self.data, start, None, True)
        return self.data[start:end] if isinstance(end, int) else b""


@dataclass(frozen=True)
class Source:
    """A file of some name and header, and the range of it that is read."""

    name: str
    file: BinaryIO
    head: Head
    cut: Range

    def line(self, number: int) -> str:
        """Where a line of the range is in the file, which is read from its beginning for that."""
        return f"{self.name}, line {number + ranges.lines_before(self.file, self.cut)}"

    def blocks(self, columns: Columns) -> Iterator[Block]:
        """The range block by block.

        Raises:
            DataError: a line is too long.
        """
        shape, file = self.head.shape(columns), ranges.in_range(self.file, self.cut, self.head.size)
        data, lines, more = b"", 0, True
        while more:
            block = file.read(BLOCK_BYTES)
            # To the end of a line, so that most blocks are whole without another copy.
            data, more = data + (block + file.readline(LINE_BYTES) if block else b""), bool(block)
            found = scan(data, shape, final=not more)
            if not found.end and len(data) > MOST_BYTES:
                found = self._of_long(data, shape, lines)
            if found.end:
                yield Block(data[: found.end], lines, found, shape)
            data, lines = data[found.end :], lines + found.lines

    def _of_long(self, data: bytes, shape: Shape, lines: int) -> Found:
        """The quote that is not closed in data without the end of a record."""
        fault = walk(data, 0, shape, final=True)
        if not isinstance(fault, Fault) or fault.end == len(data):
            raise DataError(
                self.line(lines + 1), f"a row is longer than {MOST_BYTES >> 20} MiB", received=beginning(data),
                next_step="Look at the line ends and quotes of the file.",
            )  # fmt: skip
        ends = line_ends(data[: fault.end], True)
        return Found(fault.end, 0, len(ends), (fault,), np.empty(0, np.int64))


def source(name: str, file: BinaryIO, cut: Range = ()) -> Source:
    """A file, or a range of it, whose header is read.

    Raises:
        DataError: the header cannot be read.
    """
    return Source(name, file, read_head(name, file), cut)


def count_records(name: str, file: BinaryIO, columns: Columns, cut: Range = ()) -> int:
    """How many rows a file or range has, good or bad, by its quotes and line ends: a parser must find as many."""
    return sum(block.found.records + len(block.found.faults) for block in source(name, file, cut).blocks(columns))


def place(file: BinaryIO, columns: Columns, cut: Range, row: int) -> str:
    """The line of a row of a file or range, by its number from 0."""
    rows = source("", file, cut)
    for block in rows.blocks(columns):
        if row < block.found.records:
            return f"line {block.line(int(block.starts[row])) + ranges.lines_before(file, cut)}"
        row -= block.found.records
    return "its end"
