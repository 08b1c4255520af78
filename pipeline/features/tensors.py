"""Raw columns as tensors, dense or sparse, and what stands for a missing value."""

from collections.abc import Callable
from typing import TypeAlias

import tensorflow as tf

Column: TypeAlias = tf.Tensor | tf.SparseTensor


def dense(column: Column, default: str | float) -> tf.Tensor:
    """Return a column as (batch, 1), with a default where a row has no value."""
    if not isinstance(column, tf.SparseTensor):
        return column
    shape = tf.stack([column.dense_shape[0], tf.constant(1, tf.int64)])
    one_wide = tf.SparseTensor(column.indices, column.values, shape)
    filled = tf.sparse.to_dense(one_wide, tf.cast(default, column.dtype) if column.dtype != tf.string else default)
    return tf.reshape(filled, [-1, 1])


def map_values(function: Callable[[tf.Tensor], tf.Tensor], column: Column) -> Column:
    """Apply a function to the values that a column has."""
    if isinstance(column, tf.SparseTensor):
        return tf.SparseTensor(column.indices, function(column.values), column.dense_shape)
    return function(column)


def as_float(values: tf.Tensor) -> tf.Tensor:
    """Return numbers as float32."""
    return tf.cast(values, tf.float32)


def finite(column: Column, name: str, problem: str) -> Column:
    """Return the column; computing it fails, naming column and problem, where a number is not finite."""
    return map_values(lambda values: tf.debugging.check_numerics(values, f"column {name!r}: {problem}"), column)


def is_given(values: tf.Tensor) -> tf.Tensor:
    """Tell which values of an optional column are values at all, as bool of the same shape.

    ``""``, NaN and the least int64 (NumPy's NaT) stand for missing: a request by plain columns must have something in
    each row, where files and examples can leave a value out.
    """
    if values.dtype == tf.string:
        return values != ""
    return tf.logical_not(tf.math.is_nan(values)) if values.dtype.is_floating else values != values.dtype.min


def is_missing(column: Column) -> tf.Tensor:
    """Return 1.0 where a row has no value, else 0.0, (batch, 1) float32."""
    if not isinstance(column, tf.SparseTensor):
        return tf.zeros_like(column, tf.float32)
    ones = tf.SparseTensor(column.indices, tf.ones_like(column.values, tf.float32), column.dense_shape)
    return 1.0 - dense(ones, 0.0)


def without_missing(name: str, column: Column) -> Column:
    """Return a column without the values that stand for missing; computing it fails where a number is not finite."""
    if column.dtype == tf.string:
        return column
    if isinstance(column, tf.SparseTensor):
        column = tf.sparse.retain(column, is_given(column.values))
    if not column.dtype.is_floating:
        return column
    return finite(column, name, "a required number is missing, or a number is not finite")
