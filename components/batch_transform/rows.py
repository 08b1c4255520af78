"""The pass that writes the transformed rows; parsing, transforming and encoding file on batches, in C++."""

import functools
from collections.abc import Iterator, Sequence
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf
from tensorflow_metadata.proto.v0 import schema_pb2

from components.batch_transform.passes import (
    READ,
    InputFile,
    Labelled,
    MakePipeline,
    Rows,
    RowsByFile,
    TransformGraph,
    check_files,
    check_rows,
    run_pass,
)
from components.compat.tft import impl_helper
from components.examples.bad_rows import naming_bad_rows
from components.examples.reading import serialized_batches
from components.examples.shards import write_shards
from components.support.prefetch import prefetch
from pipeline.errors import DataError

# The square of a greater number is infinite as a float32.
MAX_NUMBER = 1e19
# The label of the number of rows written for each file.
WRITTEN = "rows written"
# The label of the number of rows of each new file.
SHARDS = "rows by new file"
# The prefix of stock Transform's files (tfx/components/transform/executor_utils.py).
PREFIX = "transformed_examples"


@functools.lru_cache(maxsize=2)
def converter(schema: bytes) -> Any:
    """Return the converter from tensors to record batches for a schema of outputs; cached for each process."""
    return impl_helper.make_tensor_to_arrow_converter(schema_pb2.Schema.FromString(schema))


class TransformFile(beam.DoFn):
    """Writes the transformed rows of a file; ``schema`` is the serialized schema of the outputs."""

    def __init__(self, graph: TransformGraph, schema: bytes) -> None:
        self.graph = graph
        self.schema = schema

    def process(self, file: InputFile) -> Iterator[Labelled]:
        """Yield the numbers of rows read and written; memory holds a few batches of the file."""
        read: list[int] = []
        batches = ((file.folder, batch) for batch in self.batches(file.path, read))
        shards = write_shards(batches, f"{PREFIX}-{file.number:05d}")
        yield READ, {file.path: sum(read)}
        yield WRITTEN, {file.path: sum(shards.values())}
        yield SHARDS, shards

    def batches(self, path: str, read: list[int]) -> Iterator[pa.RecordBatch]:
        """Yield the transformed rows of a file, or one empty batch; append the size of each batch to ``read``."""
        for rows, batch in prefetch(self.transform, serialized_batches(path)):
            read.append(rows)
            yield batch
        if not read:
            yield pa.RecordBatch.from_pylist([], schema=converter(self.schema).arrow_schema())

    def transform(self, serialized: tf.Tensor) -> tuple[int, pa.RecordBatch]:
        """Return the number of rows of a batch, and the transformed rows, whose columns are lists.

        Raises:
            DataError: a transformed number is not finite.
        """
        batch = converter(self.schema).convert(dict(self.graph.apply(serialized)))
        check_finite(batch)
        return len(serialized), batch


def check_finite(batch: pa.RecordBatch) -> None:
    """Check the numbers of transformed rows, whose columns are lists.

    Raises:
        DataError: a number is not finite, or its square is not.
    """
    for name, values in zip(batch.schema.names, batch.columns, strict=True):
        while pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
            values = values.flatten()
        if not pa.types.is_floating(values.type):
            continue
        if pc.all(pc.is_finite(values)).as_py() is False:
            raise DataError("Transform", f"the transformed column {name!r} has a number that is not finite")
        if (pc.max(pc.abs(values)).as_py() or 0.0) > MAX_NUMBER:
            raise DataError("Transform", f"the transformed column {name!r} has a number beyond {MAX_NUMBER:g}")


def transform(
    make_pipeline: MakePipeline,
    files: Sequence[InputFile],
    graph: TransformGraph,
    schema: schema_pb2.Schema,
    folder: str,
) -> tuple[Rows, Rows]:
    """Write the transformed rows of files; return the rows read from each file, and those of each new file.

    Raises:
        DataError: a row cannot be transformed, or not into finite numbers.
        MainlineError: the numbers of rows read and written differ.
    """
    combiners = {label: RowsByFile() for label in (READ, WRITTEN, SHARDS)}
    process = TransformFile(graph, schema.SerializeToString())
    with naming_bad_rows([file.path for file in files], process.transform, "Transform"):
        moved = run_pass(make_pipeline, files, process, combiners, folder)
    check_rows(moved[READ], moved[WRITTEN])
    check_files(files, moved[READ])
    return dict(moved[READ]), dict(moved[SHARDS])
