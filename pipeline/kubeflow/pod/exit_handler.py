"""``python -m pipeline.kubeflow.pod.exit_handler``: the last pod of a run, whatever came before it.

It says how the run ended, publishes the report, writes the summary, and gives the lease back. Its own exit code is that
of the run, but for a model that waits for its reviewer: nothing has failed there.
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
from pipeline.kubeflow.graph_nodes import FINISH, SUMMARY
from pipeline.kubeflow.pod.lease import release
from pipeline.kubeflow.pod.metadata_settings import from_environment
from pipeline.kubeflow.pod.node_records import Record, read_record
from pipeline.kubeflow.pod.process import explain, running_pod, tell
from pipeline.kubeflow.pod.run_folder import Asked, add_arguments, asked_config, asked_of, begun, pipeline_root
from pipeline.kubeflow.pod.volume import check_volume
from pipeline.metadata.server import wait_for_store
from pipeline.run.events import NodeStatus
from pipeline.run.local.runner import save_summary
from pipeline.run.request import Request, RunPaths
from pipeline.run.streams import run_main
from pipeline.run.summary.summary import AWAITING_CODE, Summary, failure_status

if TYPE_CHECKING:
    from pipeline.run.artifacts import Output


@dataclass(frozen=True)
class Walk:
    """What is known of a run that is over."""

    statuses: Mapping[str, NodeStatus]
    outputs: "Mapping[str, list[Output]]"
    connection: Any


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Reads the command line, which the compiled pipeline writes."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.kubeflow.pod.exit_handler", description="Ends a run.")
    parser.add_argument("--html", type=Path, metavar="FILE", help="where to write the report for the page of the run")
    add_arguments(parser)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """Ends a run; the last line is its summary, or what there is to say of a run that has none."""
    options = parse(arguments)
    with running_pod(FINISH) as ended:
        try:
            summary = finish(asked_of(options))
        except MainlineError as error:
            ended.exit_code = explain(FINISH, error)
            say_summary({"status": failure_status(error)[0], "exit_code": error.exit_code, "error": str(error)})
        else:
            show(summary, options)
            ended.exit_code = 0 if summary.exit_code == AWAITING_CODE else summary.exit_code
    return ended.exit_code


def finish(asked: Asked) -> Summary:
    """Ends a run and gives its lease back, whatever goes wrong on the way.

    Raises:
        InputError: no node of it has begun.
        MainlineError: the volume or ML Metadata does not answer.
    """
    first = asked_config(asked)
    # A full volume must not keep the lease.
    check_volume(first.kubeflow, writable=False)
    root = pipeline_root(first)
    try:
        config, place = begun(root, asked.run)
        settings = from_environment(config.metadata, os.environ)
        connection = wait_for_store(settings, root, config.kubeflow.metadata_timeout_s, tell)
        return end(config.model_copy(update={"metadata": settings}), place, connection)
    finally:
        release(root, asked.run)


def end(config: Config, place: RunPaths, connection: Any) -> Summary:
    """Puts ML Metadata in order, then writes report and summary."""
    from pipeline.kubeflow.graph_nodes import steps_of
    from pipeline.run.summary.outcome import summarize
    from pipeline.run.summary.results import judge, publish_report

    records = {step.node: read_record(place.folder, step.node) for step in steps_of(config)}
    walk = Walk({node: status_of(node, record) for node, record in records.items()}, ended_outputs(connection, place),
                connection)  # fmt: skip
    error = first_failure(records)
    verdict = judge(walk, config)
    report = publish_report(walk, place, config, error, tell)
    began_s = (place.folder / "config.yaml").stat().st_mtime
    request = Request(config=config.name, root=place.root.parent)
    summary = summarize(place, config, request, walk, verdict, report, error, max(0.0, time.time() - began_s))
    save_summary(summary, place)
    return summary


def ended_outputs(connection: Any, place: RunPaths) -> "Mapping[str, list[Output]]":
    """What the nodes gave; executions that look alive are marked as failed, since no pod of the run is left."""
    from tfx.orchestration import metadata

    from pipeline.run.executions import clean_up_executions, executions_of_run
    from pipeline.run.summary.report import outputs_of_run

    with metadata.Metadata(connection) as handle:
        clean_up_executions(handle.store, place.root / "artifacts", executions_of_run(handle.store, place.run_id))
        return outputs_of_run(handle.store, place.run_id)


def status_of(node: str, record: Record | None) -> NodeStatus:
    """How far a node came; one that left no record was never started, or killed."""
    return record.status if record else NodeStatus(node)


def first_failure(records: Mapping[str, Record | None]) -> MainlineError | None:
    """What the first node failed of, in time; a node without a word was killed, if others wait for it in vain."""
    failed = [record.failure for record in records.values() if record and record.failure]
    if failed:
        return min(failed, key=lambda failure: failure.at_s).as_error()
    silent = [node for node, record in records.items() if record is None]
    if silent:
        return MainlineError(
            silent[0], "it did not come to an end", received="its pod was stopped, or never started",
            next_step="Look at the events of its pod: out of memory, out of time, no place, no image.",
        )  # fmt: skip
    return None


def show(summary: Summary, options: argparse.Namespace) -> None:
    """What the page of the run shows, and the last line of the log."""
    from pipeline.kubeflow.pod.kfp_outputs import summary_text

    try:
        if options.markdown:
            write_whole(options.markdown, summary_text(summary).encode("utf-8"))
        if options.html and summary.report:
            write_whole(options.html, Path(summary.report).read_bytes())
    except OSError as error:
        tell(f"what the page of the run shows could not be written: {error}")
    say_summary(json.loads(summary.as_json()))


def say_summary(facts: Mapping[str, Any]) -> None:
    """The last line of the log, by which whoever waits for the run knows how it ended."""
    print(f"{SUMMARY} {json.dumps(facts)}", flush=True)


if __name__ == "__main__":
    run_main(main)
