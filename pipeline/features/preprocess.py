"""A feature table as a TensorFlow Transform graph: raw columns in, columns named ``*_xf`` out."""

import math
from collections.abc import Mapping, Sequence

import tensorflow as tf

from pipeline.features.table import Table, raw_columns
from pipeline.features.tensors import Column, as_float, dense, map_values, without_missing
from pipeline.task.registry import training_of

Columns = dict[str, tf.Tensor]


def transform(table: Table, inputs: Mapping[str, Column], domains: Mapping[str, Sequence[str]]) -> Columns:
    """Apply a table to raw columns, each (batch, 1), dense or sparse.

    Returns the outputs of the features, the label as its task learns it, (batch, 1), and, if the table has one, the
    weight as float32 (batch, 1). ``domains`` are the values of the columns whose domain a feature needs.
    """
    columns = dict(inputs) | {name: without_missing(name, inputs[name]) for name in raw_columns(table.features)}
    outputs: Columns = {}
    for feature in table.features:
        if feature.columns:
            outputs |= feature.transform(columns, domains)
    tokens = {
        feature.token_name: feature.token(columns, outputs)
        for feature in table.features
        if feature.token_name is not None
    }
    for feature in table.features:
        if not feature.columns:
            outputs |= feature.transform(tokens, domains)
    column = table.target.column
    outputs[f"{column}_xf"] = training_of(table.target).target(given(columns[column]))
    if table.weight is not None:
        outputs[f"{table.weight}_xf"] = checked_weight(table.weight, columns[table.weight])
    return outputs


def given(column: Column) -> tf.Tensor:
    """Return a column as (batch, 1) text or float32; where a row has no value, ``""`` or NaN."""
    if column.dtype == tf.string:
        return dense(column, "")
    return dense(map_values(as_float, column), math.nan)


def checked_weight(name: str, column: Column) -> tf.Tensor:
    """Return a weight as float32 (batch, 1); computing it fails where a row has none, or one below 0 or not finite.

    An assertion would become part of the graph that serves, where there is no weight.
    """
    weight = given(column)
    usable = tf.where(weight >= 0.0, weight, math.nan)
    return tf.debugging.check_numerics(usable, f"column {name!r} is a weight: every row needs a finite number >= 0")
