"""Serialized tf.Examples as columns by TensorFlow's parser: a fifth of the time of tfx_bsl's decoder.

It must be told the columns, and does not tell a feature without a value from one that is not there: both are null.
https://www.tensorflow.org/api_docs/python/tf/io/RaggedFeature
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import tensorflow as tf
from tensorflow_metadata.proto.v0 import schema_pb2

from components.ahead import THREADS, ahead
from components.examples.reading import BATCH_ROWS, serialized_batches

KINDS = {schema_pb2.BYTES: tf.string, schema_pb2.INT: tf.int64, schema_pb2.FLOAT: tf.float32}


def parsed_batches(path: str, schema: schema_pb2.Schema, batch_rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
    """The rows of a file, each column of the schema a list, which is null where there is no value.

    They are parsed on other threads than this one; a few batches are in memory at a time.

    Raises:
        tf.errors.OpError: a file is damaged, or a value is of another type than the schema says.
    """
    with ThreadPoolExecutor(THREADS) as pool:
        yield from ahead(pool, parser(schema), serialized_batches(path, batch_rows))


def parser(schema: schema_pb2.Schema) -> Callable[[tf.Tensor], pa.RecordBatch]:
    """What turns serialized tf.Examples (batch,) into a record batch."""
    spec = {
        feature.name: tf.io.RaggedFeature(KINDS[feature.type], row_splits_dtype=tf.int64) for feature in schema.feature
    }
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
