"""The tasks of a run, and their status, from the Argo nodes that the API server lists.

A task ``trainer`` has the Argo nodes ``trainer``, its driver ``trainer-driver``, and a child ``executor``, or with
retries ``executor(0)``, ``executor(1)`` … A node lists the ids of its children, but not its own.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import count
from typing import Any

from pipeline.run.events import NodeStatus, State

FINAL = {"SUCCEEDED", "FAILED", "SKIPPED", "CANCELED"}
STATES: Mapping[str, State] = {
    "PENDING": "running",
    "RUNNING": "running",
    "CANCELING": "running",
    "PAUSED": "running",
    "SUCCEEDED": "done",
    "CACHED": "cached",
    "SKIPPED": "skipped",
    "FAILED": "failed",
    "CANCELED": "failed",
}
# Argo names a pod after workflow, template and the hash of the node; the templates differ by version of Kubeflow.
TEMPLATES = ("retry-system-container-impl", "system-container-impl", "{task}-system-container-impl")
# The zero time of Go and the epoch both mean "not yet"; every real time is later than this.
LATER_THAN_UNSET = datetime(2000, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Task:
    """A task of a pipeline: its key in the spec, its name, and whether it is an exit handler."""

    key: str
    name: str
    at_exit: bool = False


@dataclass(frozen=True)
class ArgoNode:
    """A node of the Argo workflow of a run."""

    name: str
    state: str
    start: datetime | None = None
    end: datetime | None = None
    error: str = ""
    pod: str = ""
    children: tuple[str, ...] = ()


def tasks_of(content: Mapping[str, Any]) -> tuple[Task, ...]:
    """The containers of a pipeline in topological order, the exit handler last.

    ``content`` is the ``pipeline_spec`` of a version: for a package with two documents, it has both.
    """
    spec = content.get("pipeline_spec", content)
    components = spec.get("components", {})
    found = list(_walk(spec.get("root", {}).get("dag", {}), components))
    return tuple(sorted(found, key=lambda task: task.at_exit))


def _walk(dag: Mapping[str, Any], components: Mapping[str, Any]) -> Iterator[Task]:
    tasks = dag.get("tasks", {})
    for key in in_order({key: task.get("dependentTasks", ()) for key, task in tasks.items()}):
        task = tasks[key]
        inner = components.get(task.get("componentRef", {}).get("name", ""), {}).get("dag")
        if inner:
            yield from _walk(inner, components)
        else:
            at_exit = task.get("triggerPolicy", {}).get("strategy") == "ALL_UPSTREAM_TASKS_COMPLETED"
            yield Task(key, task.get("taskInfo", {}).get("name", key), at_exit)


def in_order(waits: Mapping[str, Iterable[str]]) -> list[str]:
    """Sort keys so that each follows those that it waits for, otherwise in the given order.

    >>> in_order({"b": ["a"], "c": [], "a": []})
    ['c', 'a', 'b']
    """
    ordered: list[str] = []
    left = {key: {other for other in others if other in waits} for key, others in waits.items()}
    while left:
        ready = next((key for key, others in left.items() if others <= set(ordered)), next(iter(left)))
        ordered.append(ready)
        del left[ready]
    return ordered


def parameters_of(content: Mapping[str, Any]) -> dict[str, str]:
    """The types of a pipeline's parameters, such as NUMBER_INTEGER, by name."""
    inputs = content.get("pipeline_spec", content).get("root", {}).get("inputDefinitions", {})
    return {name: str(facts.get("parameterType", "")) for name, facts in inputs.get("parameters", {}).items()}


def argo_nodes_of(run: Any) -> list[ArgoNode]:
    """The Argo nodes of a run of the SDK."""
    found = run.run_details.task_details if run.run_details else None
    return [
        ArgoNode(
            name=node.display_name or "",
            state=node.state or "",
            start=node.start_time,
            end=node.end_time,
            error=(node.error.message or "") if node.error else "",
            pod=node.pod_name or "",
            children=tuple(child.pod_name for child in node.child_tasks or () if child.pod_name),
        )
        for node in found or ()
    ]


