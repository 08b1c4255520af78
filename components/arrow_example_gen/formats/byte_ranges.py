"""Byte ranges of a big file, so that several readers share it."""

import io
import sys
from collections.abc import Iterator
from typing import BinaryIO

RANGE_BYTES = 64 << 20
SCAN_BYTES = 8 << 20
# The first byte and the one after the last; empty for a whole file.
Range = tuple[int, ...]


def split_at(starts: list[int], end: int) -> list[Range]:
    """Return the ranges of a file of ``end`` bytes that begin at its first byte and at ``starts``.

    >>> split_at([4, 9], 12), split_at([], 12)
    ([(0, 4), (4, 9), (9, 12)], [()])
    """
    if not starts:
        return [()]
    return [(start, stop) for start, stop in zip([0, *starts], [*starts, end], strict=True) if start < stop]


def section(file: BinaryIO, cut: Range) -> BinaryIO:
    """Return a range of a file as a file of its own."""
    start, stop = cut
    file.seek(start)
    return io.BufferedReader(_Section(file, stop - start))


def scan(file: BinaryIO, size: int = sys.maxsize) -> Iterator[bytes]:
    """Yield the next ``size`` bytes of a file, or all that follow, in blocks."""
    while size and (block := file.read(min(SCAN_BYTES, size))):
        yield block
        size -= len(block)


class _Section(io.RawIOBase):
    def __init__(self, file: BinaryIO, size: int) -> None:
        self.file = file
        self.left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        block = self.file.read(min(len(buffer), self.left))
        self.left -= len(block)
        buffer[: len(block)] = block
        return len(block)
