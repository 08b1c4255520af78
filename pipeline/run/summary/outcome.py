"""Collect the outcome of a run, and suggest the next command."""

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
    from components.artifacts.served_versions import ServedVersion
    from components.evaluation.verdict import Verdict
    from pipeline.run.artifacts import Output
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
    """The summary of a run that has ended."""
    nodes = list(state.statuses.values()) if state else []
    outputs = outputs_by_key(state)
    pushed = outputs["pushed_model"].properties if "pushed_model" in outputs else {}
    model, missing = served_model(paths, pushed)
    error = error or missing
    when = when_pushed(model, paths.run_id)
    status, code = failure_status(error) if error else success_status(verdict, when, str(pushed.get("review", "")))
    has_training = "model_run" in outputs and was_trained(nodes)
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
        evaluation=near(outputs["evaluation"].uri if "evaluation" in outputs else None),
        report=near(report),
        folder=str(near(paths.folder)),
        log=str(near(paths.log)),
        next_command="",
        warnings=training_warnings(Path(outputs["model_run"].uri)) if has_training else (),
    )
    return replace(summary, next_command=next_command(summary, request, outputs))


def outputs_by_key(state: "RunState | None") -> "dict[str, Output]":
    """The outputs of all nodes by their key."""
    outputs = state.outputs.values() if state else ()
    return {output.key: output for written in outputs for output in written}


def served_model(paths: RunPaths, pushed: Mapping[str, Any]) -> "tuple[ServedVersion | None, MainlineError | None]":
    """The served version with the model of this run, from the folder of versions; an error if another one is served.

    ``pushed`` are the properties of the pushed model. A run that was interrupted may have pushed without recording it.
    """
    from components.artifacts.served_versions import served

    try:
        found = served(paths.serving)
    except OSError as error:
        return None, to_mainline_error(error, paths)
    if pushed.get("pushed") != 1:
        return (found if found is not None and found.run == paths.run_id else None), None
    if found is not None and found.digest == pushed.get("model_digest", found.digest):
        return found, None
    return None, MainlineError(
        str(paths.serving), "the model of this run was pushed but is not served",
        expected=f"version {pushed.get('pushed_version')}, complete, and no higher one",
        received=f"version {found.folder.name} with another model" if found else "no complete version",
        next_step="Run again: finished nodes are cached, and the model is pushed as a new version.",
    )  # fmt: skip


def when_pushed(model: "ServedVersion | None", run: str) -> Pushed:
    """Whether the served model was pushed by this run, by an earlier one, or never."""
    if model is None:
        return "never"
    return "now" if model.run == run else "before"


def was_trained(nodes: list[NodeStatus]) -> bool:
    """Whether this run trained a model, rather than taking it from the cache."""
    return any(node.node == TRAINER and node.state == "done" for node in nodes)


def training_warnings(model_run: Path) -> tuple[str, ...]:
    """The warnings of a training about its model; none if it left no record."""
    try:
        record = json.loads((model_run / "training.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ()
    return tuple(record.get("warnings", ()))


def next_command(summary: Summary, request: Request, outputs: "Mapping[str, Output]") -> str:
    """The command that the user most likely needs next."""
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
    """The command line of a request, with all its options."""
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
