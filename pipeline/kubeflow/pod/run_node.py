"""``python -m pipeline.kubeflow.pod.run_node``: one node of the graph in a pod of its own.

The graph is built anew from the config of the run, as on one machine, so that the code that runs is that of the image,
and a run may change settings that were compiled; TFX's portable launcher then runs the node against ML Metadata on a
server. Nothing here needs Kubeflow Pipelines.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from components.distributed_trainer.cluster import BACKEND_ENV
from components.distributed_trainer.kubernetes.worker_pod import WORKER_POD_ENV
from components.support.failure import as_failure
from pipeline.config.root import Config
from pipeline.errors import ConfigError
from pipeline.kubeflow.graph_nodes import WORKERS
from pipeline.kubeflow.pod.lease import leased
from pipeline.kubeflow.pod.metadata_settings import from_environment
from pipeline.kubeflow.pod.node_records import Record, read_record, write_record
from pipeline.kubeflow.pod.process import running_pod, tell
from pipeline.kubeflow.pod.run_folder import (
    Asked,
    add_arguments,
    asked_config,
    asked_of,
    begin,
    rows_cache,
    rows_folder,
)
from pipeline.kubeflow.pod.volume import check_volume
from pipeline.metadata.server import server_error, wait_for_store
from pipeline.nodes import EXAMPLE_GEN, TRAINER
from pipeline.run.console import observing
from pipeline.run.events import NodeStatus
from pipeline.run.local.runner import input_rows, progress_to
from pipeline.run.request import RunPaths
from pipeline.run.streams import run_main
from pipeline.run.summary.failures import to_mainline_error

if TYPE_CHECKING:
    from pipeline.run.local.graph import Graph


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Reads the command line, which the compiled pipeline writes."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.kubeflow.pod.run_node", description="Runs one node.")
    parser.add_argument("--node", required=True, help="which one")
    parser.add_argument("--after", default="", metavar="A,B", help="the nodes that it waits for, as compiled")
    parser.add_argument("--metrics", type=Path, metavar="FILE", help="of the artifact with the model's metrics")
    parser.add_argument("--executor-output", type=Path, metavar="FILE", help="where artifacts get their metadata")
    add_arguments(parser)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """Runs a node; what goes wrong is the last line and the exit code."""
    options = parse(arguments)
    with running_pod(options.node) as ended:
        run_node(options, asked_of(options))
    return ended.exit_code


def run_node(options: argparse.Namespace, asked: Asked) -> None:
    """Runs a node of a run, or tells again what its first try failed of for good.

    Raises:
        MainlineError: any failure, in our words; it is in the record of the node, too.
    """
    check_volume(asked_config(asked).kubeflow)
    config, place = begin(asked)
    earlier = read_record(place.folder, options.node)
    if earlier is not None and earlier.failure is not None and earlier.is_final:
        raise earlier.failure.as_error()
    status = NodeStatus(options.node)
    status.start()
    try:
        with leased(place.root, asked.run, config.kubeflow.lease_timeout_s):
            launch(options, config, place)
    except (Exception, KeyboardInterrupt) as error:
        settings = from_environment(config.metadata, os.environ)
        ours = server_error(settings, place.root, error) or to_mainline_error(
            error, place, "The log of this pod says more."
        )
        status.end("failed")
        keep(place, Record(status, failure=as_failure(ours)))
        raise ours from error


def launch(options: argparse.Namespace, config: Config, place: RunPaths) -> None:
    """Makes ready what the node needs, then runs it and keeps its record."""
    node, after = options.node, set(filter(None, options.after.split(",")))
    settings = from_environment(config.metadata, os.environ)
    wait_for_store(settings, place.root, config.kubeflow.metadata_timeout_s, tell)
    config = config.model_copy(update={"metadata": settings})
    rows = ready_rows(config) if node == EXAMPLE_GEN else rows_folder(config)
    tell_workers(config)
    with observing(sys.stderr) as observer, progress_to(observer) as handler:
        from pipeline.kubeflow.pod.node_graph import clear, make_graph

        graph = make_graph(config, rows, place, observer, handler)
        check_node(node, after, graph)
        clear(graph, node, place, workers_live_on=config.training.backend == "kubernetes")
        ingested = read_record(place.folder, EXAMPLE_GEN)
        graph.rows = dict(ingested.rows or {}) if ingested else {}
        graph.launch(node)
    keep(place, Record(graph.statuses[node], ingested_rows(graph) if node == EXAMPLE_GEN else None))
    show(options, config, graph)


def ingested_rows(graph: "Graph") -> dict[str, int]:
    """The rows of each split as ExampleGen gave them, now or from the cache: what all other nodes are held to."""
    from pipeline.run.local.row_counts import rows_out

    return graph.rows or rows_out(graph.outputs.get(EXAMPLE_GEN, [])) or {}


def check_node(node: str, after: set[str], graph: "Graph") -> None:
    """The graph of this image and config must be the one that was compiled, at least around the node.

    Raises:
        ConfigError: the node is not in it, or waits for others.
    """
    found = set(graph.nodes[node].upstream_nodes) if node in graph.nodes else None
    if found != after:
        raise ConfigError(
            f"node {node}", "this image makes another graph of the config than the one that was compiled",
            expected=f"a node {node} after {', '.join(sorted(after)) or 'no other'}",
            received="no such node" if found is None else f"after {', '.join(sorted(found)) or 'no other'}",
            next_step="Compile again with the code of the image. A setting that adds or removes nodes cannot be a "
            "parameter of a run.",
        )  # fmt: skip


def ready_rows(config: Config) -> Path:
    """The rows, prepared on the volume if they are those of a data set."""
    if config.data.dataset is not None:
        from data.prepare import prepare

        tell("preparing rows")
        prepare(config.data.dataset, config.data.split, config.data.seed, rows_cache(config))
        return rows_folder(config)
    return input_rows(config)


def tell_workers(config: Config) -> None:
    """What Trainer needs to know to start workers, by its environment: the graph is the same everywhere."""
    os.environ[BACKEND_ENV] = config.training.backend
    pod = config.kubeflow.pod_of(WORKERS).model_copy(update={"timeout_s": config.kubeflow.pod_of(TRAINER).timeout_s})
    os.environ[WORKER_POD_ENV] = json.dumps(pod.model_dump(mode="json", exclude_none=True))


def keep(place: RunPaths, record: Record) -> None:
    """Writes the record; where that fails, the last line of the log must do."""
    try:
        write_record(place.folder, record)
    except OSError as error:
        tell(f"the record of {record.status.node} could not be written: {error}")


def show(options: argparse.Namespace, config: Config, graph: "Graph") -> None:
    """Writes what the page of the run shows of this node."""
    if options.markdown is None or not graph.outputs.get(options.node):
        return
    from pipeline.kubeflow.pod.kfp_outputs import show_evaluation

    show_evaluation(config, graph, options.markdown, options.metrics, options.executor_output)


if __name__ == "__main__":
    run_main(main)
