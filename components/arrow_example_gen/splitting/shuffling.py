"""Shuffling rows within windows, so that memory does not grow with the file."""

import zlib
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

BATCH_ROWS = 1 << 15


def shuffled(batches: Iterator[pa.RecordBatch], rows: int, seed: int, label: str) -> Iterator[pa.RecordBatch]:
    """Yield the rows of batches of one schema, shuffled within windows of ``rows``.

    The order depends on the seed, the label and the rows alone, not on how they are divided into batches.
    """
    random = np.random.default_rng([seed, zlib.crc32(label.encode())])
    for window in windows(batches, rows):
        order = random.permutation(window.num_rows)
        yield from window.take(pa.array(order)).combine_chunks().to_batches(BATCH_ROWS)


def windows(batches: Iterator[pa.RecordBatch], rows: int) -> Iterator[pa.Table]:
    """Yield the rows of some batches in order, ``rows`` in each table, fewer in the last.

    >>> batches = (pa.record_batch([pa.array([first, first + 1])], ["n"]) for first in (0, 2, 4))
    >>> [window["n"].to_pylist() for window in windows(batches, 4)]
    [[0, 1, 2, 3], [4, 5]]
    """
    waiting: list[pa.RecordBatch] = []
    missing = rows
    for batch in batches:
        while batch.num_rows >= missing:
            yield pa.Table.from_batches([*waiting, batch.slice(0, missing)])
            batch, waiting, missing = batch.slice(missing), [], rows
        if batch.num_rows:
            waiting.append(batch)
            missing -= batch.num_rows
    if waiting:
        yield pa.Table.from_batches(waiting)
