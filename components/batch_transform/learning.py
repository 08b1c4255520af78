"""What the analyzers of a preprocessing_fn learn from the rows, phase by phase."""

import os
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from components.batch_transform import tracing
from components.batch_transform.analysis import Finisher
from components.batch_transform.passes import (
    READ,
    Columns,
    Graph,
    MakePipeline,
    Rows,
    Work,
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
    make_pipeline: MakePipeline, traced: Traced, passes: Sequence[Phase], columns: Columns, works: Sequence[Work]
) -> tuple[Values, Rows]:
    """The values that analyzers give, by the names of their tensors, and the rows of each file.

    Raises:
        DataError: a row that cannot be read or computed with, or numbers that are too great.
        MainlineError: a pass did not see every row once.
    """
    finisher = Finisher(traced.graph, traced.folder)
    traverser = nodes.Traverser(finisher)
    values: Values = {}
    rows: Rows = {}
    for number, phase in enumerate(passes):
        folder = os.path.join(traced.folder, f"phase-{number}")
        graph = Graph(os.path.join(folder, "graph"), columns)
        tracing.save(traced, graph.folder, values, phase.tensors)
        with naming_bad_rows([work.path for work in works], graph.apply, "Transform"):
            merged = analyze(make_pipeline, works, graph, phase.analyses, os.path.join(folder, "merged"))
        check_files(works, merged[READ])
        check_rows(rows, merged[READ])
        rows |= merged.pop(READ)
        finisher.merged.update(merged)
        for sink in phase.sinks:
            value = tf.constant(traverser.visit_value_node(sink.future), sink.tensor.dtype)
            check_learned(str(sink.tensor.name), value)
            values[str(sink.tensor.name)] = value
    return values, rows


def check_learned(name: str, value: tf.Tensor) -> None:
    """Looks at what an analyzer gives: with an infinite variance, say, a column would be 0 in every row.

    Raises:
        DataError: it is not finite.
    """
    if value.dtype.is_floating and not np.isfinite(value.numpy()).all():
        raise DataError(
            f"Transform, {name.partition('/')[0]}", "what the training rows teach is not finite",
            expected="numbers whose squares a float32 can hold", received=str(value.numpy().tolist())[:200],
            next_step="Look for numbers that are far too great in the column, or take its logarithm.",
        )  # fmt: skip
