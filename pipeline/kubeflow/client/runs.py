"""Runs on the cluster, and the commands ``status``, ``logs`` and ``cancel``."""

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import Any

from rich.console import Console

from components.support.retry import Backoff
from pipeline.errors import MainlineError
from pipeline.kubeflow.client.api_errors import READING
from pipeline.kubeflow.client.connection import Connection
from pipeline.kubeflow.client.logs import LogPrinter, find_summary, select_tasks
from pipeline.kubeflow.client.tasks import FINAL, ArgoNode, Task, argo_nodes_of, observe, tasks_of
from pipeline.run.console import table
from pipeline.run.events import NodeStatus

FOLLOW_EVERY_S = 2.0
CANCEL_EVERY_S = 1.0


@dataclass(frozen=True)
class Run:
    """The state of a run on the server; ``state`` is empty until the server has seen it."""

    id: str
    name: str
    state: str
    error: str
    argo_nodes: tuple[ArgoNode, ...]
    pipeline: str
    version: str

    @property
    def ended(self) -> bool:
        """Whether the run has reached a final state."""
        return self.state in FINAL


def run_id(text: str) -> str:
    """The id in the argument of a command: an id, or the URL of a page.

    >>> run_id("https://kubeflow.example.com/#/runs/details/5f0c")
    '5f0c'
    """
    return text.rstrip("/").rpartition("/")[2]


def get_run(connection: Connection, run: str, backoff: Backoff = READING, tell: Any = lambda _: None) -> Run:
    """Get a run; ``tell`` is called before each retry.

    Raises:
        InputError: there is no run with this id.
    """
    return run_of(connection.call(f"run {run}", connection.client.get_run, run, backoff=backoff, tell=tell))


def run_of(answer: Any) -> Run:
    """Convert a run of the SDK."""
    reference = answer.pipeline_version_reference
    return Run(
        id=answer.run_id,
        name=answer.display_name or "",
        state=answer.state or "",
        error=(answer.error.message or "") if answer.error else "",
        argo_nodes=tuple(argo_nodes_of(answer)),
        pipeline=(reference.pipeline_id or "") if reference else "",
        version=(reference.pipeline_version_id or "") if reference else "",
    )


def tasks_of_run(connection: Connection, run: Run) -> tuple[Task, ...]:
    """The tasks of a run, from the spec of its version.

    Raises:
        InputError: the run has no version on the server.
    """
    version = connection.read(
        f"version {run.version or 'of a pipeline'} of run {run.id}", connection.client.get_pipeline_version,
        run.pipeline, run.version,
    )  # fmt: skip
    return tasks_of(version.pipeline_spec or {})


def nodes_of(run: Run, tasks: Sequence[Task]) -> list[NodeStatus]:
    """The status of each node; the exit handler is not one."""
    now = datetime.now(timezone.utc)
    return [observe(task, run.argo_nodes, run.ended, now) for task in tasks if not task.at_exit]


def facts_of(connection: Connection, run: Run, nodes: Sequence[NodeStatus]) -> dict[str, Any]:
    """A run as JSON."""
    listed = [{**asdict(node), "elapsed_s": round(node.seconds(), 1)} for node in nodes]
    for node in listed:
        del node["started_s"]
    return {"run": run.id, "name": run.name, "url": connection.run_url(run.id), "state": run.state, "nodes": listed}


def status(connection: Connection, text: str, as_json: bool) -> int:
    """Print the nodes of a run, and its summary if it has ended."""
    run = get_run(connection, run_id(text))
    tasks = tasks_of_run(connection, run)
    nodes = nodes_of(run, tasks)
    summary = find_summary(connection, run.id, tasks, run.argo_nodes) if run.ended else {}
    if as_json:
        print(json.dumps({**facts_of(connection, run, nodes), "summary": summary or None}, indent=1))
        return 0
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=160)
    console.print(f"{run.name}  {run.state or 'not started'}\n{connection.run_url(run.id)}\n", markup=False)
    console.print(table(nodes))
    if summary:
        console.print(f"\n{summary['status']}, exit code {summary['exit_code']}", markup=False)
    return 0


def logs(connection: Connection, text: str, node: str | None, follow: bool) -> int:
    """Print the logs of a run, with ``follow`` until it ends."""
    run = get_run(connection, run_id(text))
    tasks = select_tasks(tasks_of_run(connection, run), node)
    printer = LogPrinter(connection, run.id, sys.stdout, max(len(task.name) for task in tasks))
    while True:
        for task in tasks:
            printer.show(task, run.argo_nodes, run.ended or not follow)
        if run.ended or not follow:
            break
        time.sleep(FOLLOW_EVERY_S)
        run = get_run(connection, run.id)
    if printer.missing:
        print(f"no log of {', '.join(sorted(printer.missing))}: the pods are gone", file=sys.stderr)
    return 0


def cancel(connection: Connection, text: str, timeout_s: float, as_json: bool) -> int:
    """Stop a run and wait until it has stopped; do nothing if it has ended before.

    Raises:
        MainlineError: it has not stopped within ``timeout_s``.
    """
    run = get_run(connection, run_id(text))
    had_ended = run.ended
    if not had_ended:
        connection.call(f"stopping run {run.id}", connection.client.terminate_run, run.id)
        run = wait_until_ended(connection, run, timeout_s)
    outcome = f"had already ended: {run.state}" if had_ended else f"stopped: {run.state}"
    facts = {"run": run.id, "url": connection.run_url(run.id), "state": run.state, "was_over": had_ended}
    print(json.dumps(facts, indent=1) if as_json else f"run {run.id} {outcome}")
    return 0


def wait_until_ended(connection: Connection, run: Run, timeout_s: float) -> Run:
    """Wait for the end of a run.

    Raises:
        MainlineError: it has not ended within ``timeout_s``.
    """
    deadline_s = time.monotonic() + timeout_s
    while not run.ended:
        if time.monotonic() >= deadline_s:
            raise MainlineError(
                f"run {run.id}", f"not stopped within {timeout_s:g} s", received=run.state,
                next_step="Its pods may need longer: check again with status.",
            )  # fmt: skip
        time.sleep(min(CANCEL_EVERY_S, max(deadline_s - time.monotonic(), 0.0)))
        run = get_run(connection, run.id)
    return run
