"""Serialized tf.Examples as columns by TensorFlow's parser: a fifth of the time of tfx_bsl's decoder.

It must be told the columns, and does not tell a feature without a value from one that is not there: both are null.
https://www.tensorflow.org/api_docs/python/tf/io/RaggedFeature
"""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
import tensorflow as tf
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx import types

from components.examples.reading import BATCH_ROWS, serialized_batches
from components.support.prefetch import prefetch
from pipeline.errors import DataError

# Custom property of an Examples artifact.
DECLARED = "columns"
KINDS = {schema_pb2.BYTES: tf.string, schema_pb2.INT: tf.int64, schema_pb2.FLOAT: tf.float32}


def declare(examples: types.Artifact, columns: Mapping[str, str]) -> None:
    """Says in the artifact which columns its rows have, with their types as in a schema: INT, FLOAT or BYTES.

    Only for rows in which a feature without a value has no list either.
    """
    examples.set_json_value_custom_property(DECLARED, dict(columns))


def declared(examples: types.Artifact) -> schema_pb2.Schema | None:
    """The columns of the rows, if the artifact says them, sorted: the map that it keeps them in has no order."""
    if not examples.has_custom_property(DECLARED):
        return None
    columns = examples.get_json_value_custom_property(DECLARED)
    feature_types = {name: schema_pb2.FeatureType.Value(kind) for name, kind in sorted(columns.items())}
    return schema_pb2.Schema(feature=[schema_pb2.Feature(name=name, type=kind) for name, kind in feature_types.items()])


def read_batches(paths: Sequence[str], schema: schema_pb2.Schema) -> Iterator[pa.RecordBatch]:
    """The rows of files, at most 4096 at a time, each column a list of values a row.

    Raises:
        DataError: a file is damaged, or not as the schema says.
    """
    for path in paths:
        try:
            yield from parsed_batches(path, schema)
        except tf.errors.OpError as error:
            raise DataError(
                path, "cannot be read", expected="TFRecords of tf.Example with the types of the schema",
                received=str(error), next_step="Run ExampleGen again.",
            ) from error  # fmt: skip


def parsed_batches(path: str, schema: schema_pb2.Schema, batch_rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
    """The rows of a file, each column of the schema a list, which is null where there is no value.

    They are parsed on other threads than this one; a few batches are in memory at a time.

    Raises:
        tf.errors.OpError: a file is damaged, or a value is of another type than the schema says.
    """
    return prefetch(parser(schema.SerializeToString()), serialized_batches(path, batch_rows))


@functools.lru_cache(maxsize=4)
def parser(schema: bytes) -> Callable[[tf.Tensor], pa.RecordBatch]:
    """Return a function from serialized tf.Examples (batch,) to a record batch, traced once for a schema."""
    features = schema_pb2.Schema.FromString(schema).feature
    spec = {feature.name: tf.io.RaggedFeature(KINDS[feature.type], row_splits_dtype=tf.int64) for feature in features}
    parse = tf.function(
        lambda serialized: tf.io.parse_example(serialized, spec),
        input_signature=[tf.TensorSpec([None], tf.string)], autograph=False,
    )  # fmt: skip

    def to_batch(serialized: tf.Tensor) -> pa.RecordBatch:
        columns = parse(serialized)
        return pa.RecordBatch.from_arrays([lists(columns[name]) for name in spec], list(spec))

    return to_batch


def lists(column: tf.RaggedTensor) -> pa.LargeListArray:
    """(batch, any) values as lists, null instead of empty."""
    values, splits = column.flat_values.numpy(), column.row_splits.numpy()
    offsets = pa.array(splits, mask=np.append(splits[1:] == splits[:-1], False))
    kind = pa.large_binary() if column.dtype == tf.string else None
    return pa.LargeListArray.from_arrays(offsets, pa.array(values, kind))
