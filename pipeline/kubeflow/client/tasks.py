"""The tasks of a run as its API server tells of them, and as nodes of the graph.

What a server lists are the nodes of its Argo workflow: for a task ``trainer`` one named ``trainer``, its driver
``trainer-driver``, and below it ``executor``; with retries, ``executor(0)`` and so on. A node knows its children by
their ids, though not its own.
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
# Argo names a pod by its workflow, the template and the hash of the node; these have been Kubeflow's templates.
TEMPLATES = ("retry-system-container-impl", "system-container-impl", "{task}-system-container-impl")
# Go's zero time and the epoch both stand for "not yet".
SOME_TIME = datetime(2000, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Task:
    """A task of a pipeline: its key in the spec, what it is called, and whether it runs whatever came before."""

    key: str
    name: str
    at_exit: bool = False


@dataclass(frozen=True)
class Detail:
    """What a server says of one Argo node."""

    name: str
    state: str
    start: datetime | None = None
    end: datetime | None = None
    error: str = ""
    pod: str = ""
    children: tuple[str, ...] = ()


def tasks_of(content: Mapping[str, Any]) -> tuple[Task, ...]:
    """The containers of a pipeline in topological order, those at exit last.

    ``content`` is what a server gives as ``pipeline_spec`` of a version: of a package with two documents, both.
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
    """Keys with those that each waits for before it, else in the order given.

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
    """The parameters of a pipeline with their types, such as NUMBER_INTEGER."""
    inputs = content.get("pipeline_spec", content).get("root", {}).get("inputDefinitions", {})
    return {name: str(facts.get("parameterType", "")) for name, facts in inputs.get("parameters", {}).items()}


def details_of(run: Any) -> list[Detail]:
    """What a run of the SDK knows of its Argo nodes."""
    found = run.run_details.task_details if run.run_details else None
    return [
        Detail(
            name=detail.display_name or "",
            state=detail.state or "",
            start=detail.start_time,
            end=detail.end_time,
            error=(detail.error.message or "") if detail.error else "",
            pod=detail.pod_name or "",
            children=tuple(child.pod_name for child in detail.child_tasks or () if child.pod_name),
        )
        for detail in found or ()
    ]


def of_name(details: Sequence[Detail], name: str) -> list[Detail]:
    """The Argo nodes of a name, tries included, in the order of their tries.

    >>> [detail.name for detail in of_name([Detail("a(1)", ""), Detail("a(0)", ""), Detail("ab", "")], "a")]
    ['a(0)', 'a(1)']
    """
    tries = ((re.fullmatch(rf"{re.escape(name)}(?:\((\d+)\))?", detail.name), detail) for detail in details)
    matched = [(int(match[1] or -1), place, detail) for place, (match, detail) in enumerate(tries) if match]
    return [detail for _, _, detail in sorted(matched, key=lambda item: item[:2])]


def latest(details: Sequence[Detail], name: str) -> Detail | None:
    """The one to believe: that of the name itself, which sums its tries up, or else the last try."""
    found = of_name(details, name)
    return next((detail for detail in found if detail.name == name), found[-1] if found else None)


def observe(task: Task, details: Sequence[Detail], over: bool, now: datetime) -> NodeStatus:
    """How far a task is, by the details of its run; ``over`` says that nothing more will happen."""
    main, driver = latest(details, task.key), latest(details, f"{task.key}-driver")
    if main is not None and main.state in STATES:
        status = NodeStatus(task.name, STATES[main.state], main.error)
        if main.state in ("CANCELING", "CANCELED"):
            status.detail = main.error or main.state.lower()
        return timed(status, (driver.start if driver else None) or main.start, main.end, now)
    if driver is None or main is not None:
        return NodeStatus(task.name, "skipped" if over or main is not None else "waiting")
    if driver.state in ("FAILED", "CANCELED"):
        status = NodeStatus(task.name, "failed", f"its driver: {driver.error or driver.state.lower()}")
        return timed(status, driver.start, driver.end, now)
    if over:
        return NodeStatus(task.name, "skipped")
    return timed(NodeStatus(task.name, "running", "its driver prepares it"), driver.start, None, now)


def timed(status: NodeStatus, start: datetime | None, end: datetime | None, now: datetime) -> NodeStatus:
    """The same with its seconds; a node that runs goes on counting by the clock of this machine."""
    began = start if start and start > SOME_TIME else now
    ended = end if end and end > SOME_TIME and status.state != "running" else now
    if status.state == "running":
        status.start()
        status.started_s = (status.started_s or 0.0) - max((now - began) / timedelta(seconds=1), 0.0)
    elif status.state != "skipped":
        status.elapsed_s = max((ended - began) / timedelta(seconds=1), 0.0)
    return status


def hash_of(text: str, start: int = 0x811C9DC5) -> int:
    """32-bit FNV-1a, of which Argo makes ids: http://www.isthe.com/chongo/tech/comp/fnv/. Text may come in parts.

    >>> hash_of("(0)", hash_of("a.executor")) == hash_of("a.executor(0)")
    True
    """
    for byte in text.encode("utf-8"):
        start = ((start ^ byte) * 0x01000193) & 0xFFFFFFFF
    return start


def tries_of(child: str, known: frozenset[str]) -> list[str]:
    """The ids of the tries of an Argo node: itself, if it is not tried again."""
    workflow, _, digits = child.rpartition("-")
    if not digits.isdigit():
        return [child]
    named = (f"{workflow}-{hash_of(f'({turn})', int(digits))}" for turn in count())
    tries: list[str] = []
    for name in named:
        if name not in known:
            break
        tries.append(name)
    return tries or [child]


def pods_of(task: Task, details: Sequence[Detail]) -> list[tuple[str, ...]]:
    """The pods of a task in the order of its tries; of each, the names it may have, which differ by version."""
    mains = of_name(details, task.key)
    known = frozenset(child for detail in details for child in detail.children)
    told: list[tuple[str, ...]] = [(detail.pod,) for detail in mains if detail.pod]
    if told:
        return told
    below = [child for detail in mains for child in detail.children]
    return [names_of(name, task) for child in below for name in tries_of(child, known)]


def names_of(node: str, task: Task) -> tuple[str, ...]:
    """The names that the pod of an Argo node may have.

    >>> names_of("run-7", Task("trainer", "Trainer"))[1:]
    ('run-system-container-impl-7', 'run-trainer-system-container-impl-7', 'run-7')
    """
    workflow, _, digits = node.rpartition("-")
    return (*(f"{workflow}-{template.format(task=task.key)}-{digits}" for template in TEMPLATES), node)
