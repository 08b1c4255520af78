"""The graph in a pod, and the cleanup after killed attempts and runs."""

from pathlib import Path

import ml_metadata as mlmd
from ml_metadata.proto import metadata_store_pb2
from tfx.orchestration import metadata

from components.artifacts.metadata_store import node_name
from components.distributed_trainer.task_files import FOLDER
from pipeline.config.root import Config
from pipeline.pipeline import create_pipeline
from pipeline.run.beam_options import check_beam
from pipeline.run.console import ProgressHandler
from pipeline.run.events import Observer
from pipeline.run.executions import clean_up_executions, executions_of_pipeline, executions_of_run
from pipeline.run.local.graph import Graph, compile_pipeline
from pipeline.run.output_folders import remove_outputs
from pipeline.run.request import RunPaths
from pipeline.run.store_identity import check_store_matches
from pipeline.settings.graph import keep_schema

Execution = metadata_store_pb2.Execution
OVER = (Execution.COMPLETE, Execution.CACHED)


def make_graph(config: Config, rows: Path, paths: RunPaths, observer: Observer, handler: ProgressHandler) -> Graph:
    check_beam(config.beam_pipeline_args, observer.note)
    keep_schema(config, paths.root)
    pipeline = create_pipeline(config, rows, paths.root)
    return Graph(compile_pipeline(pipeline, paths.run_id, None, None), observer, handler)


def clear_earlier(graph: Graph, node: str, paths: RunPaths, workers_survive: bool) -> None:
    """Clean up after killed attempts of this node and killed runs of this pipeline.

    The run holds the lease, so executions of other runs that are marked as running are dead. TFX's launcher continues
    an execution of the same node, with its id and folders. If ``workers_survive``, workers of that execution may still
    be training and writing there, so its outputs are kept.

    Raises:
        InputError: the root belongs to another store.
    """
    with metadata.Metadata(graph.connection) as handle:
        store, artifacts = handle.store, paths.root / "artifacts"
        check_store_matches(store, graph.connection.WhichOneof("config") != "sqlite", paths.root, paths.root.name)
        own = executions_of_run(store, paths.run_id)
        for execution in own:
            is_earlier_attempt = execution.last_known_state not in OVER and node_name(store, execution.id) == node
            if is_earlier_attempt and not (workers_survive and has_workers(artifacts, execution.id)):
                remove_outputs(artifacts, execution)
        if not own:
            clear_others(store, paths)


def clear_others(store: mlmd.MetadataStore, paths: RunPaths) -> None:
    """Clean up after other runs; only the first pods of a run do so."""
    # In this order: an execution that another pod of this run registers in between must not count as another run's.
    everything = executions_of_pipeline(store, paths.root.name)
    own = {execution.id for execution in executions_of_run(store, paths.run_id)}
    clean_up_executions(store, paths.root / "artifacts", [item for item in everything if item.id not in own])


def has_workers(artifacts: Path, execution_id: int) -> bool:
    """Whether an execution has started workers."""
    return any(artifacts.glob(f"*/*/{execution_id}/{FOLDER}/call.json"))
