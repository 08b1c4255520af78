"""Gzipped TFRecord files of bounded size, framed by batch; a file gets its name only when it is whole.

The format of a record: https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details.
"""

import struct
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import google_crc32c
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from tfx.dsl.io import fileio

from components.arrow_example_gen.examples import NOTHING, by_length, encode, fixed

# Before compression.
SHARD_BYTES = 256 << 20
GZIP_LEVEL = 1
GZIP_BITS = 31
THREADS = 2
MASK = 0xA282EAD8
Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Block:
    """Records as they stand in a file, before compression."""

    rows: int
    data: memoryview


def framed(batch: pa.RecordBatch) -> Block:
    """The rows of a batch as records."""
    examples = encode(batch)
    sums = np.fromiter(map(google_crc32c.value, examples.to_pylist()), np.uint32, len(examples))
    records = pc.binary_join_element_wise(by_length(examples, _head), examples, fixed(masked(sums)), NOTHING)
    return Block(len(records), memoryview(b"" if len(records) == 0 else records.buffers()[2]))


def masked(sums: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """CRC-32C as TFRecord has it."""
    rotated = (sums >> np.uint32(15)) | (sums << np.uint32(17))
    return (rotated + np.uint32(MASK)).astype("<u4")


def _head(length: int) -> bytes:
    packed = struct.pack("<Q", length)
    return packed + masked(np.array([google_crc32c.value(packed)], np.uint32)).tobytes()


def write_shards(batches: Iterator[pa.RecordBatch], folder: str, prefix: str) -> int:
    """Writes ``<prefix>-<shard>.gz`` files into a folder; gives the rows written.

    Batches are encoded on other threads than this one, which compresses; a few are in memory at a time.
    """
    with ThreadPoolExecutor(THREADS) as pool:
        blocks = ahead(pool, framed, batches)
        return sum(_write(folder, f"{prefix}-{shard:05d}.gz", group) for shard, group in enumerate(_groups(blocks)))


def ahead(
    pool: ThreadPoolExecutor, work: Callable[[Item], Result], items: Iterable[Item], depth: int = THREADS
) -> Iterator[Result]:
    """The results of a function on items, in order; as many more as ``depth`` are at work at a time."""
    pending: deque[Future[Result]] = deque()
    for item in items:
        pending.append(pool.submit(work, item))
        if len(pending) > depth:
            yield pending.popleft().result()
    while pending:
        yield pending.popleft().result()


def _groups(blocks: Iterator[Block]) -> Iterator[Iterator[Block]]:
    """Blocks in groups that make one shard each; only its last block may be over ``SHARD_BYTES``."""

    def of_one_shard(first: Block) -> Iterator[Block]:
        size = len(first.data)
        yield first
        while size < SHARD_BYTES and (block := next(blocks, None)) is not None:
            size += len(block.data)
            yield block

    while (block := next(blocks, None)) is not None:
        yield of_one_shard(block)


def _write(folder: str, name: str, blocks: Iterator[Block]) -> int:
    partial, rows = f"{folder}/.{name}.partial", 0
    gzip = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, GZIP_BITS)
    with fileio.open(partial, "wb") as file:
        for block in blocks:
            file.write(gzip.compress(block.data))
            rows += block.rows
        file.write(gzip.flush())
    fileio.rename(partial, f"{folder}/{name}", overwrite=True)
    return rows
