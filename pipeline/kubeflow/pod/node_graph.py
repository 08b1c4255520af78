"""The graph in a pod: built from the config of the run, with what earlier tries and earlier runs left put in order."""

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


def make_graph(config: Config, rows: Path, place: RunPaths, observer: Observer, handler: ProgressHandler) -> Graph:
    """The graph of a run."""
    check_beam(config.beam_pipeline_args, observer.note)
    keep_schema(config, place.root)
    pipeline = create_pipeline(config, rows, place.root)
    return Graph(compile_pipeline(pipeline, place.run_id, None, None), observer, handler)


def clear(graph: Graph, node: str, place: RunPaths, workers_live_on: bool) -> None:
    """Puts in order what a killed try of this node left, and what killed runs of this pipeline left.

    The lease says that no other run of the pipeline is at work, so all that looks alive of others is dead. An execution
    of this very node is taken up again by TFX's launcher, with its id and its folders. ``workers_live_on`` says that
    workers which it has started may still be training, and write there.

    Raises:
        InputError: the root belongs to another store.
    """
    with metadata.Metadata(graph.connection) as handle:
        store, artifacts = handle.store, place.root / "artifacts"
        check_store_matches(store, graph.connection.WhichOneof("config") != "sqlite", place.root, place.root.name)
        own = executions_of_run(store, place.run_id)
        for execution in own:
            is_earlier_try = execution.last_known_state not in OVER and node_name(store, execution.id) == node
            if is_earlier_try and not (workers_live_on and has_workers(artifacts, execution.id)):
                remove_outputs(artifacts, execution)
        if not own:
            clear_others(store, place)


def clear_others(store: mlmd.MetadataStore, place: RunPaths) -> None:
    """Clears what other runs left; once a run, by its first pods."""
    # Asked for in this order, no execution that another pod of this run registers meanwhile counts as another's.
    everything = executions_of_pipeline(store, place.root.name)
    own = {execution.id for execution in executions_of_run(store, place.run_id)}
    clean_up_executions(store, place.root / "artifacts", [item for item in everything if item.id not in own])


def has_workers(artifacts: Path, execution_id: int) -> bool:
    """Whether an execution has started workers."""
    return any(artifacts.glob(f"*/*/{execution_id}/{FOLDER}/call.json"))
