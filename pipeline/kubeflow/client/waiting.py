"""Wait for a run, with the live table and the exit codes of a local run."""

import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.support.retry import Backoff
from pipeline.errors import MainlineError
from pipeline.kubeflow.client.api_errors import WAITING
from pipeline.kubeflow.client.connection import Connection
from pipeline.kubeflow.client.logs import find_summary, summary_of
from pipeline.kubeflow.client.runs import Run, facts_of, get_run, nodes_of, tasks_of_run
from pipeline.kubeflow.client.tasks import Task
from pipeline.run.console import observing
from pipeline.run.events import NodeStatus, Observer
from pipeline.run.summary.summary import show
from pipeline.shell import line, option, script


@dataclass(frozen=True)
class PollInterval:
    """The pauses between two polls in seconds: short at first, since a run may fail at once, then longer."""

    first_s: float = 1.0
    growth: float = 1.3
    longest_s: float = 10.0


@dataclass(frozen=True)
class EndedRun:
    """A run that has ended; ``summary`` is empty if its log could not be read."""

    run: Run
    nodes: list[NodeStatus]
    summary: Mapping[str, Any]

    @property
    def exit_code(self) -> int:
        """The exit code in the summary, or else 0 for success and 1 for anything else."""
        if self.summary:
            return int(self.summary["exit_code"])
        return 0 if self.run.state == "SUCCEEDED" else 1


def wait_and_report(connection: Connection, run: str, facts: Mapping[str, Any], as_json: bool) -> int:
    """Wait for a run, print how it ended, and return its exit code; ``facts`` are added to JSON output."""
    try:
        ended = wait(connection, run)
    except KeyboardInterrupt:
        print(f"The run continues: {status_command(connection, run)}", file=sys.stderr)
        return 1
    except MainlineError:
        print(f"Lost the connection; the run may continue: {status_command(connection, run)}", file=sys.stderr)
        raise
    print_ended(connection, ended, facts, as_json)
    return ended.exit_code


def status_command(connection: Connection, run: str) -> str:
    """The command line that shows a run."""
    namespace = option("--namespace", connection.namespace) if connection.namespace else []
    return line(*script("kubeflow_runner.py"), "status", *option("--host", connection.host), *namespace, run)


def wait(connection: Connection, run: str, poll: PollInterval = PollInterval(), backoff: Backoff = WAITING) -> EndedRun:
    """Show the nodes until the run ends: on a terminal as a table, otherwise as lines.

    Raises:
        MainlineError: the server does not answer for some minutes.
    """
    with observing(sys.stderr) as observer:
        current = get_run(connection, run, backoff, observer.note)
        tasks = tasks_of_run(connection, current)
        nodes = nodes_of(current, tasks)
        observer.nodes(nodes)
        report_started(observer, nodes)
        pause_s = poll.first_s
        while not current.ended:
            time.sleep(pause_s)
            pause_s = min(pause_s * poll.growth, poll.longest_s)
            current = get_run(connection, run, backoff, observer.note)
            update_nodes(observer, nodes, nodes_of(current, tasks))
    return EndedRun(current, nodes, read_summary(connection, current, tasks))


def report_started(observer: Observer, nodes: Sequence[NodeStatus]) -> None:
    """Report the nodes that had started before the first poll."""
    for node in nodes:
        if node.state != "waiting":
            observer.changed(node)


def update_nodes(observer: Observer, nodes: Sequence[NodeStatus], polled: Sequence[NodeStatus]) -> None:
    """Update the shown nodes, and report changes."""
    for node, new in zip(nodes, polled, strict=True):
        changed, progressed = node.state != new.state, node.detail != new.detail
        node.state, node.detail, node.elapsed_s, node.started_s = new.state, new.detail, new.elapsed_s, new.started_s
        if changed:
            observer.changed(node)
        elif progressed:
            observer.progressed(node)


def read_summary(connection: Connection, run: Run, tasks: Sequence[Task]) -> Mapping[str, Any]:
    """The summary of a run that has ended, empty if its log cannot be read: its state is still known."""
    try:
        return find_summary(connection, run.id, tasks, run.argo_nodes)
    except MainlineError as error:
        print(error, file=sys.stderr)
        return {}


def print_ended(connection: Connection, ended: EndedRun, facts: Mapping[str, Any], as_json: bool) -> None:
    if not ended.summary:
        print(f"The summary could not be read from the log of the run. Its state is {ended.run.state}. "
              f"{ended.run.error}".rstrip(), file=sys.stderr)  # fmt: skip
    if as_json:
        result = {**facts, **facts_of(connection, ended.run, ended.nodes), "exit_code": ended.exit_code}
        print(json.dumps({**result, "summary": ended.summary or None}, indent=1))
        return
    summary = summary_of(ended.summary)
    if summary is not None:
        show(summary, as_json=False)
    elif ended.summary:
        print(f"{ended.summary.get('status')}, exit code {ended.exit_code}")
    print(f"{ended.run.state.lower()}  {connection.run_url(ended.run.id)}")
