"""Which split a row goes to where the files are not divided: by the hash of a key column, or by a column of time."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf
from numpy.typing import NDArray

from components.arrow_example_gen.checks.text_encoding import shown
from components.arrow_example_gen.splitting.timestamps import instants
from pipeline.errors import DataError

BUCKETS = 1_000_000
Bound = int | float | str
Place = Callable[[int], str]


@dataclass(frozen=True)
class Splitting:
    """Splits in order, and where each but the first begins: at a bucket of 1,000,000 by key, at a value by time.

    By key, rows with the same key are in one split, whatever the files, batches and machines: the bucket is FarmHash's
    Fingerprint64 of the key as text, modulo the number of buckets
    (https://www.tensorflow.org/api_docs/python/tf/strings/to_hash_bucket_fast). By time, texts are times of
    ISO 8601, or of a format.
    """

    by: Literal["key", "time"]
    column: str
    splits: Sequence[str]
    begins: Sequence[Bound]
    time_format: str | None = None


def parts(
    place: Place, batch: pa.RecordBatch, splitting: Splitting, before: int = 0
) -> Iterator[tuple[str, pa.RecordBatch]]:
    """The rows of a batch of a file by split; a split without any is left out.

    ``place`` says where in the file a row is, by its number from 0; ``before`` are the rows before these.

    Raises:
        DataError: a row without a value in the column, or with one that is no time.
    """
    column = batch.column(splitting.column) if splitting.column in batch.schema.names else pa.nulls(batch.num_rows)
    if column.null_count:
        first = int(np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))[0])
        raise DataError(
            _where(place, before + first, splitting), f"{column.null_count:,} of {batch.num_rows:,} rows have no value",
            expected=f"a value in each row, since data.split_by.{splitting.by} names the column",
            next_step="Fill the column, leave those rows out, or split by another column.",
        )  # fmt: skip
    if splitting.by == "key":
        places = by_bounds(buckets(column), splitting.begins)
    else:
        places = by_time(place, column, splitting, before)
    for number, split in enumerate(splitting.splits):
        chosen = batch.filter(pa.array(places == number))
        if chosen.num_rows:
            yield split, chosen


def by_time(place: Place, column: pa.Array, splitting: Splitting, before: int) -> NDArray[np.int64]:
    """How many of the bounds each time has reached.

    Raises:
        DataError: one that is no time, or without a zone where the bounds have one, or with one where they have none.
    """
    if pa.types.is_floating(column.type) and (wrong := np.flatnonzero(np.isnan(column.to_numpy()))).size:
        raise DataError(_where(place, before + int(wrong[0]), splitting), "the time is not a number", received="nan",
                        next_step="Correct the value, or split by another column.")  # fmt: skip
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        return by_bounds(column, splitting.begins)
    bounds, kinds = instants(pa.array([str(begin) for begin in splitting.begins]), splitting.time_format)
    times, found = instants(column.cast(pa.string()), splitting.time_format)
    if (strange := np.flatnonzero(found != kinds[0])).size:
        first = int(strange[0])
        zone = {1: "a time without a zone, as the cuts are", 2: "a time with a zone, as the cuts are"}[int(kinds[0])]
        raise DataError(
            _where(place, before + first, splitting), "the value is not a time that can be compared with the cuts",
            expected=f"{zone}, {splitting.time_format or 'by ISO 8601, from the year down'}",
            received=shown(column[first].as_py()),
            next_step="Correct the value, or say in data.split_by.time_format how times are written, such as %d.%m.%Y.",
        )  # fmt: skip
    return by_bounds(pa.array(times), [int(bound) for bound in bounds])


def _where(place: Place, row: int, splitting: Splitting) -> str:
    return f"{place(row)}, column {splitting.column}"


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

    >>> by_bounds(pa.array([3, 4, 6]), [4, 5]).tolist()
    [0, 1, 2]
    """
    reached = (pc.greater_equal(values, pa.scalar(begin, values.type)) for begin in begins)
    return np.sum([part.to_numpy(zero_copy_only=False) for part in reached], axis=0, dtype=np.int64)
