"""What the pods of a run wrote, and the summary that the last of them wrote last.

``/apis/v1alpha1/runs/{run}/nodes/{pod}/log`` answers 200 in any case, with the error as JSON in place of the log; it
knows no following, so that following is asking again.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, TextIO
from urllib.parse import quote

from components.evaluation.verdict import Check, Verdict
from pipeline.errors import InputError
from pipeline.kubeflow.client.connection import Connection
from pipeline.kubeflow.client.tasks import Detail, Task, pods_of
from pipeline.kubeflow.graph_nodes import SUMMARY
from pipeline.run.events import NodeStatus
from pipeline.run.summary.summary import Summary

ERROR = '{"error_message"'


def read_log(connection: Connection, run: str, names: Sequence[str]) -> str | None:
    """The log of a pod by the first of its possible names that has one; None if it is gone, or not there yet."""
    for name in names:
        text = connection.text(f"/apis/v1alpha1/runs/{quote(run)}/nodes/{quote(name)}/log")
        if text is not None and not text.lstrip().startswith(ERROR):
            return text.split(ERROR)[0]
    return None


@dataclass
class Printer:
    """Prints what is new in the logs of a run, each line with its node."""

    connection: Connection
    run: str
    stream: TextIO
    width: int
    printed: dict[tuple[str, ...], int] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)

    def show(self, task: Task, details: Sequence[Detail], over: bool) -> None:
        """Prints whole lines; the end of a line that is not yet there waits, unless the run is over."""
        pods = pods_of(task, details)
        texts = {names: read_log(self.connection, self.run, names) for names in pods}
        for names, text in texts.items():
            self._print(task.name, names, text or "", over)
        if pods and not any(text is not None for text in texts.values()):
            self.silent.add(task.name)
        else:
            self.silent.discard(task.name)

    def _print(self, node: str, names: tuple[str, ...], text: str, over: bool) -> None:
        new = text[self.printed.get(names, 0) :]
        end = len(new) if over else new.rfind("\n") + 1
        for line in new[:end].splitlines():
            print(f"{node:{self.width}} | {line}", file=self.stream, flush=True)
        self.printed[names] = self.printed.get(names, 0) + end


def chosen(tasks: Sequence[Task], node: str | None) -> list[Task]:
    """The task of a node, or all of them.

    Raises:
        InputError: the pipeline has no such node.
    """
    found = [task for task in tasks if node in (None, task.name, task.key)]
    if not found:
        known = ", ".join(task.name for task in tasks)
        raise InputError(f"--node {node}", "no such node in this run", expected=f"one of {known}", received=str(node))
    return found


def find_summary(connection: Connection, run: str, tasks: Sequence[Task], details: Sequence[Detail]) -> dict[str, Any]:
    """The summary that the task at the end has logged, as facts; empty if it cannot be read."""
    for task in (task for task in tasks if task.at_exit):
        for names in reversed(pods_of(task, details)):
            facts = summary_in(read_log(connection, run, names) or "")
            if facts:
                return facts
    return {}


def summary_in(log: str) -> dict[str, Any]:
    """The last summary in a log, past what the launcher of Kubeflow may have written after it.

    >>> summary_in('MAINLINE_SUMMARY {"exit_code": 3}\\nI1125 launcher done')
    {'exit_code': 3}
    """
    for line in reversed(log.splitlines()):
        marker, _, text = line.partition(" ")
        if marker == SUMMARY:
            try:
                facts = json.loads(text)
            except ValueError:
                return {}
            return facts if isinstance(facts, dict) and isinstance(facts.get("exit_code"), int) else {}
    return {}


def summary_of(facts: Mapping[str, Any]) -> Summary | None:
    """The facts as they were before; None where the image writes other ones than this code reads."""
    try:
        verdict = facts["verdict"]
        checks = tuple(Check(**known(Check, check)) for check in verdict["checks"]) if verdict else ()
        parts = {
            "nodes": tuple(NodeStatus(**known(NodeStatus, node)) for node in facts["nodes"]),
            "verdict": Verdict(verdict["blessed"], verdict["rows"], checks) if verdict else None,
            "warnings": tuple(facts.get("warnings", ())),
        }
        return Summary(**{**known(Summary, facts), **parts})
    except (KeyError, TypeError):
        return None


def known(kind: Callable[..., Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the facts that a dataclass has a field for."""
    names = {one.name for one in fields(kind)}  # type: ignore[arg-type]
    return {name: value for name, value in facts.items() if name in names}
