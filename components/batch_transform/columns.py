"""The raw columns of a schema, as they are parsed and as a preprocessing_fn gets them."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
from tensorflow_metadata.proto.v0 import schema_pb2

from components.compat.tft import schema_utils


class UnknownColumnError(Exception):
    """A raw or transformed column that is not read or written here; the message says which and what it is."""


def parsed_columns(schema: schema_pb2.Schema) -> dict[str, Any]:
    """How each column is parsed, for tf.io.parse_example.

    Raises:
        UnknownColumnError: a column is neither dense nor a list without a fixed length.
    """
    found = schema_utils.schema_as_feature_spec(schema).feature_spec
    for name, column in found.items():
        if not isinstance(column, tf.io.FixedLenFeature | tf.io.VarLenFeature):
            raise UnknownColumnError(f"raw column {name!r}, a {type(column).__name__}")
    return dict(found)


def type_specs(columns: Mapping[str, Any]) -> dict[str, tf.TypeSpec]:
    """What a preprocessing_fn gets: a tensor (batch, *shape), or a sparse one (batch, any)."""
    return {
        name: tf.TensorSpec([None, *column.shape], column.dtype)
        if isinstance(column, tf.io.FixedLenFeature)
        else tf.SparseTensorSpec([None, None], column.dtype)
        for name, column in columns.items()
    }


def check_outputs(outputs: Mapping[str, Any]) -> None:
    """Whether what a preprocessing_fn returns is written here.

    Raises:
        UnknownColumnError: a column is ragged, or sparse in more than one dimension.
    """
    for name, tensor in outputs.items():
        sparse = isinstance(tensor, tf.SparseTensor) and tensor.shape.rank == 2
        if not sparse and not isinstance(tensor, tf.Tensor):
            raise UnknownColumnError(f"transformed column {name!r}, a {type(tensor).__name__} {tensor.shape}")
