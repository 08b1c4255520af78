"""Transformed examples as matrices: all columns of one type side by side, so that picking rows is one gather a type."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

import tensorflow as tf

Spec: TypeAlias = Mapping[str, tf.io.FixedLenFeature]
# One for each type of the columns, (rows, values of that type in a row).
Matrices: TypeAlias = tuple[tf.Tensor, ...]
# As many files are read in turn, whatever the machine: the order of the rows must not follow its number of cores.
FILES_AT_ONCE = 8
READ_ROWS = 2048


def by_type(spec: Spec) -> Iterator[dict[str, tf.io.FixedLenFeature]]:
    """The columns of each type, in order of type and name."""
    for dtype in sorted({feature.dtype for feature in spec.values()}, key=lambda dtype: dtype.name):
        yield {name: spec[name] for name in sorted(spec) if spec[name].dtype == dtype}


def width(feature: tf.io.FixedLenFeature) -> int:
    """Values of a column in one row."""
    return int(tf.TensorShape(feature.shape).num_elements())


def row_bytes(spec: Spec) -> int:
    """What one row takes as numbers.

    >>> row_bytes({"a": tf.io.FixedLenFeature([1], tf.int64), "b": tf.io.FixedLenFeature([19], tf.float32)})
    84
    """
    return sum(width(feature) * feature.dtype.size for feature in spec.values())


def pack(serialized: tf.Tensor, spec: Spec) -> Matrices:
    """Serialized examples (batch,) as matrices."""
    parsed = tf.io.parse_example(serialized, spec)
    return tuple(
        tf.concat([tf.reshape(parsed[name], [-1, width(feature)]) for name, feature in columns.items()], axis=1)
        for columns in by_type(spec)
    )


def unpack(matrices: Sequence[tf.Tensor], spec: Spec) -> dict[str, tf.Tensor]:
    """Matrices as columns, each (batch, ...) as its spec says."""
    found: dict[str, tf.Tensor] = {}
    for matrix, columns in zip(matrices, by_type(spec), strict=True):
        parts = tf.split(matrix, [width(feature) for feature in columns.values()], axis=1)
        for (name, feature), part in zip(columns.items(), parts, strict=True):
            found[name] = tf.reshape(part, [-1, *feature.shape]) if list(feature.shape) != [part.shape[1]] else part
    return found


def read_serialized(files: Sequence[str] | tf.Tensor) -> tf.data.Dataset:
    """Serialized examples of gzipped TFRecords in batches of some rows, in an order that is always the same."""
    return tf.data.Dataset.from_tensor_slices(tf.convert_to_tensor(files, tf.string)).interleave(
        lambda name: tf.data.TFRecordDataset(name, compression_type="GZIP").batch(READ_ROWS),
        cycle_length=FILES_AT_ONCE,
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )


def read_matrices(files: Sequence[str] | tf.Tensor, spec: Spec) -> tf.data.Dataset:
    """The same rows as matrices."""
    return read_serialized(files).map(lambda batch: pack(batch, spec), num_parallel_calls=tf.data.AUTOTUNE)


def pick(matrices: Sequence[tf.Tensor], rows: tf.Tensor) -> Matrices:
    """Some rows, in the order of their numbers."""
    return tuple(tf.gather(matrix, rows) for matrix in matrices)
