"""Run a pipeline on this machine: config, data, lock, graph, verdict, summary."""

import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from components.compat.tfx import startup
from components.distributed_trainer.cluster import BACKEND_ENV
from components.distributed_trainer.xla_support import check_compiled, has_gpu
from components.support import garbage_collection
from components.support.atomic_files import write_whole
from data.fetch import DEFAULT_CACHE
from data.prepare import prepare
from data.spans import without_rows
from pipeline.config.load import dump_config, load_config
from pipeline.config.root import Config
from pipeline.metadata.server import server_error, wait_for_store
from pipeline.run.console import ProgressHandler, observing
from pipeline.run.events import Observer
from pipeline.run.local.lock import resolve_folder, run_lock
from pipeline.run.local.run_ids import new_run_id
from pipeline.run.local.spans import no_rows, resolve_span
from pipeline.run.local.temporary_files import temporary_folder
from pipeline.run.log_redirect import redirect_output
from pipeline.run.request import Request, RunPaths
from pipeline.run.signals import signals_as_interrupt, signals_ignored, stop_requested
from pipeline.run.summary.failures import to_mainline_error
from pipeline.run.summary.outcome import summarize
from pipeline.run.summary.results import judge, publish_report
from pipeline.run.summary.summary import Summary, show

if TYPE_CHECKING:
    from pipeline.run.local.graph import Graph

# Long enough for a database server to restart.
STORE_PATIENCE_S = 10.0


def run(request: Request) -> int:
    """Run a pipeline, print its summary and return the exit code.

    Raises:
        InputError: nothing was started, for example because the config cannot be used or no span is complete.
        MachineError: the files of the run cannot be written.
        MainlineError: another run holds the root.
    """
    config = resolve_span(load_config(request.config, request.overrides, request.env), print_error)
    root = resolve_folder(request.root) / config.name
    try:
        summary = run_locked(root, config, request)
    except OSError as error:
        raise to_mainline_error(error, RunPaths(root, root / "history", "")) from error
    show(summary, request.as_json)
    return summary.exit_code


def run_locked(root: Path, config: Config, request: Request) -> Summary:
    """Run while holding the lock of the root; config, log and summary are written to the folder of the run."""
    run_id = new_run_id(root / "history", datetime.now(timezone.utc))
    with run_lock(root, run_id), signals_as_interrupt():
        paths = RunPaths(root, root / "history" / run_id, run_id)
        paths.folder.mkdir(parents=True)
        write_whole(paths.folder / "config.yaml", dump_config(config).encode())
        with temporary_folder(root):
            summary = run_logged(paths, config, request)
        with signals_ignored():
            save_summary(summary, paths)
    return summary


def print_error(text: str) -> None:
    """Print a message on standard error."""
    print(text, file=sys.stderr)


def save_summary(summary: Summary, paths: RunPaths) -> None:
    """Write the summary beside the log; if the disk is full, it is only printed."""
    try:
        write_whole(paths.folder / "summary.json", f"{summary.as_json()}\n".encode())
    except OSError as error:
        print(f"summary.json could not be written: {error}", file=sys.stderr)


def run_logged(paths: RunPaths, config: Config, request: Request) -> Summary:
    """Run with all output of libraries in the log."""
    started_s = time.monotonic()
    os.environ[BACKEND_ENV] = config.training.backend
    with redirect_output(paths.log) as terminal, observing(terminal) as observer, progress_to(observer) as handler:
        graph, verdict, error = None, None, None
        try:
            if config.training.backend == "local":
                check_compiled(config.training.strategy, config.training.jit_compile, has_gpu(), "this machine")
            observer.note("preparing rows")
            rows = input_rows(config)
            observer.note("loading TensorFlow and TFX")
            graph = make_graph(paths, config, request, rows, observer, handler)
            run_nodes(graph, request.orchestrator)
            verdict = judge(graph, config)
        except (Exception, KeyboardInterrupt) as raised:
            logging.getLogger(__name__).error("the run failed", exc_info=True)
            first = graph.failure or raised if graph else raised
            server = None if stop_requested() else server_error(config.metadata, paths.root, first)
            error = server or to_mainline_error(first, paths)
            if graph is not None:
                fail_unfinished(graph, paths)
        report = publish_report(graph, paths, config, error, observer.note) if graph else None
    return summarize(paths, config, request, graph, verdict, report, error, time.monotonic() - started_s)


