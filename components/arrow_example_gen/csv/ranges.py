"""A big CSV file cut into byte ranges that begin with a record, so that several readers share it.

A newline ends a record unless it is quoted. Counting quotes tells which newlines are quoted, as long as every quote
stands where one may open or close a cell. A file with a quote elsewhere is not cut.
"""

import io
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from components.arrow_example_gen.csv.header import read_header
from components.arrow_example_gen.formats import byte_ranges
from components.arrow_example_gen.formats.byte_ranges import Range, scan, section, split_at

QUOTE = ord('"')
# What may stand before an opening quote and after a closing one; two quotes are an escaped one.
NEXT_TO_QUOTE = np.isin(np.arange(256), np.frombuffer(b',\r\n"', np.uint8))


def ranges(file: BinaryIO, size: int | None = None) -> list[Range]:
    """Return the byte ranges of a file, each at least ``size`` bytes (default: ``RANGE_BYTES``); ``[()]`` if not cut.

    >>> ranges(io.BytesIO(b'a,b\\n1,"x\\ny"\\n2,z\\n3,w\\n'), size=6)
    [(0, 12), (12, 20)]
    """
    size = size or byte_ranges.RANGE_BYTES
    end = file.seek(0, io.SEEK_END)
    starts = _starts(file, size) if end > size else None
    return split_at(starts or [], end)


def in_range(file: BinaryIO, cut: Range, size: int) -> BinaryIO:
    """Return a file of the records of a range; ``size`` is that of the header, which is left out."""
    if cut:
        return section(file, (max(cut[0], size), cut[1]))
    file.seek(size)
    return file


def lines_before(file: BinaryIO, cut: Range) -> int:
    """Return the number of lines before the records of a range."""
    header = read_header("", file)
    if not cut or cut[0] <= header.size:
        return header.lines
    file.seek(0)
    lines, last = 0, b""
    for block in scan(file, cut[0]):
        # A line may end with \r, \n or \r\n.
        lines += block.count(b"\n") + block.count(b"\r") - (last + block).count(b"\r\n")
        last = block[-1:]
    return lines


def _starts(file: BinaryIO, size: int) -> list[int] | None:
    """Return where the ranges after the first begin, or None if quotes cannot be counted."""
    starts: list[int] = []
    at = file.seek(read_header("", file).size)
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
    """Return whether every opening quote of a block stands at the start of a cell, and every closing one at its end."""
    opening, closing = quotes[int(quoted) :: 2], quotes[int(not quoted) :: 2]
    around = NEXT_TO_QUOTE[np.frombuffer(last + block + b"\n", np.uint8)]
    continues = quoted or last != b'"' or around[1]
    return bool(continues and around[opening].all() and around[closing + 2].all())


def _newline(block: bytes, quotes: NDArray[np.int64], quoted: bool, start: int) -> int | None:
    """Return the first newline of a block, from ``start`` on, that is not quoted."""
    at = block.find(b"\n", start)
    while at >= 0:
        passed = int(np.searchsorted(quotes, at))
        if not quoted ^ bool(passed % 2):
            return at
        if passed == len(quotes):
            return None
        at = block.find(b"\n", int(quotes[passed]))
    return None
