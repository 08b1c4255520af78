"""Scores files of examples and writes files of predictions; apart from the loop over batches, all work is in C++."""

import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow_metadata.proto.v0 import schema_pb2

from components.evaluation.predictions import list_parts, list_scored, part_path, write_part
from components.evaluation.saved_model import load_model
from components.evaluation.tasks.registry import evaluation_of
from components.examples.bad_rows import naming_bad_rows
from components.examples.reading import decoder, serialized_batches
from pipeline.errors import DataError, MainlineError
from pipeline.label import Label
from pipeline.nodes import EVALUATOR

VALUE_TYPES = {schema_pb2.BYTES: pa.string(), schema_pb2.INT: pa.int64(), schema_pb2.FLOAT: pa.float32()}


@dataclass(frozen=True)
class Scorer:
    """A model on disk, how it is called, the column for its scores, and the label that it predicts."""

    column: str
    path: str
    signature: str
    output: str
    label: Label


class ScoreFile(beam.DoFn):
    """Scores a numbered file of serialized tf.Examples and writes a Parquet file."""

    def __init__(self, scorers: Sequence[Scorer], schema: bytes, evaluation_dir: str) -> None:
        self.scorers = tuple(scorers)
        self.schema = schema
        self.evaluation_dir = evaluation_dir

    def process(self, numbered: tuple[int, str]) -> Iterator[int]:
        """Yield the number of rows; batches are scored one by one, so a file may be larger than memory."""
        number, path = numbered
        tables = score_batches(path, self.scorers, self.schema)
        first = next(tables, None)
        if first is None:
            first = empty_table(self.scorers, self.schema)
        yield write_part(part_path(self.evaluation_dir, number), itertools.chain([first], tables), first.schema)


def write_predictions(
    make_pipeline: Callable[[], beam.Pipeline],
    files: Sequence[str],
    scorers: Sequence[Scorer],
    schema: schema_pb2.Schema,
    evaluation_dir: str,
) -> None:
    """Score files of examples side by side, and list the files of predictions.

    Raises:
        DataError: a row cannot be scored.
        MainlineError: files were lost.
    """
    score = functools.partial(score_all, scorers=scorers)
    with naming_bad_rows(files, score, EVALUATOR), make_pipeline() as pipeline:
        _ = (
            pipeline
            | beam.Create(list(enumerate(files)))
            | beam.Reshuffle()
            | beam.ParDo(ScoreFile(scorers, schema.SerializeToString(), evaluation_dir))
        )
    load_model.cache_clear()
    parts = len(list_parts(evaluation_dir))
    if parts != len(files):
        raise MainlineError(
            evaluation_dir, "files were lost", expected=f"{len(files)} files", received=f"{parts} files"
        )
    list_scored(evaluation_dir)


def empty_table(scorers: Sequence[Scorer], schema: bytes) -> pa.Table:
    """Return the columns of a file without rows."""
    batch = decoder(schema)(tf.constant([], tf.string))
    table = raw_columns(batch, schema_pb2.Schema.FromString(schema))
    for scorer in scorers:
        nothing = checked_scores(np.zeros(0, np.float32), 0, scorer)
        table = table.append_column(scorer.column, as_column(nothing))
    return table


def score_batches(path: str, scorers: Sequence[Scorer], schema: bytes) -> Iterator[pa.Table]:
    """Yield the rows of a file with their scores, at most 4096 at a time."""
    columns = schema_pb2.Schema.FromString(schema)
    decode = decoder(schema)
    for batch in serialized_batches(path):
        table = raw_columns(decode(batch), columns)
        for scorer, scores in zip(scorers, score_all(batch, scorers), strict=True):
            table = table.append_column(scorer.column, as_column(scores))
        yield table


def score_all(batch: tf.Tensor, scorers: Sequence[Scorer]) -> list[NDArray[np.generic]]:
    """Return the scores of serialized rows, (batch,), by each model, each as ``checked_scores`` does.

    Raises:
        DataError: a score is not finite.
        tf.errors.OpError: a model fails on a row.
    """
    models = [(scorer, load_model(scorer.path, scorer.signature, scorer.output)) for scorer in scorers]
    return [checked_scores(score(batch), len(batch), scorer) for scorer, score in models]


def checked_scores(scores: NDArray[np.generic], rows: int, scorer: Scorer) -> NDArray[np.generic]:
    """Return the scores, (rows,), or (rows, width) if there are several for a row, after checking that all are finite.

    Raises:
        DataError: a score is not finite, for example because the preprocessing cannot handle the row.
        MainlineError: the number of scores is wrong.
    """
    width = scorer.label.task.width
    if scores.size != rows * width:
        raise MainlineError(
            f"{scorer.path}, {scorer.output}", f"not {'one score' if width == 1 else f'{width} scores'} per row",
            expected=f"{rows * width}", received=f"{scores.size}",
        )  # fmt: skip
    if not np.isfinite(scores).all():
        expected = evaluation_of(scorer.label).expected
        raise DataError(EVALUATOR, f"the {scorer.column} of the row is not finite", expected=expected)
    return scores.reshape(-1) if width == 1 else scores.reshape(-1, width)


def as_column(scores: NDArray[np.generic]) -> pa.Array:
    """Return scores, (rows,) or (rows, width), as a column of numbers or of lists of equal length."""
    flat = pa.array(scores.reshape(-1))
    return flat if scores.ndim == 1 else pa.FixedSizeListArray.from_arrays(flat, scores.shape[1])


def multivalent(schema: schema_pb2.Schema) -> frozenset[str]:
    """Return the columns that may hold several values in a row; by default a column holds one."""
    return frozenset(
        feature.name
        for feature in schema.feature
        if (feature.HasField("value_count") and feature.value_count.max != 1)
        or any(dim.size != 1 for dim in feature.shape.dim)
    )


def raw_columns(batch: pa.RecordBatch, schema: schema_pb2.Schema) -> pa.Table:
    """Return the columns of the schema with the types of ``read_predictions``, from a batch decoded by tfx_bsl."""
    several = multivalent(schema)
    columns = {}
    for feature in schema.feature:
        column = typed(batch.column(batch.schema.get_field_index(feature.name)), feature)
        columns[feature.name] = column if feature.name in several else single_values(column, feature.name)
    return pa.table(columns)


def typed(column: pa.Array, feature: schema_pb2.Feature) -> pa.Array:
    """Cast a column to lists of the feature's type.

    Raises:
        DataError: a value is not UTF-8.
    """
    try:
        return column.cast(pa.large_list(VALUE_TYPES[feature.type]))
    except pa.ArrowInvalid as error:
        raise DataError(feature.name, "a value that is not text", expected="UTF-8", received=str(error)) from error


def single_values(column: pa.Array, name: str) -> pa.Array:
    """Convert lists of at most one value to values, and empty lists to null.

    Raises:
        DataError: a row has several values.
    """
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
    if lengths.max(initial=0) > 1:
        raise DataError(name, "several values in a row", expected="one", next_step="Set its value_count in schemas/.")
    position = np.cumsum(lengths) - lengths
    return column.flatten().take(pa.array(position, pa.int64(), mask=lengths == 0))
