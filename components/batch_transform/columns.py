"""The raw columns of a schema: how they are parsed, and the tensors that a preprocessing_fn receives."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
from tensorflow_metadata.proto.v0 import schema_pb2

from components.compat.tft import schema_utils


class UnknownColumnError(Exception):
    """A raw or transformed column of an unsupported kind; the message is its name and kind."""


def parsed_columns(schema: schema_pb2.Schema) -> dict[str, Any]:
    """Return the feature spec of each column, for tf.io.parse_example.

    Raises:
        UnknownColumnError: a column is neither dense nor a list of variable length.
    """
    found = schema_utils.schema_as_feature_spec(schema).feature_spec
    for name, column in found.items():
        if not isinstance(column, tf.io.FixedLenFeature | tf.io.VarLenFeature):
            raise UnknownColumnError(f"raw column {name!r}, a {type(column).__name__}")
    return dict(found)


def type_specs(columns: Mapping[str, Any]) -> dict[str, tf.TypeSpec]:
    """Return the types that a preprocessing_fn receives: tensors (batch, *shape), or sparse ones (batch, any)."""
    return {
        name: tf.TensorSpec([None, *column.shape], column.dtype)
        if isinstance(column, tf.io.FixedLenFeature)
        else tf.SparseTensorSpec([None, None], column.dtype)
        for name, column in columns.items()
    }


def check_outputs(outputs: Mapping[str, Any]) -> None:
    """Check that the outputs of a preprocessing_fn can be written.

    Raises:
        UnknownColumnError: a column is ragged, or sparse in more than one dimension.
    """
    for name, tensor in outputs.items():
        sparse = isinstance(tensor, tf.SparseTensor) and tensor.shape.rank == 2
        if not sparse and not isinstance(tensor, tf.Tensor):
            raise UnknownColumnError(f"transformed column {name!r}, a {type(tensor).__name__} {tensor.shape}")
