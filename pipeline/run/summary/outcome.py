"""What a run came to, and what its user most likely wants to type now."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.config.root import Config
from pipeline.errors import MainlineError
from pipeline.nodes import TRAINER
from pipeline.run.events import NodeStatus
from pipeline.run.request import Request, RunPaths
from pipeline.run.summary.failures import to_mainline_error
from pipeline.run.summary.summary import AWAITING_CODE, Pushed, Summary, failure_status, success_status
from pipeline.shell import line, module, near, option, script, tool

if TYPE_CHECKING:
    from components.evaluation.verdict import Verdict
    from components.versioned_pusher.versions import ServedVersion
    from pipeline.run.summary.results import RunState


def summarize(
    paths: RunPaths,
    config: Config,
    request: Request,
    state: "RunState | None",
    verdict: "Verdict | None",
    report: Path | None,
    error: MainlineError | None,
    elapsed_s: float,
) -> Summary:
    """The facts of a run that is over."""
    nodes = list(state.statuses.values()) if state else []
    outputs: dict[str, Any] = {}
    for written in state.outputs.values() if state else ():
        outputs |= {output.key: output for output in written}
    pushed = outputs["pushed_model"].properties if "pushed_model" in outputs else {}
    model, missing = served_model(paths, pushed)
    error = error or missing
    when = when_pushed(model, paths.run_id)
    status, code = failure_status(error) if error else success_status(verdict, when, str(pushed.get("review", "")))
    evaluation = outputs["evaluation"].uri if "evaluation" in outputs else None
    summary = Summary(
        pipeline=config.name,
        run=paths.run_id,
        status=status,
        exit_code=code,
        elapsed_s=round(elapsed_s, 1),
        nodes=tuple(nodes),
        verdict=verdict,
        error=str(error) if error else None,
        model=near(model.folder if model else None),
        evaluation=near(evaluation),
        report=near(report),
        folder=str(near(paths.folder)),
        log=str(near(paths.log)),
        next_command="",
        warnings=training_warnings(Path(outputs["model_run"].uri))
        if "model_run" in outputs and was_trained(nodes)
        else (),
    )
    return replace(summary, next_command=next_command(summary, request, outputs))


def served_model(paths: RunPaths, pushed: Mapping[str, Any]) -> "tuple[ServedVersion | None, MainlineError | None]":
    """The version with the model that Pusher speaks of, by what lies in the folder; or that it is not what is served.

    ``pushed`` are the properties of the pushed model. A run that was cut short may have pushed and not said so.
    """
    from components.versioned_pusher.versions import served

    try:
        found = served(paths.serving)
    except OSError as error:
        return None, to_mainline_error(error, paths)
    if pushed.get("pushed") != 1:
        return (found if found is not None and found.run == paths.run_id else None), None
    if found is not None and found.digest == pushed.get("model_digest", found.digest):
        return found, None
    return None, MainlineError(
        str(paths.serving), "the model of this run was pushed and is not what is served",
        expected=f"version {pushed.get('pushed_version')}, whole, and none above it",
        received=f"version {found.folder.name}, of another model" if found else "no version that is whole",
        next_step="Run again: what is done is cached, and the model is pushed as a new version.",
    )  # fmt: skip


def when_pushed(model: "ServedVersion | None", run: str) -> Pushed:
    """Whether what is served was pushed by this run or by an earlier one."""
    if model is None:
        return "never"
    return "now" if model.run == run else "before"


def was_trained(nodes: list[NodeStatus]) -> bool:
    """Whether a model was fitted in this run, and not taken from an earlier one."""
    return any(node.node == TRAINER and node.state == "done" for node in nodes)


def training_warnings(model_run: Path) -> tuple[str, ...]:
    """What the training found wrong with its model; nothing where it has left no record."""
    try:
        record = json.loads((model_run / "training.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ()
    return tuple(record.get("warnings", ()))


def next_command(summary: Summary, request: Request, outputs: dict[str, Any]) -> str:
    """What a user most likely wants to type now."""
    if summary.status in ("pushed", "up to date"):
        return line(tool("saved_model_cli"), "show", *option("--dir", summary.model or ""), "--tag_set", "serve")
    if summary.status in ("awaiting review", "rejected"):
        waits = summary.exit_code == AWAITING_CODE
        folder = near(Path(summary.report or "").parent)
        words = ["approve", folder, "--by", "NAME", "--note", "TEXT"] if waits else ["show", folder]
        return line(*module("pipeline.review"), *words)
    if summary.status == "not blessed" and "model_run" in outputs:
        return line(tool("tensorboard"), *option("--logdir", str(near(outputs["model_run"].uri))))
    if summary.status == "stopped as asked":
        return rerun_command(replace(request, to_node=None))
    return line("less", summary.log)


def rerun_command(request: Request) -> str:
    """The command of a request, with all that it asks for."""
    asked = {
        "--env": request.env, "--from": request.from_node, "--to": request.to_node, "--root": str(request.root),
        "--orchestrator": request.orchestrator,
    }  # fmt: skip
    usual = {"--env": Request.env, "--root": str(Request.root), "--orchestrator": Request.orchestrator}
    named = [option(name, value) for name, value in asked.items() if value is not None and value != usual.get(name)]
    sets = [option("--set", override) for override in request.overrides]
    flags = [name for name, is_set in {"--no-cache": not request.cache, "--json": request.as_json}.items() if is_set]
    words = [option("--config", request.config), *named, *sets]
    return line(*script("local_runner.py"), *(word for pair in words for word in pair), *flags)
