"""The files of an Examples artifact, and its schema.

Rows come as batches, read and decoded in C++ but for the loop over batches.
"""

import os
from collections.abc import Callable, Iterator

import pyarrow as pa
import tensorflow as tf
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx import types
from tfx.components.util import examples_utils
from tfx.dsl.io import fileio
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils
from tfx.utils import io_utils
from tfx_bsl.coders import example_coder

from components.examples.listing import FILES, files_of
from components.support.prefetch import prefetch
from pipeline.errors import ConfigError, DataError

BATCH_ROWS = 4096


def check_examples(component: str, examples: types.Artifact) -> None:
    """Refuses examples that stock components read and ours do not.

    Raises:
        ConfigError: they are not serialized tf.Examples in folders of splits.
    """
    payload = examples_utils.get_payload_format(examples)
    if payload != example_gen_pb2.FORMAT_TF_EXAMPLE:
        name = example_gen_pb2.PayloadFormat.Name(payload)
        raise ConfigError(f"{component}: examples", "not tf.Examples", expected="FORMAT_TF_EXAMPLE", received=name)
    if examples.has_custom_property(examples_utils.CUSTOM_SPLIT_PATTERN_PROPERTY_NAME):
        raise ConfigError(f"{component}: examples", "splits by pattern", expected="a folder for each split")


def split_files(examples: list[types.Artifact], split: str) -> list[str]:
    """The files of a split, in order: those that were written, whatever else lies beside them.

    Raises:
        DataError: one is gone, or is another one.
    """
    folders = artifact_utils.get_split_uris(examples, split)
    return [
        path
        for artifact, folder in zip(examples, folders, strict=True)
        for path in files_of({split: folder}, artifact.get_string_custom_property(FILES))[split]
    ]


def required_files(examples: types.Artifact, split: str) -> list[str]:
    """The files of a split, in order.

    Raises:
        DataError: there is none, or one is not what was written.
    """
    found = split_files([examples], split)
    if not found:
        raise DataError(f"{examples.uri}, {split}", "no examples", expected="at least one file of the split")
    return found


def check_only_files(examples: types.Artifact, split: str) -> None:
    """Refuses a split in whose folder anything but its files lies: stock components read all that is there.

    Raises:
        DataError: there is none, one is not what was written, or another one lies beside them.
    """
    names = {os.path.basename(path) for path in required_files(examples, split)}
    folder = artifact_utils.get_split_uri([examples], split)
    strays = sorted(set(fileio.listdir(folder)) - names) if examples.get_string_custom_property(FILES) else []
    if strays:
        raise DataError(
            os.path.join(folder, strays[0]), "not a file of these examples, but it would be read as one",
            expected=f"{len(names)} files", received=f"{len(strays)} more",
            next_step="Move it away.",
        )  # fmt: skip


def read_schema(folder: str) -> schema_pb2.Schema:
    """The schema in the folder of a Schema artifact."""
    return io_utils.SchemaReader().read(io_utils.get_only_uri_in_dir(folder))


def serialized_batches(path: str, batch_rows: int = BATCH_ROWS) -> Iterator[tf.Tensor]:
    """The tf.Examples of a TFRecord file, gzipped if its name ends so, as strings (batch,)."""
    compression = "GZIP" if path.endswith(".gz") else ""
    records = tf.data.TFRecordDataset(path, compression_type=compression, buffer_size=4 << 20)
    return iter(records.batch(batch_rows).prefetch(1))


def record_batches(path: str, batch_rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
    """The rows of a file, each column a list, typed by the values of each batch.

    They are decoded on other threads than this one; a few batches are in memory at a time.
    """
    return prefetch(lambda batch: decoder()(batch), serialized_batches(path, batch_rows))


def decoder(schema: bytes | None = None) -> Callable[[tf.Tensor], pa.RecordBatch]:
    """Return a decoder of serialized tf.Examples (batch,) into record batches, typed by a schema; for one thread."""
    coder = example_coder.ExamplesToRecordBatchDecoder(*([schema] if schema is not None else []))
    return lambda batch: coder.DecodeBatch(batch.numpy().tolist())
