"""A big CSV file cut into ranges of bytes that begin with a record, so that several readers share it.

A newline ends a record unless it is quoted. Arrow takes a quote for one that opens at the beginning of a cell only, so
that counting quotes is right as long as every one that opens stands there; a file where one does not is left whole.
"""

import codecs
import io
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from components.arrow_example_gen import byte_ranges
from components.arrow_example_gen.byte_ranges import Range, between, scan, section

QUOTE = ord('"')
# What may stand before a quote that opens a cell; another quote makes the two an escaped one.
BEFORE_OPENING = np.frombuffer(b',\r\n"', np.uint8)


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


def in_range(file: BinaryIO, cut: Range) -> BinaryIO:
    """A file of the header and the records of a range; the file itself where it is left whole."""
    if not cut:
        return file
    return section(file, cut, header=file.readline() if cut[0] else b"")


def lines_before(file: BinaryIO, cut: Range) -> int:
    """How many lines must be added to those counted in a range, to have those of the file; the header is in both."""
    if not cut or cut[0] == 0:
        return 0
    lines, last = 0, b""
    for block in scan(file, cut[0]):
        # A line may end with \r, \n or both.
        lines += block.count(b"\n") + block.count(b"\r") - (last + block).count(b"\r\n")
        last = block[-1:]
    return lines - 1


def _starts(file: BinaryIO, size: int) -> list[int] | None:
    """Where ranges begin after the first, or None where quotes cannot be counted."""
    starts: list[int] = []
    at, due, quoted, last = _seek_text(file), size, False, b"\n"
    for block in scan(file):
        quotes = _quotes(block)
        if not _regular(block, quotes[int(quoted) :: 2], last):
            return None
        while due < at + len(block):
            newline = _newline(block, quotes, quoted, max(due - at, 0))
            if newline is None:
                break
            starts.append(at + newline + 1)
            due = starts[-1] + size
        at, last, quoted = at + len(block), block[-1:], quoted ^ bool(len(quotes) % 2)
    return starts


def _seek_text(file: BinaryIO) -> int:
    """Goes to the first byte of a file after a byte order mark; gives its number."""
    file.seek(0)
    return file.seek(len(codecs.BOM_UTF8) if file.read(len(codecs.BOM_UTF8)) == codecs.BOM_UTF8 else 0)


def _quotes(block: bytes) -> NDArray[np.int64]:
    if QUOTE not in block:
        return np.empty(0, np.int64)
    return np.flatnonzero(np.frombuffer(block, np.uint8) == QUOTE)


def _regular(block: bytes, opening: NDArray[np.int64], last: bytes) -> bool:
    """Whether every opening quote of a block stands at the beginning of a cell, or after the one that closed it."""
    before = np.frombuffer(last + block, np.uint8)[opening]
    return bool(np.isin(before, BEFORE_OPENING).all())


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
