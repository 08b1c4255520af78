"""TFRecord files of tf.Example as Arrow record batches, checked against the schema; what is wrong, by record."""

import gzip
import re
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf

from components.arrow_example_gen.checks.columns import Columns, check_names
from components.arrow_example_gen.checks.text_encoding import first_not_utf8, not_utf8, shown
from components.examples.reading import BATCH_ROWS, decoder, serialized_batches
from pipeline.errors import DataError

Decoder = Callable[[tf.Tensor], pa.RecordBatch]
NOT_GZIP = (zlib.error, EOFError, gzip.BadGzipFile)
# What TensorFlow puts around a message: the place in a graph of its own.
GRAPH = re.compile(r"^\{\{.*?\}\}\s*|\s*\[Op:.*", re.DOTALL)
VALUE_TYPES = {"INT": pa.int64(), "FLOAT": pa.float32(), "BYTES": pa.large_binary()}


def check_first(name: str, file: BinaryIO, columns: Columns) -> None:
    """Looks whether there is a record in a file; one need not have every column, so that none tells them all.

    Raises:
        DataError: the file is empty.
    """
    try:
        first = file.read(1)
    except NOT_GZIP as error:
        raise not_gzip(name, error) from error
    if not first:
        raise DataError(name, "the file is empty", expected="records of tf.Example", next_step="Write it again.")


def not_gzip(name: str, error: Exception) -> DataError:
    """A file whose name ends with .gz, and which is cut off, damaged, or not packed."""
    return DataError(name, "it cannot be unpacked by gzip", received=str(error)[:200],
                     next_step="Write it again; a file that is not packed has a name without .gz.")  # fmt: skip


def read_batches(name: str, columns: Columns) -> Iterator[pa.RecordBatch]:
    """Reads a file batch by batch; a feature that a record does not have, or without a value, is null.

    Raises:
        DataError: the file is damaged, a record is no tf.Example, or has other features than the schema.
    """
    before, batches = 0, serialized_batches(name)
    decode = decoder()
    while (serialized := _next(name, batches, before)) is not None:
        where = f"{name}, records {before + 1} to {before + len(serialized)}"
        batch = _decoded(decode, serialized)
        if batch is None:
            raise DataError(
                f"{name}, record {before + _first_bad(decode, serialized)}", "the record is not a tf.Example, or has "
                "values of another kind than those before it", next_step="Write the file again.",
            )  # fmt: skip
        yield _typed(where, name, before, batch, columns)
        before += len(serialized)


def _decoded(decode: Decoder, serialized: tf.Tensor) -> pa.RecordBatch | None:
    try:
        batch = decode(serialized)
        # A name may be of another encoding, which is seen here.
        return pa.RecordBatch.from_arrays(batch.columns, batch.schema.names)
    except Exception:  # tfx_bsl has no type of its own for this.
        return None


def _first_bad(decode: Decoder, serialized: tf.Tensor) -> int:
    """The number of the first record, from 1, up to which they cannot be decoded, found by halves."""
    good, bad = 0, len(serialized)
    while bad - good > 1:
        middle = (good + bad) // 2
        if _decoded(decode, serialized[:middle]) is None:
            bad = middle
        else:
            good = middle
    return bad


def _next(name: str, batches: Iterator[tf.Tensor], before: int) -> tf.Tensor | None:
    try:
        return next(batches, None)
    except tf.errors.OpError as error:
        raise DataError(
            f"{name}, after record {before}, or up to {BATCH_ROWS} later", "it cannot be read as TFRecord",
            received=GRAPH.sub("", error.message)[:200], next_step="Write it again.",
        ) from error  # fmt: skip


def _typed(where: str, name: str, before: int, batch: pa.RecordBatch, columns: Columns) -> pa.RecordBatch:
    check_names(where, batch.schema.names, columns)
    names = columns.among(batch.schema.names)
    arrays = [_column(f"{where}, column {column}", batch.column(column), columns[column].type) for column in names]
    for column, values in zip(names, arrays, strict=True):
        place = first_not_utf8(values) if columns[column].type == "BYTES" else None
        if place is not None:
            wrong = values.slice(place, 1)
            received = shown(pc.list_flatten(wrong)[first_not_utf8(pc.list_flatten(wrong))].as_py())
            raise not_utf8(f"{name}, record {before + place + 1}, column {column}", received)
    return pa.RecordBatch.from_arrays([one_value_each(values) for values in arrays], names)


def _column(where: str, values: pa.Array, kind: str) -> pa.Array:
    """The lists of values of a column, whose type must be that of the schema."""
    if pa.types.is_null(values.type):
        return pa.nulls(len(values), pa.large_list(VALUE_TYPES[kind]))
    if values.type.value_type != VALUE_TYPES[kind]:
        raise DataError(
            where, "the values have the wrong type", expected=kind, received=str(values.type.value_type),
            next_step="Write the file again, or correct the type in schemas/.",
        )  # fmt: skip
    return values


def one_value_each(lists: pa.Array) -> pa.Array:
    """Lists as their only values, null for one without, as other formats give them; still lists, if one has more.

    >>> one_value_each(pa.array([[1], [], None, [2]])).to_pylist()
    [1, None, None, 2]
    >>> one_value_each(pa.array([[1, 2], []])).to_pylist()
    [[1, 2], None]
    """
    lengths = pc.list_value_length(lists)
    if (pc.max(lengths).as_py() or 0) > 1:
        return pc.if_else(pc.greater(lengths, 0), lists, None)
    values, places = pc.list_flatten(lists), np.full(len(lists), -1)
    places[pc.list_parent_indices(lists).to_numpy()] = np.arange(len(values))
    values = values.cast(pa.binary()) if pa.types.is_large_binary(values.type) else values
    return values.take(pa.array(places, mask=places < 0))
