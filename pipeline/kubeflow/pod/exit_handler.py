"""``python -m pipeline.kubeflow.pod.exit_handler``: the last pod of a run, which always runs.

It publishes the report, writes the summary and releases the lease. Its exit code is that of the run, except for a model
that is waiting for its reviewer, where nothing has failed.
"""

import argparse
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.support.atomic_files import write_whole
from pipeline.config.root import Config
from pipeline.errors import MainlineError
from pipeline.kubeflow.graph_nodes import EXIT_HANDLER, SUMMARY_MARKER
from pipeline.kubeflow.pod.arguments import PodArguments, add_arguments, config_of, pod_arguments
from pipeline.kubeflow.pod.metadata_settings import from_environment
from pipeline.kubeflow.pod.node_records import NodeRecord, read_record
from pipeline.kubeflow.pod.process import print_error, running_pod, tell
from pipeline.kubeflow.pod.run_folder import find_run
from pipeline.kubeflow.pod.volume import check_volume
from pipeline.kubeflow.volume_paths import pipeline_root
from pipeline.metadata.server import wait_for_store
from pipeline.run.events import NodeStatus
from pipeline.run.local.lease import release
from pipeline.run.local.runner import save_summary
from pipeline.run.request import Request, RunPaths
from pipeline.run.streams import run_main
from pipeline.run.summary.summary import AWAITING_CODE, Summary, failure_status

if TYPE_CHECKING:
    from pipeline.run.artifacts import Output


@dataclass(frozen=True)
class EndedRun:
    """The nodes of a run that has ended, and their outputs."""

    statuses: Mapping[str, NodeStatus]
    outputs: "Mapping[str, list[Output]]"
    connection: Any


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the command line, which is written by the compiled pipeline."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.kubeflow.pod.exit_handler", description="Ends a run.")
    parser.add_argument(
        "--html", type=Path, metavar="FILE", help="where to write the report that the page of the run shows"
    )
    add_arguments(parser)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """End a run; the last line of the log is its summary, or the error if there is none."""
    options = parse(arguments)
    with running_pod(EXIT_HANDLER) as status:
        try:
            summary = end_run(pod_arguments(options))
        except MainlineError as error:
            status.exit_code = print_error(EXIT_HANDLER, error)
            log_summary({"status": failure_status(error)[0], "exit_code": error.exit_code, "error": str(error)})
        else:
            write_artifacts(summary, options)
            log_summary(json.loads(summary.as_json()))
            status.exit_code = 0 if summary.exit_code == AWAITING_CODE else summary.exit_code
    return status.exit_code


def end_run(arguments: PodArguments) -> Summary:
    """Summarize a run and release its lease, even after an error.

    Raises:
        InputError: none of its nodes has started.
        MainlineError: the volume or ML Metadata does not answer.
    """
    initial = config_of(arguments)
    # On a full volume the lease can still be released.
    check_volume(initial.kubeflow, writable=False)
    root = pipeline_root(initial)
    try:
        config, paths = find_run(root, arguments.run)
        settings = from_environment(config.metadata, os.environ)
        connection = wait_for_store(settings, root, config.kubeflow.metadata_timeout_s, tell)
        return summarize_run(config.model_copy(update={"metadata": settings}), paths, connection)
    finally:
        release(root, arguments.run)


def summarize_run(config: Config, paths: RunPaths, connection: Any) -> Summary:
    """Clean up ML Metadata, publish the report and write the summary."""
    from pipeline.kubeflow.graph_nodes import graph_nodes
    from pipeline.run.summary.outcome import summarize
    from pipeline.run.summary.results import judge, publish_report

    records = {node.id: read_record(paths.folder, node.id) for node in graph_nodes(config)}
    statuses = {node: status_of(node, record) for node, record in records.items()}
    ended = EndedRun(statuses, clean_up(connection, paths), connection)
    error = first_failure(records)
    verdict = judge(ended, config)
    report = publish_report(ended, paths, config, error, tell)
    began_s = (paths.folder / "config.yaml").stat().st_mtime
    request = Request(config=config.name, root=paths.root.parent)
    summary = summarize(paths, config, request, ended, verdict, report, error, max(0.0, time.time() - began_s))
    save_summary(summary, paths)
    return summary


def clean_up(connection: Any, paths: RunPaths) -> "Mapping[str, list[Output]]":
    """Mark running executions as failed, since no other pod is left, and return the outputs of all nodes."""
    from tfx.orchestration import metadata

    from pipeline.run.executions import clean_up_executions, executions_of_run
    from pipeline.run.summary.report import outputs_of_run

    with metadata.Metadata(connection) as handle:
        clean_up_executions(handle.store, paths.root / "artifacts", executions_of_run(handle.store, paths.run_id))
        return outputs_of_run(handle.store, paths.run_id)


def status_of(node: str, record: NodeRecord | None) -> NodeStatus:
    """The status of a node; without a record it was never started, or killed."""
    return record.status if record else NodeStatus(node)


def first_failure(records: Mapping[str, NodeRecord | None]) -> MainlineError | None:
    """The earliest failure; without any, a node that left no record was killed or never started."""
    failed = [record.failure for record in records.values() if record and record.failure]
    if failed:
        return min(failed, key=lambda failure: failure.at_s).as_error()
    missing = [node for node, record in records.items() if record is None]
    if missing:
        return MainlineError(
            missing[0], "did not finish", received="its pod was killed, or never started",
            next_step="Look at the events of its pod: memory, time limit, scheduling, image.",
        )  # fmt: skip
    return None


def write_artifacts(summary: Summary, options: argparse.Namespace) -> None:
    """Write the artifacts that the page of the run shows; without them, the summary is still in the log."""
    from pipeline.kubeflow.pod.kfp_outputs import summary_text

    try:
        if options.markdown:
            write_whole(options.markdown, summary_text(summary).encode("utf-8"))
        if options.html and summary.report:
            write_whole(options.html, Path(summary.report).read_bytes())
    except OSError as error:
        tell(f"cannot write what the page of the run shows: {error}")


def log_summary(facts: Mapping[str, Any]) -> None:
    """Print the summary as the last line of the log, where clients find it."""
    print(f"{SUMMARY_MARKER} {json.dumps(facts)}", flush=True)


if __name__ == "__main__":
    run_main(main)
