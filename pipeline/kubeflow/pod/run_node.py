"""``python -m pipeline.kubeflow.pod.run_node``: run one node of the graph in its own pod.

The graph is built again from the config of the run, so the code is that of the image, and a run can change compiled
settings. Then TFX's portable launcher runs the node against ML Metadata on a server. Nothing here needs the SDK of
Kubeflow Pipelines.
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
from pipeline.kubeflow.pod.arguments import PodArguments, add_arguments, config_of, pod_arguments
from pipeline.kubeflow.pod.metadata_settings import from_environment
from pipeline.kubeflow.pod.node_records import NodeRecord, read_record, write_record
from pipeline.kubeflow.pod.process import running_pod, tell
from pipeline.kubeflow.pod.run_folder import enter_run
from pipeline.kubeflow.pod.volume import check_volume
from pipeline.kubeflow.volume_paths import rows_cache, rows_folder
from pipeline.metadata.server import server_error, wait_for_store
from pipeline.nodes import EXAMPLE_GEN, TRAINER
from pipeline.run.console import observing
from pipeline.run.events import NodeStatus
from pipeline.run.local.lease import hold_lease
from pipeline.run.local.runner import input_rows, progress_to
from pipeline.run.request import RunPaths
from pipeline.run.streams import run_main
from pipeline.run.summary.failures import to_mainline_error

if TYPE_CHECKING:
    from pipeline.run.local.graph import Graph


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the command line, which is written by the compiled pipeline."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.kubeflow.pod.run_node", description="Runs one node.")
    parser.add_argument("--node", required=True, help="its id")
    parser.add_argument("--after", default="", metavar="A,B", help="the ids of the nodes that it waits for")
    parser.add_argument("--metrics", type=Path, metavar="FILE", help="where to write the metrics of the model")
    parser.add_argument("--executor-output", type=Path, metavar="FILE", help="where to write the metadata of artifacts")
    add_arguments(parser)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """Run a node; an error is in the last line of the log and in the exit code."""
    options = parse(arguments)
    with running_pod(options.node) as status:
        run_node(options, pod_arguments(options))
    return status.exit_code


def run_node(options: argparse.Namespace, arguments: PodArguments) -> None:
    """Run a node, or raise the error of an earlier attempt if another one cannot succeed.

    Raises:
        MainlineError: any error, which is also in the record of the node.
    """
    check_volume(config_of(arguments).kubeflow)
    config, paths = enter_run(arguments)
    earlier = read_record(paths.folder, options.node)
    if earlier is not None and earlier.failure is not None and earlier.is_final:
        raise earlier.failure.as_error()
    status = NodeStatus(options.node)
    status.start()
    try:
        with hold_lease(paths.root, arguments.run, config.kubeflow.lease_timeout_s):
            launch(options, config, paths)
    except (Exception, KeyboardInterrupt) as error:
        settings = from_environment(config.metadata, os.environ)
        ours = server_error(settings, paths.root, error) or to_mainline_error(error, paths, "See the log of this pod.")
        status.end("failed")
        keep_record(paths, NodeRecord(status, failure=as_failure(ours)))
        raise ours from error


def launch(options: argparse.Namespace, config: Config, paths: RunPaths) -> None:
    """Prepare what the node needs, run it and write its record."""
    node, after = options.node, set(filter(None, options.after.split(",")))
    settings = from_environment(config.metadata, os.environ)
    wait_for_store(settings, paths.root, config.kubeflow.metadata_timeout_s, tell)
    config = config.model_copy(update={"metadata": settings})
    rows = prepare_rows(config) if node == EXAMPLE_GEN else rows_folder(config)
    set_worker_environment(config)
    with observing(sys.stderr) as observer, progress_to(observer) as handler:
        from pipeline.kubeflow.pod.node_graph import clear_earlier, make_graph

        graph = make_graph(config, rows, paths, observer, handler)
        check_node(node, after, graph)
        clear_earlier(graph, node, paths, workers_survive=config.training.backend == "kubernetes")
        ingested = read_record(paths.folder, EXAMPLE_GEN)
        graph.rows = dict(ingested.rows or {}) if ingested else {}
        graph.launch(node)
    keep_record(paths, NodeRecord(graph.statuses[node], ingested_rows(graph) if node == EXAMPLE_GEN else None))
    write_artifacts(options, config, graph)


def ingested_rows(graph: "Graph") -> dict[str, int]:
    """The number of rows that ExampleGen wrote per split, now or cached; other nodes are checked against it."""
    from pipeline.run.local.row_counts import rows_out

    return graph.rows or rows_out(graph.outputs.get(EXAMPLE_GEN, [])) or {}


def check_node(node: str, after: set[str], graph: "Graph") -> None:
    """Check that the graph built here agrees with the compiled pipeline on a node.

    Raises:
        ConfigError: the node does not exist, or waits for other nodes.
    """
    found = set(graph.nodes[node].upstream_nodes) if node in graph.nodes else None
    if found != after:
        raise ConfigError(
            f"node {node}", "the graph of this image differs from the compiled pipeline",
            expected=f"after {', '.join(sorted(after)) or 'no node'}",
            received="no such node" if found is None else f"after {', '.join(sorted(found)) or 'no node'}",
            next_step="Compile with the code of the image. Settings that add or remove nodes cannot be parameters.",
        )  # fmt: skip


def prepare_rows(config: Config) -> Path:
    """The folder of the rows; those of a data set are prepared on the volume."""
    if config.data.dataset is not None:
        from data.prepare import prepare

        tell("preparing rows")
        prepare(config.data.dataset, config.data.split, config.data.seed, rows_cache(config))
        return rows_folder(config)
    return input_rows(config)


def set_worker_environment(config: Config) -> None:
    """Pass to Trainer how to start workers, in the environment, so that the graph is the same everywhere."""
    os.environ[BACKEND_ENV] = config.training.backend
    pod = config.kubeflow.pod_of(WORKERS).model_copy(update={"timeout_s": config.kubeflow.pod_of(TRAINER).timeout_s})
    os.environ[WORKER_POD_ENV] = json.dumps(pod.model_dump(mode="json", exclude_none=True))


def keep_record(paths: RunPaths, record: NodeRecord) -> None:
    """Write the record of a node; without it, the log still has the error."""
    try:
        write_record(paths.folder, record)
    except OSError as error:
        tell(f"cannot write the record of {record.status.node}: {error}")


def write_artifacts(options: argparse.Namespace, config: Config, graph: "Graph") -> None:
    """Write the artifacts of a node that the page of the run shows."""
    if options.markdown is None or not graph.outputs.get(options.node):
        return
    from pipeline.kubeflow.pod.kfp_outputs import write_evaluation

    write_evaluation(config, graph, options.markdown, options.metrics, options.executor_output)


if __name__ == "__main__":
    run_main(main)
