"""A feature table as a TensorFlow Transform graph: raw columns in, columns named ``*_xf`` out."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import tensorflow as tf
import tensorflow_transform as tft

from pipeline.features.table import (
    Bucketized,
    Categorical,
    Crossed,
    Exact,
    Feature,
    MultiHot,
    Numeric,
    Table,
    missing_name,
    raw_columns,
    transformed_name,
)

Column: TypeAlias = tf.Tensor | tf.SparseTensor
Columns = dict[str, tf.Tensor]
Domains = Mapping[str, Sequence[str]]


def transform(table: Table, inputs: Mapping[str, Column], domains: Domains) -> Columns:
    """Applies a table to raw columns, each (batch, 1) dense or sparse; ``domains`` are those of the closed columns.

    Returns ids as int64 (batch, 1), numbers as float32 (batch, 1), multi-hot vectors as float32 (batch, width),
    the label as int64 (batch, 1), and the weight, if the table has one, as float32 (batch, 1).
    """
    inputs = dict(inputs) | {name: usable(name, inputs[name]) for name in raw_columns(table.features)}
    outputs: Columns = {}
    for feature in table.features:
        if not isinstance(feature, Crossed):
            outputs |= _transform_one(feature, inputs[feature.name], domains)
    tokens = _tokens(table, inputs, outputs)
    for feature in table.features:
        if isinstance(feature, Crossed):
            outputs[transformed_name(feature)] = _cross(feature, tokens)
    outputs[f"{table.label}_xf"] = checked_label(table.label, inputs[table.label])
    if table.weight is not None:
        outputs[f"{table.weight}_xf"] = checked_weight(table.weight, inputs[table.weight])
    return outputs


def usable(name: str, column: Column) -> Column:
    """A column without what stands for missing; evaluating it fails where a number is not finite."""
    if column.dtype == tf.string:
        return column
    if isinstance(column, tf.SparseTensor):
        column = tf.sparse.retain(column, is_given(column.values))
    if not column.dtype.is_floating:
        return column
    return _finite(column, name, "a required number is missing, or a number is not finite")


def is_given(values: tf.Tensor) -> tf.Tensor:
    """Which values of an optional column are any, as truth values of the same shape.

    ``""`` is no text, NaN no number, and the least int64 no whole number, as NumPy has it for no time (NaT): so plain
    columns, which must have a value in each row, can say what files and examples say by none.
    """
    if values.dtype == tf.string:
        return values != ""
    return tf.logical_not(tf.math.is_nan(values)) if values.dtype.is_floating else values != values.dtype.min


def _finite(column: Column, name: str, problem: str) -> Column:
    """The column; evaluating it fails where a number is not finite."""
    return _map_values(lambda values: tf.debugging.check_numerics(values, f"column {name!r}: {problem}"), column)


def checked_label(name: str, column: Column) -> tf.Tensor:
    """A label as int64 (batch, 1); evaluating it fails where a row has none, or another than 0 or 1.

    Data flow alone, as for a weight.
    """
    label = dense(_map_values(_float, column), math.nan)
    usable = tf.where((label == 0.0) | (label == 1.0), label, math.nan)
    checked = tf.debugging.check_numerics(usable, f"column {name!r} is the label: every row needs 0 or 1")
    return tf.cast(checked, tf.int64)


def checked_weight(name: str, column: Column) -> tf.Tensor:
    """A weight as float32 (batch, 1); evaluating it fails where a row has none, or one below 0 or not finite.

    Data flow alone, no assertion: an assertion would be part of the graph that serves, where there is no weight.
    """
    weight = dense(_map_values(_float, column), math.nan)
    usable = tf.where(weight >= 0.0, weight, math.nan)
    return tf.debugging.check_numerics(usable, f"column {name!r} is a weight: every row needs a finite number >= 0")


def dense(column: Column, default: str | float) -> tf.Tensor:
    """A column as (batch, 1), with a default where a row has no value."""
    if not isinstance(column, tf.SparseTensor):
        return column
    shape = tf.stack([column.dense_shape[0], tf.constant(1, tf.int64)])
    one_wide = tf.SparseTensor(column.indices, column.values, shape)
    filled = tf.sparse.to_dense(one_wide, tf.cast(default, column.dtype) if column.dtype != tf.string else default)
    return tf.reshape(filled, [-1, 1])


def _transform_one(feature: Feature, column: Column, domains: Domains) -> Columns:
    name = transformed_name(feature)
    match feature:
        case Numeric():
            return _numeric(feature, column)
        case Bucketized():
            return {name: _bucket_ids(feature, column)}
        case Categorical(closed=True):
            return {name: _domain_ids(dense(column, ""), domains[feature.name], feature.vocabulary, feature.oov)}
        case Categorical():
            return {name: _vocabulary_ids(feature, dense(column, ""))}
        case Exact():
            return {name: _vocabulary_ids(feature, dense(_map_values(tf.strings.as_string, column), ""))}
        case MultiHot():
            return {name: _multi_hot(feature, dense(column, ""), domains[feature.domain_of])}
    raise TypeError(f"not a feature of one column: {feature!r}")


def _numeric(feature: Numeric, column: Column) -> Columns:
    numbers = _map_values(_float, column)
    if feature.log:
        numbers = _finite(_map_values(tf.math.log1p, numbers), feature.name, "a number is not above -1, for log(1 + x)")
    # The name is what is said of a mean or a variance that is too great for a float32.
    scaled = tft.scale_to_z_score(numbers, name=transformed_name(feature))
    outputs = {transformed_name(feature): dense(scaled, 0.0)}
    if feature.optional:
        outputs[missing_name(feature)] = _is_missing(column)
    return outputs


def _float(values: tf.Tensor) -> tf.Tensor:
    return tf.cast(values, tf.float32)


def _map_values(function: Callable[[tf.Tensor], tf.Tensor], column: Column) -> Column:
    if isinstance(column, tf.SparseTensor):
        return tf.SparseTensor(column.indices, function(column.values), column.dense_shape)
    return function(column)


def _is_missing(column: Column) -> tf.Tensor:
    if not isinstance(column, tf.SparseTensor):
        return tf.zeros_like(column, tf.float32)
    ones = tf.SparseTensor(column.indices, tf.ones_like(column.values, tf.float32), column.dense_shape)
    return 1.0 - dense(ones, 0.0)


def _bucket_ids(feature: Bucketized, column: Column) -> tf.Tensor:
    bucketized = tft.bucketize(_map_values(_float, column), feature.buckets)
    return dense(_map_values(_one_up, bucketized), 0)


def _one_up(ids: tf.Tensor) -> tf.Tensor:
    return tf.cast(ids, tf.int64) + 1


def _vocabulary_ids(feature: Categorical | Exact, values: tf.Tensor) -> tf.Tensor:
    """Places in the vocabulary of the training rows; what is outside is hashed into the ids from ``vocabulary`` on.

    TensorFlow Transform's own would begin right behind the terms that it found: a model could not know which ids they
    are, as one must that hides ids in training to learn what to say of unknown ones.
    """
    terms = tft.vocabulary(
        values,
        top_k=feature.vocabulary,
        frequency_threshold=feature.min_count if feature.min_count > 1 else None,
        vocab_filename=transformed_name(feature),
    )
    known = tft.apply_vocabulary(values, terms, default_value=-1)
    return tf.where(known >= 0, known, feature.vocabulary + tf.strings.to_hash_bucket_fast(values, feature.oov))


def _domain_ids(values: tf.Tensor, domain: Sequence[str], size: int, oov: int) -> tf.Tensor:
    """Places in a domain; what is outside is hashed into the ids from ``size`` on."""
    keys = tf.constant(list(domain), tf.string)
    places = tf.range(len(domain), dtype=tf.int64)
    table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(keys, places), default_value=-1)
    known = table.lookup(values)
    return tf.where(known >= 0, known, size + tf.strings.to_hash_bucket_fast(values, oov))


def _multi_hot(feature: MultiHot, values: tf.Tensor, domain: Sequence[str]) -> tf.Tensor:
    parts = tf.strings.split(tf.reshape(values, [-1]), feature.separator).to_tensor("")
    # The last column takes what is outside the domain, and is cut off.
    ids = tf.minimum(_domain_ids(parts, domain, feature.vocabulary, oov=1), feature.vocabulary)
    one_hot = tf.reduce_max(tf.one_hot(ids, feature.vocabulary + 1), axis=1)[:, : feature.vocabulary]
    return tf.ensure_shape(one_hot, [None, feature.vocabulary])


def _tokens(table: Table, inputs: Mapping[str, Column], outputs: Columns) -> Columns:
    """Every feature that a cross may name, as strings: the value itself, or the number of its bucket."""
    tokens: Columns = {}
    for feature in table.features:
        match feature:
            case Categorical():
                tokens[feature.name] = dense(inputs[feature.name], "")
            case Bucketized():
                tokens[f"{feature.name}_bucket"] = tf.strings.as_string(outputs[transformed_name(feature)])
    return tokens


def _cross(feature: Crossed, tokens: Columns) -> tf.Tensor:
    joined = tf.strings.join([tokens[name] for name in feature.names], separator="\x1f")
    return tf.strings.to_hash_bucket_fast(joined, feature.hash_buckets)
