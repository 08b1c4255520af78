"""Writing gzipped TFRecord files of bounded size; a file gets its final name only when it is complete.

The format of a record: https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import google_crc32c
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from tfx.dsl.io import fileio

from components.examples.encoding import NOTHING, by_length, encode, fixed
from components.support.prefetch import prefetch

# Before compression.
SHARD_BYTES = 256 << 20
GZIP_LEVEL = 1
GZIP_BITS = 31
MASK = 0xA282EAD8


@dataclass(frozen=True)
class Block:
    """TFRecord frames, before compression."""

    rows: int
    data: memoryview


def framed(batch: pa.RecordBatch) -> Block:
    """Return the rows of a batch as TFRecord frames of tf.Examples."""
    examples = encode(batch)
    sums = np.fromiter(map(google_crc32c.value, examples.to_pylist()), np.uint32, len(examples))
    records = pc.binary_join_element_wise(by_length(examples, _head), examples, fixed(masked(sums)), NOTHING)
    return Block(len(records), memoryview(b"" if len(records) == 0 else records.buffers()[2]))


def masked(sums: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Return TFRecord's masked form of CRC-32C checksums."""
    rotated = (sums >> np.uint32(15)) | (sums << np.uint32(17))
    return (rotated + np.uint32(MASK)).astype("<u4")


def _head(length: int) -> bytes:
    packed = struct.pack("<Q", length)
    return packed + masked(np.array([google_crc32c.value(packed)], np.uint32)).tobytes()


def write_shards(batches: Iterator[tuple[str, pa.RecordBatch]], prefix: str) -> dict[str, int]:
    """Write batches to ``<prefix>-<shard>.gz`` in the folder given with each; return the rows of each file by path.

    This thread compresses, while others encode; a few batches are in memory at a time.
    """
    folders: dict[str, Folder] = {}
    for path, block in prefetch(lambda batch: (batch[0], framed(batch[1])), batches):
        folders.setdefault(path, Folder(path, prefix)).add(block)
    return {path: rows for folder in folders.values() for path, rows in folder.close().items()}


class Folder:
    """The shards in one folder, written one after another; only the last block of one may exceed ``SHARD_BYTES``."""

    def __init__(self, path: str, prefix: str) -> None:
        self.path = path
        self.prefix = prefix
        self.rows: dict[str, int] = {}
        self.shard: Shard | None = None

    def add(self, block: Block) -> None:
        """Write a block, to a new shard if the last one is full."""
        if self.shard is not None and self.shard.size >= SHARD_BYTES:
            self.finish()
        if self.shard is None:
            self.shard = Shard(self.path, f"{self.prefix}-{len(self.rows):05d}.gz")
        self.shard.add(block)

    def finish(self) -> None:
        """Close the open shard."""
        if self.shard is not None:
            self.shard.close()
            self.rows[self.shard.path] = self.shard.rows
            self.shard = None

    def close(self) -> dict[str, int]:
        """Close the last shard; return the rows of each by path."""
        self.finish()
        return self.rows


class Shard:
    """A file being written; ``size`` is in bytes before compression."""

    def __init__(self, folder: str, name: str) -> None:
        self.partial, self.path = f"{folder}/.{name}.partial", f"{folder}/{name}"
        self.size = self.rows = 0
        self.gzip = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, GZIP_BITS)
        self.file = fileio.open(self.partial, "wb")

    def add(self, block: Block) -> None:
        """Compress and write a block."""
        self.file.write(self.gzip.compress(block.data))
        self.size += len(block.data)
        self.rows += block.rows

    def close(self) -> None:
        """Close the file and give it its final name."""
        self.file.write(self.gzip.flush())
        self.file.close()
        fileio.rename(self.partial, self.path, overwrite=True)
