"""A big CSV file cut into ranges of bytes that begin with a record, so that several readers share it.

A newline ends a record unless it is quoted. A quote opens a cell at its beginning only, and a delimiter or a line end
follows the one that closes it, so that counting quotes is right as long as every one stands there; a file where one
does not is left whole.
"""

import io
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from components.arrow_example_gen.csv.header import read_head
from components.arrow_example_gen.formats import byte_ranges
from components.arrow_example_gen.formats.byte_ranges import Range, between, scan, section

QUOTE = ord('"')
# What may stand before a quote that opens a cell, and behind one that closes it; two quotes are an escaped one.
AROUND = np.isin(np.arange(256), np.frombuffer(b',\r\n"', np.uint8))


def ranges(file: BinaryIO, size: int | None = None) -> list[Range]:
    """The first byte of each range and the one after its last; ``[()]`` for a file that is left whole.

    ``size`` is that of a range, at least, by default ``byte_ranges.RANGE_BYTES``.

    >>> ranges(io.BytesIO(b'a,b\\n1,"x\\ny"\\n2,z\\n3,w\\n'), size=6)
    [(0, 12), (12, 20)]
    """
    size = size or byte_ranges.RANGE_BYTES
    end = file.seek(0, io.SEEK_END)
    starts = _starts(file, size) if end > size else None
    return between(starts or [], end)


def in_range(file: BinaryIO, cut: Range, size: int) -> BinaryIO:
    """A file of the records of a range without the header, which ends at a byte; the rest of a file left whole."""
    if cut:
        return section(file, (max(cut[0], size), cut[1]))
    file.seek(size)
    return file


def lines_before(file: BinaryIO, cut: Range) -> int:
    """How many lines there are before those of a range without the header."""
    head = read_head("", file)
    if not cut or cut[0] <= head.size:
        return head.lines
    file.seek(0)
    lines, last = 0, b""
    for block in scan(file, cut[0]):
        # A line may end with \r, \n or both.
        lines += block.count(b"\n") + block.count(b"\r") - (last + block).count(b"\r\n")
        last = block[-1:]
    return lines


def _starts(file: BinaryIO, size: int) -> list[int] | None:
    """Where ranges begin after the first, or None where quotes cannot be counted."""
    starts: list[int] = []
    at = file.seek(read_head("", file).size)
    due, quoted, last = max(size, at), False, b"\n"
    for block in scan(file):
        quotes = _quotes(block)
        if not _regular(block, quotes, quoted, last):
            return None
        while due < at + len(block):
            newline = _newline(block, quotes, quoted, max(due - at, 0))
            if newline is None:
                break
            starts.append(at + newline + 1)
            due = starts[-1] + size
        at, last, quoted = at + len(block), block[-1:], quoted ^ bool(len(quotes) % 2)
    return starts


def _quotes(block: bytes) -> NDArray[np.int64]:
    if QUOTE not in block:
        return np.empty(0, np.int64)
    return np.flatnonzero(np.frombuffer(block, np.uint8) == QUOTE)


def _regular(block: bytes, quotes: NDArray[np.int64], quoted: bool, last: bytes) -> bool:
    """Whether every opening quote of a block stands at the beginning of a cell, every closing one at its end.

    Next to one there may be another: then both are one within the cell.
    """
    opening, closing = quotes[int(quoted) :: 2], quotes[int(not quoted) :: 2]
    around = AROUND[np.frombuffer(last + block + b"\n", np.uint8)]
    goes_on = quoted or last != b'"' or around[1]
    return bool(goes_on and around[opening].all() and around[closing + 2].all())


def _newline(block: bytes, quotes: NDArray[np.int64], quoted: bool, start: int) -> int | None:
    """The first newline of a block, from ``start`` on, that is not quoted."""
    at = block.find(b"\n", start)
    while at >= 0:
        passed = int(np.searchsorted(quotes, at))
        if not quoted ^ bool(passed % 2):
            return at
        if passed == len(quotes):
            return None
        at = block.find(b"\n", int(quotes[passed]))
    return None
