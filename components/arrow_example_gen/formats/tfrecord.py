"""TFRecord files of tf.Example as Arrow record batches, checked against the schema; errors name the record."""

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
from components.arrow_example_gen.checks.text_encoding import first_not_utf8, not_utf8
from components.examples.reading import BATCH_ROWS, decoder, serialized_batches
from components.support.text import shorten
from pipeline.errors import DataError

Decoder = Callable[[tf.Tensor], pa.RecordBatch]
NOT_GZIP = (zlib.error, EOFError, gzip.BadGzipFile)
# The parts of a message that name a node of TensorFlow's graph.
GRAPH_NODE = re.compile(r"^\{\{.*?\}\}\s*|\s*\[Op:.*", re.DOTALL)
VALUE_TYPES = {"INT": pa.int64(), "FLOAT": pa.float32(), "BYTES": pa.large_binary()}


def pieces(file: BinaryIO) -> list[tuple[int, ...]]:
    """Return one piece: nothing in a TFRecord file says where its records begin."""
    return [()]


def read_piece(name: str, file: BinaryIO, columns: Columns, piece: tuple[int, ...]) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a file, which TensorFlow opens itself; raise as ``read_batches``."""
    return read_batches(name, columns)


def locate(file: BinaryIO, columns: Columns, piece: tuple[int, ...], row: int) -> str:
    """Return the number of a record, from 1."""
    return f"record {row + 1}"


def check_not_empty(name: str, file: BinaryIO, columns: Columns) -> None:
    """Check that a file is not empty; which columns it has no single record tells, since one may lack some.

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
    """Return the error for a ``.gz`` file that is truncated, damaged, or not compressed."""
    return DataError(name, "gzip cannot decompress it", received=str(error)[:200],
                     next_step="Write it again; name it without .gz if it is not compressed.")  # fmt: skip


def read_batches(name: str, columns: Columns) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a file in batches; a feature that is missing or has no value is null.

    Raises:
        DataError: the file is damaged, a record is not a tf.Example, or has other features than the schema.
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
        # This decodes the names, which may be in another encoding.
        return pa.RecordBatch.from_arrays(batch.columns, batch.schema.names)
    except Exception:  # tfx_bsl raises no specific type.
        return None


def _first_bad(decode: Decoder, serialized: tf.Tensor) -> int:
    """Return the number, from 1, of the first record with which decoding fails, by bisection."""
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
            received=GRAPH_NODE.sub("", error.message)[:200], next_step="Write it again.",
        ) from error  # fmt: skip


def _typed(where: str, name: str, before: int, batch: pa.RecordBatch, columns: Columns) -> pa.RecordBatch:
    check_names(where, batch.schema.names, columns)
    names = columns.among(batch.schema.names)
    arrays = [_column(f"{where}, column {column}", batch.column(column), columns[column].type) for column in names]
    for column, values in zip(names, arrays, strict=True):
        index = first_not_utf8(values) if columns[column].type == "BYTES" else None
        if index is not None:
            texts = pc.list_flatten(values.slice(index, 1))
            received = shorten(texts[first_not_utf8(texts)].as_py())
            raise not_utf8(f"{name}, record {before + index + 1}, column {column}", received)
    return pa.RecordBatch.from_arrays([one_value_each(values) for values in arrays], names)


def _column(where: str, values: pa.Array, kind: str) -> pa.Array:
    """Return the lists of values of a column; raise DataError unless their type is that of the schema."""
    if pa.types.is_null(values.type):
        return pa.nulls(len(values), pa.large_list(VALUE_TYPES[kind]))
    if values.type.value_type != VALUE_TYPES[kind]:
        raise DataError(
            where, "the values have the wrong type", expected=kind, received=str(values.type.value_type),
            next_step="Write the file again, or correct the type in schemas/.",
        )  # fmt: skip
    return values


def one_value_each(lists: pa.Array) -> pa.Array:
    """Replace lists by their only value, or null, as the other formats have it; keep lists if any has several values.

    >>> one_value_each(pa.array([[1], [], None, [2]])).to_pylist()
    [1, None, None, 2]
    >>> one_value_each(pa.array([[1, 2], []])).to_pylist()
    [[1, 2], None]
    """
    lengths = pc.list_value_length(lists)
    if (pc.max(lengths).as_py() or 0) > 1:
        return pc.if_else(pc.greater(lengths, 0), lists, None)
    values, indices = pc.list_flatten(lists), np.full(len(lists), -1)
    indices[pc.list_parent_indices(lists).to_numpy()] = np.arange(len(values))
    values = values.cast(pa.binary()) if pa.types.is_large_binary(values.type) else values
    return values.take(pa.array(indices, mask=indices < 0))