def fail_unfinished(graph: "Graph", paths: RunPaths) -> None:
    """Mark unfinished executions of the run as failed and remove their outputs; if that fails, the next run does it."""
    from tfx.orchestration import metadata

    from pipeline.run.executions import clean_up_executions, executions_of_run

    with signals_ignored():
        try:
            with metadata.Metadata(graph.connection) as handle:
                clean_up_executions(
                    handle.store, paths.root / "artifacts", executions_of_run(handle.store, paths.run_id)
                )
        except Exception:
            logging.getLogger(__name__).warning("executions were left unfinished in ML Metadata", exc_info=True)


@contextmanager
def progress_to(observer: Observer) -> Iterator[ProgressHandler]:
    """Forward progress messages of executors, which are also logged, to the observer."""
    handler = ProgressHandler(observer)
    progress = logging.getLogger("mainline.progress")
    progress.setLevel(logging.INFO)
    progress.addHandler(handler)
    try:
        yield handler
    finally:
        progress.removeHandler(handler)


def input_rows(config: Config) -> Path:
    """The folder of the rows: a data set, which is prepared if necessary, or the user's own folder or latest span.

    Raises:
        DataError: the folder or one of its splits does not exist, or no span is complete.
    """
    data = resolve_span(config).data
    if data.dataset is not None:
        return prepare(data.dataset, data.split, data.seed, DEFAULT_CACHE).path
    folder = resolve_folder(Path(data.path or ""))
    missing = without_rows(folder, data.is_divided)
    if missing:
        raise no_rows(folder, data.is_divided, missing)
    return folder


def make_graph(
    paths: RunPaths, config: Config, request: Request, rows: Path, observer: Observer, handler: ProgressHandler
) -> "Graph":
    """Import TFX, build and compile the pipeline, and clean up after a killed run.

    Raises:
        InputError: the root belongs to another ML Metadata store.
        ConfigError: Beam's options are invalid, or the nodes to reuse ran with other settings.
        MachineError: a server that runs Beam's pipelines does not answer.
    """
    startup.prepare_process()
    from tfx.orchestration import metadata

    from pipeline.pipeline import create_pipeline
    from pipeline.run.beam_options import check_beam
    from pipeline.run.executions import clean_up_executions, unfinished_in_root
    from pipeline.run.local.graph import Graph, compile_pipeline
    from pipeline.run.local.partial_run import reuse_matching_run
    from pipeline.run.store_identity import check_store_exists, check_store_matches
    from pipeline.settings.graph import keep_schema

    check_beam(config.beam_pipeline_args, observer.note)
    if config.metadata.backend != "sqlite":
        wait_for_store(config.metadata, paths.root, STORE_PATIENCE_S, observer.note)
    pipeline = create_pipeline(config, rows, paths.root, enable_cache=request.cache)
    ir = compile_pipeline(pipeline, paths.run_id, request.from_node, request.to_node)
    check_store_exists(pipeline.metadata_connection_config, paths.root)
    with metadata.Metadata(pipeline.metadata_connection_config) as handle:
        # A store on a server may have running executions of other roots, which our lock does not stop.
        shared = config.metadata.backend != "sqlite"
        check_store_matches(handle.store, shared, paths.root, config.name)
        clean_up_executions(
            handle.store, paths.root / "artifacts", unfinished_in_root(handle.store, paths.root) if shared else None
        )
        reuse_matching_run(handle.store, ir, paths.run_id)
    keep_schema(config, paths.root)
    return Graph(ir, observer, handler)


def run_nodes(graph: "Graph", orchestrator: str) -> None:
    from pipeline.run.local.orchestrators import run_local, run_on_beam

    with garbage_collection.ignoring_imports():
        (run_on_beam if orchestrator == "beam" else run_local)(graph)
