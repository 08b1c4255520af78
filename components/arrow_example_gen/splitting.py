"""Which split a row goes to where the files are not divided: by the hash of a key column, or by a column of time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf
from numpy.typing import NDArray

from pipeline.errors import DataError

BUCKETS = 1_000_000
Bound = int | float | str


@dataclass(frozen=True)
class Splitting:
    """Splits in order, and where each but the first begins: at a bucket of 1,000,000 by key, at a value by time.

    By key, rows with the same key are in one split, whatever the files, batches and machines: the bucket is FarmHash's
    Fingerprint64 of the key as text, modulo the number of buckets
    (https://www.tensorflow.org/api_docs/python/tf/strings/to_hash_bucket_fast).
    """

    by: Literal["key", "time"]
    column: str
    splits: Sequence[str]
    begins: Sequence[Bound]


def parts(name: str, batch: pa.RecordBatch, splitting: Splitting) -> Iterator[tuple[str, pa.RecordBatch]]:
    """The rows of a batch of a file by split; a split without any is left out.

    Raises:
        DataError: a row without a value in the column.
    """
    column = batch.column(splitting.column) if splitting.column in batch.schema.names else pa.nulls(batch.num_rows)
    if column.null_count:
        raise DataError(
            f"{name}, column {splitting.column}", f"{column.null_count:,} of {batch.num_rows:,} rows have no value",
            expected=f"a value in each row, since data.split_by.{splitting.by} names the column",
            next_step="Fill the column, leave those rows out, or split by another column.",
        )  # fmt: skip
    places = by_bounds(buckets(column) if splitting.by == "key" else column, splitting.begins)
    for place, split in enumerate(splitting.splits):
        chosen = batch.filter(pa.array(places == place))
        if chosen.num_rows:
            yield split, chosen


def buckets(keys: pa.Array) -> pa.Array:
    """The bucket of each key, which is text, bytes or a whole number; each key is hashed once.

    >>> buckets(pa.array([7, 7, 8])).equals(buckets(pa.array(["7", "7", "8"])))
    True
    """
    found = keys.dictionary_encode()
    texts = found.dictionary if pa.types.is_binary(keys.type) else found.dictionary.cast(pa.string())
    hashed = tf.strings.to_hash_bucket_fast(tf.constant(texts.to_pylist(), tf.string), BUCKETS)
    return pa.array(hashed.numpy()).take(found.indices)


def by_bounds(values: pa.Array, begins: Sequence[Bound]) -> NDArray[np.int64]:
    """How many of the bounds each value has reached.

    >>> by_bounds(pa.array(["2025-03", "2025-04", "2025-06"]), ["2025-04", "2025-05"]).tolist()
    [0, 1, 2]
    """
    reached = (pc.greater_equal(values, pa.scalar(begin, values.type)) for begin in begins)
    return np.sum([part.to_numpy(zero_copy_only=False) for part in reached], axis=0, dtype=np.int64)
