"""The nodes of an Argo workflow as the API server of Kubeflow Pipelines tells of them, with the names of their pods."""

import json
from datetime import datetime, timedelta, timezone
from typing import Any

EPOCH = "1970-01-01T00:00:00Z"


def stamp(moment: datetime) -> str:
    """A time as the server writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def fnv(text: str) -> int:
    """The hash by which Argo names a node."""
    value = 0x811C9DC5
    for byte in text.encode():
        value = ((value ^ byte) * 0x01000193) % 2**32
    return value


def chain_of(version: dict[str, Any]) -> list[str]:
    """The tasks of the graph, in the order in which this server runs them."""
    spec = version["pipeline_spec"].get("pipeline_spec", version["pipeline_spec"])
    tasks = spec["components"]["comp-exit-handler-1"]["dag"]["tasks"]
    left, done = dict(tasks), []
    while left:
        ready = next(key for key, task in left.items() if set(task.get("dependentTasks", ())) <= set(done))
        done.append(ready)
        del left[ready]
    return done


def argo_nodes(world: Any, run: dict[str, Any], keys: list[str], over: bool) -> list[dict[str, Any]]:
    """The nodes of the run's workflow."""
    script, workflow = world.script, f"wf-{run['run_id']}"
    graph = f"{workflow}.root.exit-handler-1"
    nodes = [node(workflow, "RUNNING", workflow, [f"{workflow}.root-driver"]), node("root", "RUNNING", workflow)]
    nodes += [node(f"{name}-driver", "SUCCEEDED", workflow) for name in ("root", "exit-handler-1")]
    for place, key in enumerate(keys[: run["step"]]):
        running = place == run["step"] - 1 and not over
        state = "RUNNING" if running else "FAILED" if key == script.fails else "SUCCEEDED"
        nodes += task_nodes(world, run["run_id"], f"{graph}.{key}", key, state)
        if key == script.fails:
            break
    if over:
        text = f"writing the report\nMAINLINE_SUMMARY {json.dumps(script.summary)}\nI1125 launcher: done\n"
        nodes += task_nodes(world, run["run_id"], f"{graph}.onExit.finish", "finish", "SUCCEEDED", text)
    return nodes


def task_nodes(world: Any, run: str, path: str, key: str, state: str, text: str = "") -> list[dict[str, Any]]:
    """The driver of a task, the task, its executor and the tries of that; their pods get logs."""
    workflow, executor = f"wf-{run}", f"{path}.executor"
    tries = [f"{executor}({turn})" for turn in range(world.script.tries.get(key, 0))]
    for turn, pod in enumerate(tries or [executor]):
        name = (
            f"{workflow}-{world.script.pod_format}-{fnv(pod)}" if world.script.pod_format else f"{workflow}-{fnv(pod)}"
        )
        if not world.script.gone and not world.script.frozen:
            world.logs[name] = text or f"{key} begins, try {turn}\n{key} goes on\n"
    return [
        node(f"{key}-driver", "SUCCEEDED", workflow, [path]),
        node(key, state, workflow, [executor]),
        node("executor", state, workflow, tries),
        *(node(f"executor({turn})", state, workflow) for turn, _ in enumerate(tries)),
    ]


def node(name: str, state: str, workflow: str, children: list[str] | None = None) -> dict[str, Any]:
    """A node of an Argo workflow as a task detail."""
    began = datetime.now(timezone.utc) - timedelta(seconds=30)
    ended = EPOCH if state == "RUNNING" else stamp(began + timedelta(seconds=12))
    below = [{"pod_name": f"{workflow}-{fnv(child)}"} for child in children or ()]
    detail = {"display_name": name, "state": state, "create_time": stamp(began), "start_time": stamp(began),
              "end_time": ended, "task_id": f"t-{name}"}  # fmt: skip
    return detail | ({"child_tasks": below} if below else {})
