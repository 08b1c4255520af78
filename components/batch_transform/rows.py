"""The pass that writes the transformed rows: parsed, put through the graph and encoded by batch, in C++."""

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
    Graph,
    Labelled,
    MakePipeline,
    Rows,
    RowsByFile,
    Work,
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
# The label of the rows that were written of each file.
WRITTEN = "rows written"
# As stock Transform calls its files (tfx/components/transform/executor_utils.py).
PREFIX = "transformed_examples"


@functools.lru_cache(maxsize=2)
def converter(schema: bytes) -> Any:
    """What makes a record batch of tensors, for the schema of the outputs; made once a process."""
    return impl_helper.make_tensor_to_arrow_converter(schema_pb2.Schema.FromString(schema))


class TransformFile(beam.DoFn):
    """A file of raw rows to files of transformed rows; ``schema`` is that of the outputs, serialized."""

    def __init__(self, graph: Graph, schema: bytes) -> None:
        self.graph = graph
        self.schema = schema

    def process(self, work: Work) -> Iterator[Labelled]:
        """Gives the rows that were read and written; holds a few batches of the file at a time."""
        read: list[int] = []
        batches = ((work.folder, batch) for batch in self.batches(work.path, read))
        written = write_shards(batches, f"{PREFIX}-{work.number:05d}")
        yield READ, {work.path: sum(read)}
        yield WRITTEN, {work.path: written}

    def batches(self, path: str, read: list[int]) -> Iterator[pa.RecordBatch]:
        """The transformed rows of a file; ``read`` takes the rows of each batch. A file without rows has one batch."""
        for rows, batch in prefetch(self.transform, serialized_batches(path)):
            read.append(rows)
            yield batch
        if not read:
            yield pa.RecordBatch.from_pylist([], schema=converter(self.schema).arrow_schema())

    def transform(self, serialized: tf.Tensor) -> tuple[int, pa.RecordBatch]:
        """The rows of a batch, and what becomes of them, each column a list.

        Raises:
            DataError: a number that is not finite.
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
    make_pipeline: MakePipeline, works: Sequence[Work], graph: Graph, schema: schema_pb2.Schema, folder: str
) -> Rows:
    """Writes the transformed rows of files; gives the rows that were read of each.

    Raises:
        DataError: a row that cannot be transformed, or not into finite numbers.
        MainlineError: other rows were written than were read.
    """
    combiners = {READ: RowsByFile(), WRITTEN: RowsByFile()}
    process = TransformFile(graph, schema.SerializeToString())
    with naming_bad_rows([work.path for work in works], process.transform, "Transform"):
        moved = run_pass(make_pipeline, works, process, combiners, folder)
    check_rows(moved[READ], moved[WRITTEN])
    check_files(works, moved[READ])
    return dict(moved[READ])
