"""The nodes of the graph and their order, on which a compiled pipeline and its pods must agree."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.config.root import Config, Metadata

# Names of pods that are not nodes; ``kubeflow.pods`` of a config can name them too.
EXIT_HANDLER, WORKERS = "Finish", "Workers"
# Precedes the summary, a line of JSON, in the log of the exit handler.
SUMMARY_MARKER = "MAINLINE_SUMMARY"


@dataclass(frozen=True)
class GraphNode:
    """A node of the graph, and the ids of the nodes that it waits for."""

    id: str
    upstream: tuple[str, ...]


def graph_nodes(config: Config) -> tuple[GraphNode, ...]:
    """The nodes of the graph as TFX compiles it, in topological order."""
    from tfx.dsl.compiler.compiler import Compiler

    from pipeline.pipeline import create_pipeline

    # Ids and order depend on neither metadata, rows nor root, so no password and no files are needed.
    without_server = config.model_copy(update={"metadata": Metadata()})
    ir = Compiler().compile(create_pipeline(without_server, Path("/rows"), Path("/root")))
    nodes = [node.pipeline_node for node in ir.nodes]
    return tuple(GraphNode(node.node_info.id, tuple(sorted(node.upstream_nodes))) for node in nodes)
