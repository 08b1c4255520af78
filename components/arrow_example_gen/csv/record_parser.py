"""An exact parser of one CSV record: where it ends, or what is wrong with its quotes.

The rules are those on which Python's csv module (strict) and pandas agree. A quote opens a cell only
at its start, two quotes within quotes are one, and after the closing quote must come a delimiter or a line end.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

PLAIN = re.compile(rb"[^,\r\n]*")
LINE_END = re.compile(rb"\r\n?|\n")
NUMBER = re.compile(rb"[ \t]*[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|nan|inf)[ \t]*", re.IGNORECASE)
# Lines with the commas of a row, and so many in total, are taken for rows rather than text.
MIN_COMMAS = 16
Problem = Literal["unclosed", "text after quote", "swallows rows"]


@dataclass(frozen=True)
class RowShape:
    """The number of cells in a row, and the indices of those that are numbers."""

    width: int
    numbers: Sequence[int] = ()


@dataclass(frozen=True)
class QuoteError:
    """A record with a wrong quote, up to the end of the line on which that quote opens (at ``opened``).

    The lines after it are read as rows again, so that a stray quote costs one row.
    """

    start: int
    end: int
    opened: int
    problem: Problem


def parse_record(data: bytes, start: int, shape: RowShape | None, final: bool) -> int | QuoteError | None:
    """Return the offset after a record, or its error; None if it may continue after data that are not ``final``.

    >>> parse_record(b'1,"a,b"\\n2,c\\n', 0, None, True), parse_record(b'1,"a', 0, None, False)
    (8, None)
    >>> parse_record(b'1,"a" b\\n2', 0, None, True)
    QuoteError(start=0, end=8, opened=2, problem='text after quote')
    """
    at, cells, over_lines = start, 1, list[tuple[int, int]]()
    while True:
        opened = at
        if data[at : at + 1] == b'"':
            ended = _quoted_end(data, at, final)
            if not isinstance(ended, int):
                return ended and _error(data, start, opened, ended, final)
            at = ended
            if LINE_END.search(data, opened, at):
                over_lines.append((opened, at))
        else:
            at = _plain_end(data, at)
        if data[at : at + 1] != b",":
            break
        at, cells = at + 1, cells + 1
    end = line_end(data, at, final)
    for opened, closed in over_lines if shape and end else ():
        if shape and (cells != shape.width or swallows(data, (start, opened, closed, at), shape)):
            return _error(data, start, opened, "swallows rows", final)
    return end


def _quoted_end(data: bytes, at: int, final: bool) -> int | Problem | None:
    """Return the offset after the quote that closes a cell."""
    closed = closing(data, at + 1)
    if closed < 0:
        return "unclosed" if final else None
    after = data[closed + 1 : closed + 2]
    if after and after not in b",\r\n":
        # After a line end, this is more likely a quote that opens another cell.
        return "unclosed" if LINE_END.search(data, at, closed) else "text after quote"
    return closed + 1


def _plain_end(data: bytes, at: int) -> int:
    found = PLAIN.match(data, at)
    return found.end() if found else at


def closing(data: bytes, at: int) -> int:
    """Return the offset of the quote that closes a cell whose text begins at ``at``, or -1."""
    while (at := data.find(b'"', at)) >= 0 and data[at + 1 : at + 2] == b'"':
        at += 2
    return at


def line_end(data: bytes, at: int, final: bool) -> int | None:
    """Return the offset after the first line end from ``at`` on; a CR at the end of data may still get its LF.

    >>> line_end(b"a\\r\\nb", 0, False), line_end(b"a\\r", 0, False), line_end(b"a\\r", 0, True)
    (3, None, 2)
    """
    found = LINE_END.search(data, at)
    if found is None:
        return len(data) if final else None
    return None if not final and found[0] == b"\r" and found.end() == len(data) else found.end()


def _error(data: bytes, start: int, opened: int, problem: Problem, final: bool) -> QuoteError | None:
    end = line_end(data, opened, final)
    return None if end is None else QuoteError(start, end, opened, problem)


def swallows(data: bytes, offsets: tuple[int, int, int, int], shape: RowShape) -> bool:
    """Return whether a cell that spans lines holds rows: each of its lines is one, with the cells around it.

    Text hardly ever has the commas of a row on every line, and numbers where a row has them. Without number columns it
    takes more commas to tell. ``offsets`` are the record's start, the cell's start and end, and the record's end.
    """
    start, opened, closed, end = offsets
    lines = LINE_END.split(data[opened + 1 : closed - 1])
    commas = data.count(b",", opened, closed)
    if not commas or commas != (len(lines) - 1) * (shape.width - 1):
        return False
    if not shape.numbers and (len(lines) < 3 or commas < MIN_COMMAS):
        return False
    rows = [split_cells(row) for row in (data[start:opened] + lines[0], *lines[1:-1], lines[-1] + data[closed:end])]
    return all(_is_row(row, shape) for row in rows) and (not shape.numbers or _numbers(rows[1:], shape) >= 2)


def _is_row(cells: list[bytes], shape: RowShape) -> bool:
    if len(cells) != shape.width:
        return False
    numbers = [cells[index] for index in shape.numbers if cells[index]]
    return all(map(NUMBER.fullmatch, numbers)) and bool(numbers or not shape.numbers)


def _numbers(rows: list[list[bytes]], shape: RowShape) -> int:
    return sum(bool(row[index]) for row in rows for index in shape.numbers)


def split_cells(record: bytes) -> list[bytes]:
    """Return the cells of a record, without the quotes around them.

    >>> split_cells(b'1,"a,""b",,5" pipe\\r\\n')
    [b'1', b'a,"b', b'', b'5" pipe']
    """
    at, cells = 0, []
    while True:
        closed = closing(record, at + 1) if record[at : at + 1] == b'"' else -1
        if closed >= 0:
            cells.append(record[at + 1 : closed].replace(b'""', b'"'))
            at = closed + 1
        else:
            cells.append(record[at : _plain_end(record, at)])
            at += len(cells[-1])
        if record[at : at + 1] != b",":
            return cells
        at += 1
