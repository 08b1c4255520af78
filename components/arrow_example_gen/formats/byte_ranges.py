"""A part of a big file, so that several readers share it."""

import io
import sys
from collections.abc import Iterator
from typing import BinaryIO

RANGE_BYTES = 64 << 20
SCAN_BYTES = 8 << 20
# The first byte of a part and the one after its last; empty for a file that is left whole.
Range = tuple[int, ...]


def between(starts: list[int], end: int) -> list[Range]:
    """The parts of a file that begin at its first byte and at ``starts``.

    >>> between([4, 9], 12), between([], 12)
    ([(0, 4), (4, 9), (9, 12)], [()])
    """
    if not starts:
        return [()]
    return [(start, stop) for start, stop in zip([0, *starts], [*starts, end], strict=True) if start < stop]


def section(file: BinaryIO, cut: Range, header: bytes = b"") -> BinaryIO:
    """A file of a header and the bytes of a part."""
    start, stop = cut
    file.seek(start)
    return io.BufferedReader(_Section(header, file, stop - start))


def scan(file: BinaryIO, size: int = sys.maxsize) -> Iterator[bytes]:
    """The next ``size`` bytes of a file, or all that follow, block by block."""
    while size and (block := file.read(min(SCAN_BYTES, size))):
        yield block
        size -= len(block)


class _Section(io.RawIOBase):
    """A header, and then as many bytes of a file as given."""

    def __init__(self, header: bytes, file: BinaryIO, size: int) -> None:
        self.header = header
        self.file = file
        self.left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if self.header:
            block, self.header = self.header[: len(buffer)], self.header[len(buffer) :]
        else:
            block = self.file.read(min(len(buffer), self.left))
            self.left -= len(block)
        buffer[: len(block)] = block
        return len(block)