def of_name(argo_nodes: Sequence[ArgoNode], name: str) -> list[ArgoNode]:
    """The Argo nodes with a name, including its attempts in their order.

    >>> [node.name for node in of_name([ArgoNode("a(1)", ""), ArgoNode("a(0)", ""), ArgoNode("ab", "")], "a")]
    ['a(0)', 'a(1)']
    """
    attempts = ((re.fullmatch(rf"{re.escape(name)}(?:\((\d+)\))?", node.name), node) for node in argo_nodes)
    matched = [(int(match[1] or -1), index, node) for index, (match, node) in enumerate(attempts) if match]
    return [node for _, _, node in sorted(matched, key=lambda item: item[:2])]


def latest(argo_nodes: Sequence[ArgoNode], name: str) -> ArgoNode | None:
    """The node with exactly this name, which sums up its attempts, or else the last attempt."""
    found = of_name(argo_nodes, name)
    return next((node for node in found if node.name == name), found[-1] if found else None)


def observe(task: Task, argo_nodes: Sequence[ArgoNode], ended: bool, now: datetime) -> NodeStatus:
    """The status of a task; ``ended`` says whether the run has ended."""
    main, driver = latest(argo_nodes, task.key), latest(argo_nodes, f"{task.key}-driver")
    if main is not None and main.state in STATES:
        status = NodeStatus(task.name, STATES[main.state], main.error)
        if main.state in ("CANCELING", "CANCELED"):
            status.detail = main.error or main.state.lower()
        return timed(status, (driver.start if driver else None) or main.start, main.end, now)
    if driver is None or main is not None:
        return NodeStatus(task.name, "skipped" if ended or main is not None else "waiting")
    if driver.state in ("FAILED", "CANCELED"):
        status = NodeStatus(task.name, "failed", f"driver: {driver.error or driver.state.lower()}")
        return timed(status, driver.start, driver.end, now)
    if ended:
        return NodeStatus(task.name, "skipped")
    return timed(NodeStatus(task.name, "running", "driver is running"), driver.start, None, now)


def timed(status: NodeStatus, start: datetime | None, end: datetime | None, now: datetime) -> NodeStatus:
    """Set the elapsed time of a status; that of a running node continues by the local clock."""
    began = start if start and start > LATER_THAN_UNSET else now
    ended = end if end and end > LATER_THAN_UNSET and status.state != "running" else now
    if status.state == "running":
        status.start()
        status.started_s = (status.started_s or 0.0) - max((now - began) / timedelta(seconds=1), 0.0)
    elif status.state != "skipped":
        status.elapsed_s = max((ended - began) / timedelta(seconds=1), 0.0)
    return status


def hash_of(text: str, start: int = 0x811C9DC5) -> int:
    """32-bit FNV-1a, the hash in ids of Argo: http://www.isthe.com/chongo/tech/comp/fnv/. ``start`` continues a hash.

    >>> hash_of("(0)", hash_of("a.executor")) == hash_of("a.executor(0)")
    True
    """
    for byte in text.encode("utf-8"):
        start = ((start ^ byte) * 0x01000193) & 0xFFFFFFFF
    return start


def attempts_of(child: str, known: frozenset[str]) -> list[str]:
    """The ids of the attempts of an Argo node: its own without retries."""
    workflow, _, digits = child.rpartition("-")
    if not digits.isdigit():
        return [child]
    named = (f"{workflow}-{hash_of(f'({turn})', int(digits))}" for turn in count())
    attempts: list[str] = []
    for name in named:
        if name not in known:
            break
        attempts.append(name)
    return attempts or [child]


def pods_of(task: Task, argo_nodes: Sequence[ArgoNode]) -> list[tuple[str, ...]]:
    """The pods of a task in the order of its attempts, each as the names that it may have, which differ by version."""
    mains = of_name(argo_nodes, task.key)
    known = frozenset(child for node in argo_nodes for child in node.children)
    named: list[tuple[str, ...]] = [(node.pod,) for node in mains if node.pod]
    if named:
        return named
    below = [child for node in mains for child in node.children]
    return [names_of(name, task) for child in below for name in attempts_of(child, known)]


def names_of(node: str, task: Task) -> tuple[str, ...]:
    """The possible names of the pod of an Argo node.

    >>> names_of("run-7", Task("trainer", "Trainer"))[1:]
    ('run-system-container-impl-7', 'run-trainer-system-container-impl-7', 'run-7')
    """
    workflow, _, digits = node.rpartition("-")
    return (*(f"{workflow}-{template.format(task=task.key)}-{digits}" for template in TEMPLATES), node)
