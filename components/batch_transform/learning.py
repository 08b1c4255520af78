"""What the analyzers of a preprocessing_fn learn from the rows, phase by phase."""

import os
from collections.abc import Sequence

import tensorflow as tf
from tensorflow_transform import nodes

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

Values = dict[str, tf.Tensor]


def learn(
    make_pipeline: MakePipeline, traced: Traced, passes: Sequence[Phase], columns: Columns, works: Sequence[Work]
) -> tuple[Values, Rows]:
    """The values that analyzers give, by the names of their tensors, and the rows of each file.

    Raises:
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
        merged = analyze(make_pipeline, works, graph, phase.analyses, os.path.join(folder, "merged"))
        check_files(works, merged[READ])
        check_rows(rows, merged[READ])
        rows |= merged.pop(READ)
        finisher.merged.update(merged)
        for sink in phase.sinks:
            value = traverser.visit_value_node(sink.future)
            values[str(sink.tensor.name)] = tf.constant(value, sink.tensor.dtype)
    return values, rows
