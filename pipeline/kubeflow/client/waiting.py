"""Waiting for a run: the same live table as on this machine, and the same exit codes."""

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
class Pace:
    """How often to look, in seconds: at first often, since a run may fail at once, then seldom."""

    first_s: float = 1.0
    growth: float = 1.3
    most_s: float = 10.0


@dataclass(frozen=True)
class Ended:
    """How a run ended; ``summary`` is empty where its log could not be read."""

    run: Run
    nodes: list[NodeStatus]
    summary: Mapping[str, Any]

    @property
    def exit_code(self) -> int:
        """That of the run, or what its state allows to say."""
        if self.summary:
            return int(self.summary["exit_code"])
        return 0 if self.run.state == "SUCCEEDED" else 1


def wait_and_tell(connection: Connection, run: str, facts: Mapping[str, Any], as_json: bool) -> int:
    """Waits for a run, prints how it ended, and gives its exit code; ``facts`` is what JSON says of it beside."""
    try:
        ended = wait(connection, run)
    except KeyboardInterrupt:
        print(f"The run goes on: {look(connection, run)}", file=sys.stderr)
        return 1
    except MainlineError:
        print(f"Lost sight of the run, which may go on: {look(connection, run)}", file=sys.stderr)
        raise
    tell(connection, ended, facts, as_json)
    return ended.exit_code


def look(connection: Connection, run: str) -> str:
    """How to look after a run."""
    namespace = option("--namespace", connection.namespace) if connection.namespace else []
    return line(*script("kubeflow_runner.py"), "status", *option("--host", connection.host), *namespace, run)


def wait(connection: Connection, run: str, pace: Pace = Pace(), backoff: Backoff = WAITING) -> Ended:
    """Shows the nodes until the run is over; on a terminal as a table, else as lines.

    Raises:
        MainlineError: the server does not answer for some minutes.
    """
    with observing(sys.stderr) as observer:
        current = get_run(connection, run, backoff, observer.note)
        tasks = tasks_of_run(connection, current)
        nodes = nodes_of(current, tasks)
        observer.nodes(nodes)
        started(observer, nodes)
        pause_s = pace.first_s
        while not current.over:
            time.sleep(pause_s)
            pause_s = min(pause_s * pace.growth, pace.most_s)
            current = get_run(connection, run, backoff, observer.note)
            refresh(observer, nodes, nodes_of(current, tasks))
    return Ended(current, nodes, ended_summary(connection, current, tasks))


def started(observer: Observer, nodes: Sequence[NodeStatus]) -> None:
    """Tells of nodes that were under way before anybody looked."""
    for node in nodes:
        if node.state != "waiting":
            observer.changed(node)


def refresh(observer: Observer, nodes: Sequence[NodeStatus], found: Sequence[NodeStatus]) -> None:
    """Carries what was found into the nodes that are on show."""
    for node, new in zip(nodes, found, strict=True):
        changed, progressed = node.state != new.state, node.detail != new.detail
        node.state, node.detail, node.elapsed_s, node.started_s = new.state, new.detail, new.elapsed_s, new.started_s
        if changed:
            observer.changed(node)
        elif progressed:
            observer.progressed(node)


def ended_summary(connection: Connection, run: Run, tasks: Sequence[Task]) -> Mapping[str, Any]:
    """The summary of a run that is over; a log that cannot be read must not hide how the run ended."""
    try:
        return find_summary(connection, run.id, tasks, run.details)
    except MainlineError as error:
        print(error, file=sys.stderr)
        return {}


def tell(connection: Connection, ended: Ended, facts: Mapping[str, Any], as_json: bool) -> None:
    """Prints how a run ended."""
    if not ended.summary:
        print(f"The summary of the run could not be read from its log; its state is {ended.run.state}. "
              f"{ended.run.error}".rstrip(), file=sys.stderr)  # fmt: skip
    if as_json:
        told = {**facts, **facts_of(connection, ended.run, ended.nodes), "exit_code": ended.exit_code}
        print(json.dumps({**told, "summary": ended.summary or None}, indent=1))
        return
    summary = summary_of(ended.summary)
    if summary is not None:
        show(summary, as_json=False)
    elif ended.summary:
        print(f"{ended.summary.get('status')}, exit code {ended.exit_code}")
    print(f"{ended.run.state.lower()}  {connection.run_url(ended.run.id)}")
