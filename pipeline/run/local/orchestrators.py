"""Who walks the graph: a loop, or Beam."""

from collections.abc import Iterable
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from pipeline.run.local.graph import Graph

# Beam pickles its functions; in one process, a graph is found again by its run.
_RUNNING: dict[str, Graph] = {}
IN_PROCESS = ["--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner"]


def run_local(graph: Graph) -> None:
    """One node after another, in topological order."""
    for node in graph.to_run():
        graph.launch(node)


def run_on_beam(graph: Graph) -> None:
    """Each node as a Beam step that waits for the signals of the nodes before it, as TFX's BeamDagRunner does.

    The runner is named: Beam's default may try to download one.
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
    """Launches one node of a running graph; its output is empty, only its end is a signal."""

    def __init__(self, key: str, node: str) -> None:
        self.key = key
        self.node = node

    def process(self, element: Any, *signals: Iterable[Any]) -> None:
        """Runs when all signals are in."""
        _RUNNING[self.key].launch(self.node)
