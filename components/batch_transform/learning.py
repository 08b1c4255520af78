"""Computes the outputs of a preprocessing_fn's analyzers from the rows, phase by phase."""

import os
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from components.batch_transform import tracing
from components.batch_transform.analysis import Finisher
from components.batch_transform.passes import (
    READ,
    Columns,
    InputFile,
    MakePipeline,
    Rows,
    TransformGraph,
    analyze,
    check_files,
    check_rows,
)
from components.batch_transform.plan import Phase
from components.batch_transform.tracing import Traced
from components.compat.tft import nodes
from components.examples.bad_rows import naming_bad_rows
from pipeline.errors import DataError

Values = dict[str, tf.Tensor]


def learn(
    make_pipeline: MakePipeline, traced: Traced, passes: Sequence[Phase], columns: Columns, files: Sequence[InputFile]
) -> tuple[Values, Rows]:
    """Run the passes over some files.

    Returns:
        The analyzers' outputs by the names of their tensors, and the number of rows of each file.

    Raises:
        DataError: a row cannot be read or used, or numbers are too large.
        MainlineError: a pass did not read every row once.
    """
    finisher = Finisher(traced.graph, traced.folder)
    traverser = nodes.Traverser(finisher)
    values: Values = {}
    rows: Rows = {}
    for number, phase in enumerate(passes):
        folder = os.path.join(traced.folder, f"phase-{number}")
        graph = TransformGraph(os.path.join(folder, "graph"), columns)
        tracing.save(traced, graph.folder, values, phase.tensors)
        with naming_bad_rows([file.path for file in files], graph.apply, "Transform"):
            merged = analyze(make_pipeline, files, graph, phase.analyses, os.path.join(folder, "merged"))
        check_files(files, merged[READ])
        check_rows(rows, merged[READ])
        rows |= merged.pop(READ)
        finisher.merged.update(merged)
        for sink in phase.sinks:
            value = tf.constant(traverser.visit_value_node(sink.future), sink.tensor.dtype)
            check_learned(str(sink.tensor.name), value)
            values[str(sink.tensor.name)] = value
    return values, rows


def check_learned(name: str, value: tf.Tensor) -> None:
    """Check the output of an analyzer: with an infinite variance, for example, a column would be 0 in every row.

    Raises:
        DataError: the output is not finite.
    """
    if value.dtype.is_floating and not np.isfinite(value.numpy()).all():
        raise DataError(
            f"Transform, {name.partition('/')[0]}", "the value learned from the training rows is not finite",
            expected="numbers whose squares a float32 can hold", received=str(value.numpy().tolist())[:200],
            next_step="Look for numbers in the column that are far too large, or take its logarithm.",
        )  # fmt: skip
