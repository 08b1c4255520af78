"""The logs of a run's pods, and the summary at the end of the last one.

``/apis/v1alpha1/runs/{run}/nodes/{pod}/log`` always answers with status 200, with JSON instead of the log on an error.
It cannot follow a log, so following means polling.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, TextIO
from urllib.parse import quote

from components.evaluation.verdict import Check, Verdict
from pipeline.errors import InputError
from pipeline.kubeflow.client.connection import Connection
from pipeline.kubeflow.client.tasks import ArgoNode, Task, pods_of
from pipeline.kubeflow.graph_nodes import SUMMARY_MARKER
from pipeline.run.events import NodeStatus
from pipeline.run.summary.summary import Summary

ERROR_PREFIX = '{"error_message"'


def read_log(connection: Connection, run: str, names: Sequence[str]) -> str | None:
    """The log under the first of a pod's possible names that has one; None if it is gone, or does not exist yet."""
    for name in names:
        text = connection.text(f"/apis/v1alpha1/runs/{quote(run)}/nodes/{quote(name)}/log")
        if text is not None and not text.lstrip().startswith(ERROR_PREFIX):
            return text.split(ERROR_PREFIX)[0]
    return None


@dataclass
class LogPrinter:
    """Prints new lines in the logs of a run, each after the name of its node.

    Attributes:
        printed: the number of characters printed, by the names of a pod.
        missing: the nodes whose logs cannot be read.
    """

    connection: Connection
    run: str
    stream: TextIO
    width: int
    printed: dict[tuple[str, ...], int] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)

    def show(self, task: Task, argo_nodes: Sequence[ArgoNode], ended: bool) -> None:
        """Print complete lines, and after the end of the run also an incomplete one."""
        pods = pods_of(task, argo_nodes)
        texts = {names: read_log(self.connection, self.run, names) for names in pods}
        for names, text in texts.items():
            self._print(task.name, names, text or "", ended)
        if pods and not any(text is not None for text in texts.values()):
            self.missing.add(task.name)
        else:
            self.missing.discard(task.name)

    def _print(self, node: str, names: tuple[str, ...], text: str, ended: bool) -> None:
        new = text[self.printed.get(names, 0) :]
        end = len(new) if ended else new.rfind("\n") + 1
        for line in new[:end].splitlines():
            print(f"{node:{self.width}} | {line}", file=self.stream, flush=True)
        self.printed[names] = self.printed.get(names, 0) + end


def select_tasks(tasks: Sequence[Task], node: str | None) -> list[Task]:
    """The task of a node, or all tasks for None.

    Raises:
        InputError: the pipeline has no such node.
    """
    found = [task for task in tasks if node in (None, task.name, task.key)]
    if not found:
        known = ", ".join(task.name for task in tasks)
        raise InputError(f"--node {node}", "unknown node", expected=f"one of {known}", received=str(node))
    return found


def find_summary(
    connection: Connection, run: str, tasks: Sequence[Task], argo_nodes: Sequence[ArgoNode]
) -> dict[str, Any]:
    """The summary in the log of the exit handler as JSON, empty if there is none."""
    for task in (task for task in tasks if task.at_exit):
        for names in reversed(pods_of(task, argo_nodes)):
            facts = summary_in(read_log(connection, run, names) or "")
            if facts:
                return facts
    return {}


def summary_in(log: str) -> dict[str, Any]:
    """The last summary in a log; the launcher of Kubeflow may have logged more after it.

    >>> summary_in('MAINLINE_SUMMARY {"exit_code": 3}\\nI1125 launcher done')
    {'exit_code': 3}
    """
    for line in reversed(log.splitlines()):
        marker, _, text = line.partition(" ")
        if marker == SUMMARY_MARKER:
            try:
                facts = json.loads(text)
            except ValueError:
                return {}
            return facts if isinstance(facts, dict) and isinstance(facts.get("exit_code"), int) else {}
    return {}


def summary_of(facts: Mapping[str, Any]) -> Summary | None:
    """Convert a summary from JSON; None if the image writes another version of it."""
    try:
        verdict = facts["verdict"]
        checks = tuple(Check(**known_fields(Check, check)) for check in verdict["checks"]) if verdict else ()
        parts = {
            "nodes": tuple(NodeStatus(**known_fields(NodeStatus, node)) for node in facts["nodes"]),
            "verdict": Verdict(verdict["blessed"], verdict["rows"], checks) if verdict else None,
            "warnings": tuple(facts.get("warnings", ())),
        }
        return Summary(**{**known_fields(Summary, facts), **parts})
    except (KeyError, TypeError):
        return None


def known_fields(kind: Callable[..., Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts that are fields of a dataclass."""
    names = {one.name for one in fields(kind)}  # type: ignore[arg-type]
    return {name: value for name, value in facts.items() if name in names}
