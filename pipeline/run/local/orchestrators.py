"""Two ways to run the nodes of a graph: in a loop, or by Beam."""

from collections.abc import Iterable
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from pipeline.run.local.graph import Graph

# Beam pickles its functions, but not a graph: within this process, steps find it by its key.
_RUNNING: dict[str, Graph] = {}
IN_PROCESS = ["--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner"]


def run_local(graph: Graph) -> None:
    """Run one node after another, in topological order."""
    for node in graph.to_run():
        graph.launch(node)


def run_on_beam(graph: Graph) -> None:
    """Run each node as a Beam step that waits for the steps of its upstream nodes, as TFX's BeamDagRunner does.

    The runner is set explicitly, because Beam's default may try to download one.
    """
    key = str(id(graph))
    _RUNNING[key] = graph
    try:
        with beam.Pipeline(options=PipelineOptions(IN_PROCESS)) as steps:
            root = steps | beam.Create([None])
            signals: dict[str, beam.PCollection] = {}
            for node in graph.to_run():
                waits = [
                    beam.pvalue.AsIter(signals[name]) for name in graph.nodes[node].upstream_nodes if name in signals
                ]
                signals[node] = root | node >> beam.ParDo(LaunchNode(key, node), *waits)
    finally:
        del _RUNNING[key]


@beam.typehints.with_input_types(Any)
@beam.typehints.with_output_types(Any)
class LaunchNode(beam.DoFn):
    """Launches one node of a graph. Its output is empty; downstream nodes wait for its end."""

    def __init__(self, key: str, node: str) -> None:
        self.key = key
        self.node = node

    def process(self, element: Any, *signals: Iterable[Any]) -> None:
        """Launch the node; Beam calls this when all upstream steps have ended."""
        _RUNNING[self.key].launch(self.node)
