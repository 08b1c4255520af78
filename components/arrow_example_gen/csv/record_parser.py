"""One record of CSV cell by cell, exactly: where it ends, or what is wrong with its quotes.

The rules are those on which Python's csv module (strict) and pandas agree. A quote opens a cell at its beginning only,
two within quotes are one, and behind the quote that closes a cell its delimiter or a line end must come.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

PLAIN = re.compile(rb"[^,\r\n]*")
LINE_END = re.compile(rb"\r\n?|\n")
NUMBER = re.compile(rb"[ \t]*[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|nan|inf)[ \t]*", re.IGNORECASE)
# Text with so many on lines of which each has as many as a row is rows.
MOST_COMMAS = 16
Problem = Literal["open", "behind", "swallowed"]


@dataclass(frozen=True)
class Shape:
    """How many cells a row has, and which of them are numbers."""

    width: int
    numbers: Sequence[int] = ()


@dataclass(frozen=True)
class Fault:
    """A record whose quotes are wrong: from its first byte to the end of the line on which the quote at fault opens.

    What comes behind that line is read as rows again, so that a stray quote costs one row.
    """

    start: int
    end: int
    opened: int
    problem: Problem


def walk(data: bytes, start: int, shape: Shape | None, final: bool) -> int | Fault | None:
    """The byte after a record, or what is wrong with it; None where data that are not the ``final`` ones end before it.

    >>> walk(b'1,"a,b"\\n2,c\\n', 0, None, True), walk(b'1,"a', 0, None, False), walk(b'1,"a" b\\n2', 0, None, True)
    (8, None, Fault(start=0, end=8, opened=2, problem='behind'))
    """
    at, cells, over_lines = start, 1, list[tuple[int, int]]()
    while True:
        opened = at
        if data[at : at + 1] == b'"':
            ended = _quoted_end(data, at, final)
            if not isinstance(ended, int):
                return ended and _fault(data, start, opened, ended, final)
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
            return _fault(data, start, opened, "swallowed", final)
    return end


def _quoted_end(data: bytes, at: int, final: bool) -> int | Problem | None:
    """The byte after the quote that closes a cell."""
    closed = closing(data, at + 1)
    if closed < 0:
        return "open" if final else None
    after = data[closed + 1 : closed + 2]
    if after and after not in b",\r\n":
        # After a line end it is rather the quote that opens another cell.
        return "open" if LINE_END.search(data, at, closed) else "behind"
    return closed + 1


def _plain_end(data: bytes, at: int) -> int:
    found = PLAIN.match(data, at)
    return found.end() if found else at


def closing(data: bytes, at: int) -> int:
    """Where the quote is that closes a cell whose text begins at a byte, or -1."""
    while (at := data.find(b'"', at)) >= 0 and data[at + 1 : at + 2] == b'"':
        at += 2
    return at


def line_end(data: bytes, at: int, final: bool) -> int | None:
    """The byte after the first line end from a byte on; a CR that is the last byte may have its LF still to come.

    >>> line_end(b"a\\r\\nb", 0, False), line_end(b"a\\r", 0, False), line_end(b"a\\r", 0, True)
    (3, None, 2)
    """
    found = LINE_END.search(data, at)
    if found is None:
        return len(data) if final else None
    return None if not final and found[0] == b"\r" and found.end() == len(data) else found.end()


def _fault(data: bytes, start: int, opened: int, problem: Problem, final: bool) -> Fault | None:
    end = line_end(data, opened, final)
    return None if end is None else Fault(start, end, opened, problem)


def swallows(data: bytes, places: tuple[int, int, int, int], shape: Shape) -> bool:
    """Whether a cell that goes over lines holds rows: each of its lines is one, with the cells around it.

    Text hardly ever has the commas of a row on every line, and numbers where a row has them; without columns of numbers
    it takes more commas to tell. ``places`` are where the record begins, the cell opens and ends, and the record ends.
    """
    start, opened, closed, end = places
    lines = LINE_END.split(data[opened + 1 : closed - 1])
    commas = data.count(b",", opened, closed)
    if not commas or commas != (len(lines) - 1) * (shape.width - 1):
        return False
    if not shape.numbers and (len(lines) < 3 or commas < MOST_COMMAS):
        return False
    rows = [split(row) for row in (data[start:opened] + lines[0], *lines[1:-1], lines[-1] + data[closed:end])]
    return all(_is_row(row, shape) for row in rows) and (not shape.numbers or _numbers(rows[1:], shape) >= 2)


def _is_row(cells: list[bytes], shape: Shape) -> bool:
    if len(cells) != shape.width:
        return False
    numbers = [cells[index] for index in shape.numbers if cells[index]]
    return all(map(NUMBER.fullmatch, numbers)) and bool(numbers or not shape.numbers)


def _numbers(rows: list[list[bytes]], shape: Shape) -> int:
    return sum(bool(row[index]) for row in rows for index in shape.numbers)


def split(record: bytes) -> list[bytes]:
    """The cells of a record, without the quotes around them.

    >>> split(b'1,"a,""b",,5" pipe\\r\\n')
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
