"""Transformed examples as matrices, all columns of a type side by side, so that a batch is one gather per type."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

import tensorflow as tf

Spec: TypeAlias = Mapping[str, tf.io.FixedLenFeature]
# One per type of the columns: (rows, values of that type in a row).
Matrices: TypeAlias = tuple[tf.Tensor, ...]
# Not the number of cores: the order of the rows must be the same on any machine.
FILES_AT_ONCE = 8
READ_ROWS = 2048


def by_type(spec: Spec) -> Iterator[dict[str, tf.io.FixedLenFeature]]:
    """Yield the columns of each type, sorted by type and name."""
    for dtype in sorted({feature.dtype for feature in spec.values()}, key=lambda dtype: dtype.name):
        yield {name: spec[name] for name in sorted(spec) if spec[name].dtype == dtype}


def width(feature: tf.io.FixedLenFeature) -> int:
    """Return the number of values of a column in one row."""
    return int(tf.TensorShape(feature.shape).num_elements())


def row_bytes(spec: Spec) -> int:
    """Return the size of one parsed row.

    >>> row_bytes({"a": tf.io.FixedLenFeature([1], tf.int64), "b": tf.io.FixedLenFeature([19], tf.float32)})
    84
    """
    return sum(width(feature) * feature.dtype.size for feature in spec.values())


def pack(serialized: tf.Tensor, spec: Spec) -> Matrices:
    """Parse serialized examples (batch,) into matrices."""
    parsed = tf.io.parse_example(serialized, spec)
    return tuple(
        tf.concat([tf.reshape(parsed[name], [-1, width(feature)]) for name, feature in columns.items()], axis=1)
        for columns in by_type(spec)
    )


def unpack(matrices: Sequence[tf.Tensor], spec: Spec) -> dict[str, tf.Tensor]:
    """Split matrices into columns, each (batch, ...) of the shape in its spec."""
    found: dict[str, tf.Tensor] = {}
    for matrix, columns in zip(matrices, by_type(spec), strict=True):
        parts = tf.split(matrix, [width(feature) for feature in columns.values()], axis=1)
        for (name, feature), part in zip(columns.items(), parts, strict=True):
            found[name] = tf.reshape(part, [-1, *feature.shape]) if list(feature.shape) != [part.shape[1]] else part
    return found


def read_serialized(files: Sequence[str] | tf.Tensor) -> tf.data.Dataset:
    """Read serialized examples from gzipped TFRecords, in batches, in an order that is always the same."""
    return tf.data.Dataset.from_tensor_slices(tf.convert_to_tensor(files, tf.string)).interleave(
        lambda name: tf.data.TFRecordDataset(name, compression_type="GZIP").batch(READ_ROWS),
        cycle_length=FILES_AT_ONCE,
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )


def read_matrices(files: Sequence[str] | tf.Tensor, spec: Spec) -> tf.data.Dataset:
    """Read the rows of gzipped TFRecords as matrices, in the same order as ``read_serialized``."""
    return read_serialized(files).map(lambda batch: pack(batch, spec), num_parallel_calls=tf.data.AUTOTUNE)


def pick(matrices: Sequence[tf.Tensor], rows: tf.Tensor) -> Matrices:
    """Select rows (rows,) by number."""
    return tuple(tf.gather(matrix, rows) for matrix in matrices)
