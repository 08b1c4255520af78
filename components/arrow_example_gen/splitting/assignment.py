"""Assigning rows to splits: by the hash of a key column, or by a time column."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf
from numpy.typing import NDArray

from components.arrow_example_gen.splitting.timestamps import parse_times
from components.support.text import shorten
from pipeline.errors import DataError

BUCKETS = 1_000_000
Bound = int | float | str
# Names the position of a row, by its number from 0.
Locate = Callable[[int], str]


@dataclass(frozen=True)
class Splitting:
    """The splits in order, and where each but the first begins: at one of 1,000,000 buckets, or at a time.

    By key, rows with the same key are in the same split, whatever the file, batch or machine: the bucket is FarmHash's
    Fingerprint64 of the key as text, modulo the number of buckets
    (https://www.tensorflow.org/api_docs/python/tf/strings/to_hash_bucket_fast). By time, text is parsed as ISO 8601,
    or with ``time_format``.
    """

    by: Literal["key", "time"]
    column: str
    splits: Sequence[str]
    begins: Sequence[Bound]
    time_format: str | None = None


def rows_by_split(
    locate: Locate, batch: pa.RecordBatch, splitting: Splitting, rows_before: int = 0
) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Yield the rows of a batch by split, without the splits that get none.

    ``locate`` gives the position of a row in the file; the batch begins at row ``rows_before``.

    Raises:
        DataError: a row has no value in the column, or one that is not a time.
    """
    column = batch.column(splitting.column) if splitting.column in batch.schema.names else pa.nulls(batch.num_rows)
    if column.null_count:
        first = int(np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))[0])
        raise DataError(
            _where(locate, rows_before + first, splitting),
            f"{column.null_count:,} of {batch.num_rows:,} rows have no value",
            expected=f"a value in each row, since data.split_by.{splitting.by} names the column",
            next_step="Fill the column, leave those rows out, or split by another column.",
        )  # fmt: skip
    if splitting.by == "key":
        indices = split_indices(buckets(column), splitting.begins)
    else:
        indices = split_indices_by_time(locate, column, splitting, rows_before)
    for index, split in enumerate(splitting.splits):
        chosen = batch.filter(pa.array(indices == index))
        if chosen.num_rows:
            yield split, chosen


def split_indices_by_time(
    locate: Locate, column: pa.Array, splitting: Splitting, rows_before: int
) -> NDArray[np.int64]:
    """Return the index of the split of each row, by numbers or by times as text.

    Raises:
        DataError: a value is not a time, or only one of value and bounds has a time zone.
    """
    if pa.types.is_floating(column.type) and (nan := np.flatnonzero(np.isnan(column.to_numpy()))).size:
        raise DataError(_where(locate, rows_before + int(nan[0]), splitting), "the time is not a number",
                        received="nan", next_step="Correct the value, or split by another column.")  # fmt: skip
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        return split_indices(column, splitting.begins)
    bounds, kinds = parse_times(pa.array([str(begin) for begin in splitting.begins]), splitting.time_format)
    times, found = parse_times(column.cast(pa.string()), splitting.time_format)
    if (wrong := np.flatnonzero(found != kinds[0])).size:
        first = int(wrong[0])
        zone = {1: "a time without a zone, as the cuts are", 2: "a time with a zone, as the cuts are"}[int(kinds[0])]
        raise DataError(
            _where(locate, rows_before + first, splitting), "the value is not a time comparable with the cuts",
            expected=f"{zone}, {splitting.time_format or 'in ISO 8601, year first'}",
            received=shorten(column[first].as_py()),
            next_step="Correct the value, or set the format of times in data.split_by.time_format, such as %d.%m.%Y.",
        )  # fmt: skip
    return split_indices(pa.array(times), [int(bound) for bound in bounds])


def _where(locate: Locate, row: int, splitting: Splitting) -> str:
    return f"{locate(row)}, column {splitting.column}"


def buckets(keys: pa.Array) -> pa.Array:
    """Return the bucket of each key: strings, bytes or integers; each distinct key is hashed once.

    >>> buckets(pa.array([7, 7, 8])).equals(buckets(pa.array(["7", "7", "8"])))
    True
    """
    found = keys.dictionary_encode()
    texts = found.dictionary if pa.types.is_binary(keys.type) else found.dictionary.cast(pa.string())
    hashed = tf.strings.to_hash_bucket_fast(tf.constant(texts.to_pylist(), tf.string), BUCKETS)
    return pa.array(hashed.numpy()).take(found.indices)


def split_indices(values: pa.Array, begins: Sequence[Bound]) -> NDArray[np.int64]:
    """Return how many of the bounds each value has reached, which is the index of its split.

    >>> split_indices(pa.array([3, 4, 6]), [4, 5]).tolist()
    [0, 1, 2]
    """
    reached = (pc.greater_equal(values, pa.scalar(begin, values.type)) for begin in begins)
    return np.sum([part.to_numpy(zero_copy_only=False) for part in reached], axis=0, dtype=np.int64)
