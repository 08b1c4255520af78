"""The nodes of the graph, and what each waits for: what a compiled pipeline and a pod of it must agree on."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.config.root import Config, Metadata

# Pods that are no node of the graph, and that the section ``kubeflow.pods`` may name.
FINISH, WORKERS = "Finish", "Workers"
# Before the summary, as one line of JSON, in the log of the last pod.
SUMMARY = "MAINLINE_SUMMARY"


@dataclass(frozen=True)
class Step:
    """A node of the graph, and those that it waits for."""

    node: str
    after: tuple[str, ...]


def steps_of(config: Config) -> tuple[Step, ...]:
    """The nodes of the graph as TFX compiles it, in topological order."""
    from tfx.dsl.compiler.compiler import Compiler

    from pipeline.pipeline import create_pipeline

    # Only what the nodes are called and wait for is asked: no password, no rows, no root is needed.
    anywhere = config.model_copy(update={"metadata": Metadata()})
    ir = Compiler().compile(create_pipeline(anywhere, Path("/rows"), Path("/root")))
    nodes = [node.pipeline_node for node in ir.nodes]
    return tuple(Step(node.node_info.id, tuple(sorted(node.upstream_nodes))) for node in nodes)
