"""A feature table as a TensorFlow Transform graph: raw columns in, columns named ``*_xf`` out."""

import dataclasses
import math
from collections.abc import Mapping, Sequence

import tensorflow as tf

from pipeline.features.table import Table, raw_columns
from pipeline.features.tensors import Column, as_float, dense, map_values, without_missing
from pipeline.label import Label
from pipeline.task.registry import training_of

Columns = dict[str, tf.Tensor]


def transform(table: Table, inputs: Mapping[str, Column], domains: Mapping[str, Sequence[str]]) -> Columns:
    """Apply a table to raw columns, each (batch, 1), dense or sparse.

    Returns the outputs of the features, the label as its task learns it, (batch, 1), and, if the table has one, the
    weight as float32 (batch, 1). ``domains`` are the values of the columns whose domain a feature or the label needs.
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
    label = with_values(table.target, domains)
    outputs[f"{label.column}_xf"] = training_of(label).target(given(columns[label.column]))
    if table.weight is not None:
        outputs[f"{table.weight}_xf"] = checked_weight(table.weight, columns[table.weight])
    return outputs


def with_values(label: Label, domains: Mapping[str, Sequence[str]]) -> Label:
    """Return a label of texts with its values, one of plain numbers as it is."""
    return label if label.is_plain else dataclasses.replace(label, values=tuple(domains[label.column]))


def given(column: Column) -> tf.Tensor:
    r"""Return a column as (batch, 1) text or float32; where a row has no value, ``"\0"`` or NaN."""
    if column.dtype == tf.string:
        return dense(column, "\0")
    return dense(map_values(as_float, column), math.nan)


def checked_weight(name: str, column: Column) -> tf.Tensor:
    """Return a weight as float32 (batch, 1); computing it fails where a row has none, or one below 0 or not finite.

    An assertion would become part of the graph that serves, where there is no weight.
    """
    weight = given(column)
    usable = tf.where(weight >= 0.0, weight, math.nan)
    return tf.debugging.check_numerics(usable, f"column {name!r} is a weight: every row needs a finite number >= 0")
