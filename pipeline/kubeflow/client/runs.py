"""Runs on the cluster: what they are, and ``status``, ``logs`` and ``cancel``."""

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
from pipeline.kubeflow.client.logs import Printer, chosen, find_summary
from pipeline.kubeflow.client.tasks import FINAL, Detail, Task, details_of, observe, tasks_of
from pipeline.run.console import table
from pipeline.run.events import NodeStatus

FOLLOW_EVERY_S = 2.0
CANCEL_EVERY_S = 1.0


@dataclass(frozen=True)
class Run:
    """A run as the server knows it at a moment. ``state`` is empty until the server has looked at it."""

    id: str
    name: str
    state: str
    error: str
    details: tuple[Detail, ...]
    pipeline: str
    version: str

    @property
    def over(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in FINAL


def run_id(text: str) -> str:
    """The id of a run that is given by id or by the address of its page.

    >>> run_id("https://kubeflow.example.com/#/runs/details/5f0c")
    '5f0c'
    """
    return text.rstrip("/").rpartition("/")[2]


def get_run(connection: Connection, run: str, backoff: Backoff = READING, tell: Any = lambda _: None) -> Run:
    """A run.

    Raises:
        InputError: there is none of this id.
    """
    return run_of(connection.call(f"run {run}", connection.client.get_run, run, backoff=backoff, tell=tell))


def run_of(answer: Any) -> Run:
    """What the SDK gives, as ours."""
    reference = answer.pipeline_version_reference
    return Run(
        id=answer.run_id,
        name=answer.display_name or "",
        state=answer.state or "",
        error=(answer.error.message or "") if answer.error else "",
        details=tuple(details_of(answer)),
        pipeline=(reference.pipeline_id or "") if reference else "",
        version=(reference.pipeline_version_id or "") if reference else "",
    )


def tasks_of_run(connection: Connection, run: Run) -> tuple[Task, ...]:
    """The tasks of a run, by the version that it runs.

    Raises:
        InputError: it was not made of an uploaded version, or that was deleted.
    """
    version = connection.read(
        f"version {run.version or 'of a pipeline'} of run {run.id}", connection.client.get_pipeline_version,
        run.pipeline, run.version,
    )  # fmt: skip
    return tasks_of(version.pipeline_spec or {})


def nodes_of(run: Run, tasks: Sequence[Task]) -> list[NodeStatus]:
    """How far each node is; the task at the end is none."""
    now = datetime.now(timezone.utc)
    return [observe(task, run.details, run.over, now) for task in tasks if not task.at_exit]


def facts_of(connection: Connection, run: Run, nodes: Sequence[NodeStatus]) -> dict[str, Any]:
    """A run for a script."""
    listed = [{**asdict(node), "elapsed_s": round(node.seconds(), 1)} for node in nodes]
    for node in listed:
        del node["started_s"]
    return {"run": run.id, "name": run.name, "url": connection.run_url(run.id), "state": run.state, "nodes": listed}


def status(connection: Connection, text: str, as_json: bool) -> int:
    """Prints the nodes of a run, and its summary if it is over."""
    run = get_run(connection, run_id(text))
    tasks = tasks_of_run(connection, run)
    nodes = nodes_of(run, tasks)
    summary = find_summary(connection, run.id, tasks, run.details) if run.over else {}
    if as_json:
        print(json.dumps({**facts_of(connection, run, nodes), "summary": summary or None}, indent=1))
        return 0
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=160)
    console.print(f"{run.name}  {run.state or 'not yet looked at'}\n{connection.run_url(run.id)}\n", markup=False)
    console.print(table(nodes))
    if summary:
        console.print(f"\n{summary['status']}, exit code {summary['exit_code']}", markup=False)
    return 0


def logs(connection: Connection, text: str, node: str | None, follow: bool) -> int:
    """Prints the logs of a run; with ``follow`` until it is over."""
    run = get_run(connection, run_id(text))
    tasks = chosen(tasks_of_run(connection, run), node)
    printer = Printer(connection, run.id, sys.stdout, max(len(task.name) for task in tasks))
    while True:
        for task in tasks:
            printer.show(task, run.details, run.over or not follow)
        if run.over or not follow:
            break
        time.sleep(FOLLOW_EVERY_S)
        run = get_run(connection, run.id)
    if printer.silent:
        print(f"no log any more of {', '.join(sorted(printer.silent))}: the pods are gone", file=sys.stderr)
    return 0


def cancel(connection: Connection, text: str, timeout_s: float, as_json: bool) -> int:
    """Stops a run and waits until it is over; one that was over before is left as it is.

    Raises:
        MainlineError: it has not stopped in time.
    """
    run = get_run(connection, run_id(text))
    before = run.over
    if not before:
        connection.call(f"stopping run {run.id}", connection.client.terminate_run, run.id)
        run = until_over(connection, run, timeout_s)
    said = f"was over before: {run.state}" if before else f"is stopped: {run.state}"
    facts = {"run": run.id, "url": connection.run_url(run.id), "state": run.state, "was_over": before}
    print(json.dumps(facts, indent=1) if as_json else f"run {run.id} {said}")
    return 0


def until_over(connection: Connection, run: Run, timeout_s: float) -> Run:
    """Waits for the end of a run."""
    deadline_s = time.monotonic() + timeout_s
    while not run.over:
        if time.monotonic() >= deadline_s:
            raise MainlineError(
                f"run {run.id}", f"has not stopped within {timeout_s:g} s", received=run.state,
                next_step="Its pods may take longer; look again with status.",
            )  # fmt: skip
        time.sleep(min(CANCEL_EVERY_S, max(deadline_s - time.monotonic(), 0.0)))
        run = get_run(connection, run.id)
    return run
