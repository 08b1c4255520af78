"""``retrain``: run a version that is on the server. Nothing is compiled, so it is fast.

A trigger that may fire twice passes a key: a key has one run, and another only if that one fails.
"""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipeline.config.load import load_config, merge, parse_override
from pipeline.errors import InputError
from pipeline.kubeflow.client.connection import Connection
from pipeline.kubeflow.client.submit import report_started, start_run
from pipeline.kubeflow.client.tasks import FINAL, parameters_of
from pipeline.kubeflow.client.versions import (
    Version,
    ensure_experiment,
    filter_by,
    known_pipeline,
    name_of,
    versions_of,
)
from pipeline.kubeflow.parameters import parameter_name

REASON = re.compile(r"[^\x00-\x1f]{1,150}")
KEY = re.compile(r"[A-Za-z0-9._:/-]{1,64}")
# The parameter for all settings without one of their own.
OVERRIDES = "overrides"


@dataclass(frozen=True)
class EarlierRun:
    """A run of the same pipeline."""

    id: str
    name: str
    state: str
    created: datetime

    @property
    def active(self) -> bool:
        """Whether it has not ended."""
        return self.state not in FINAL


def run_name(pipeline: str, reason: str, key: str) -> str:
    """The name of a run, which ends with its key.

    >>> run_name("census", "new rows", "span-7")
    'census retrain: new rows [span-7]'
    """
    return f"{pipeline} retrain: {reason}{key_suffix(key)}"


def key_suffix(key: str) -> str:
    """The end of the name of a run with a key."""
    return f" [{key}]" if key else ""


def check_options(options: Any) -> None:
    """Check that reason and key can be part of a name.

    Raises:
        InputError: one of them cannot.
    """
    if not REASON.fullmatch(options.reason):
        raise InputError("--reason", "cannot be part of a name", expected="one line of 1 to 150 characters",
                         received=repr(options.reason[:160]))  # fmt: skip
    if options.key and not KEY.fullmatch(options.key):
        raise InputError("--key", "cannot be part of a name", received=repr(options.key),
                         expected="1 to 64 letters, digits or . _ : / -")  # fmt: skip


def retrain(connection: Connection, options: Any) -> int:
    """Start a run of a version, unless an earlier run rules it out.

    Raises:
        InputError: no such version, or a setting that the config or the version does not have.
    """
    overrides = tuple(options.set)
    # Check the keys here; the version may be older, so the pod checks them again.
    pipeline = load_config(options.config, overrides, env="kubeflow").name
    pipeline_id = known_pipeline(connection, pipeline)
    chosen = version_of(connection, pipeline_id, options.version)
    parameters = run_parameters(overrides, parameters_of(chosen.pipeline_spec or {}))
    # With --if-idle runs with other keys count too.
    runs = earlier_runs(connection, pipeline_id, "" if options.if_idle else options.key)
    earlier = blocking_run(runs, options)
    if earlier is not None:
        return report_earlier(connection, earlier, options)
    version = Version(pipeline_id, chosen.pipeline_version_id, name_of(chosen))
    experiment = ensure_experiment(connection, options.experiment or pipeline)
    name = run_name(pipeline, options.reason, options.key)
    run = start_run(connection, name, version, experiment, parameters, options.service_account)
    first = first_with_key(earlier_runs(connection, pipeline_id, options.key), options.key)
    if first is not None and first.id != run:
        # Two triggers at the same time: both see both runs and keep the first.
        connection.call(f"stopping run {run}", connection.client.terminate_run, run)
        return report_earlier(connection, first, options)
    facts = {"run": run, "url": connection.run_url(run), "name": name, "started": True, "experiment": experiment.name,
             "pipeline": pipeline, "version": version.name, "parameters": parameters}  # fmt: skip
    return report_started(connection, facts, options)


def version_of(connection: Connection, pipeline_id: str, name: str) -> Any:
    """The version with a name, or the latest if it is empty.

    Raises:
        InputError: there is none.
    """
    names: list[str] = []
    for version in versions_of(connection, pipeline_id):
        if name in ("", name_of(version)):
            return version
        names.append(name_of(version))
    raise InputError(
        f"--version {name}" if name else "retrain", "no such version",
        expected=f"one of {', '.join(names[:10])}" if names else "", next_step="Upload one with submit.",
    )  # fmt: skip


def run_parameters(overrides: Sequence[str], version_parameters: Mapping[str, str]) -> dict[str, Any]:
    """The parameters of a run: one per key that the version has a parameter for, all others together as JSON.

    >>> run_parameters(["training.epochs=3", "data.path=/x"], {"training_epochs": "NUMBER_INTEGER", "overrides": ""})
    {'training_epochs': 3, 'overrides': '{"data": {"path": "/x"}}'}

    Raises:
        InputError: the version has neither a parameter for a key nor the one for all others.
    """
    parameters: dict[str, Any] = {}
    others: dict[str, Any] = {}
    for text in overrides:
        key, nested = text.partition("=")[0], parse_override(text)
        name = parameter_name(key)
        if name in version_parameters and name != OVERRIDES:
            parameters[name] = value_at(nested, key)
        else:
            others = merge(others, nested)
    if others and OVERRIDES not in version_parameters:
        raise InputError(
            "--set", "the uploaded version has no such parameter", received=", ".join(others),
            expected=", ".join(sorted(version_parameters)) or "nothing", next_step="Upload a new version with submit.",
        )  # fmt: skip
    return {**parameters, **({OVERRIDES: json.dumps(others, default=str)} if others else {})}


def value_at(nested: Any, key: str) -> Any:
    """The value of a dotted key in nested mappings."""
    for part in key.split("."):
        nested = nested[part]
    return nested


def earlier_runs(connection: Connection, pipeline_id: str, key: str) -> list[EarlierRun]:
    """The runs of a pipeline, latest first; with a key only its runs."""
    only = filter_by("display_name", key_suffix(key), "IS_SUBSTRING") if key else None
    found = connection.items("runs", connection.client.list_runs, "runs", sort_by="created_at desc", filter=only,
                             namespace=connection.namespace)  # fmt: skip
    matching = (run for run in found if getattr(run.pipeline_version_reference, "pipeline_id", None) == pipeline_id)
    return [EarlierRun(run.run_id, run.display_name or "", run.state or "", run.created_at) for run in matching]


def blocking_run(runs: Sequence[EarlierRun], options: Any) -> EarlierRun | None:
    """The run that rules out a new one: that of the key, or with ``--if-idle`` any active run."""
    first = first_with_key(runs, options.key)
    if first is not None or not options.if_idle:
        return first
    return next((run for run in runs if run.active), None)


def first_with_key(runs: Sequence[EarlierRun], key: str) -> EarlierRun | None:
    """The first run with a key that has not failed."""
    with_key = (run for run in runs if key and run.name.endswith(key_suffix(key)))
    valid = (run for run in with_key if run.active or run.state == "SUCCEEDED")
    return min(valid, key=lambda run: (run.created, run.id), default=None)


def report_earlier(connection: Connection, run: EarlierRun, options: Any) -> int:
    """Print the run that rules out a new one; with ``--wait``, wait for it."""
    print(f"no run started: there is already '{run.name}', {run.state or 'PENDING'}", file=sys.stderr)
    facts = {"run": run.id, "url": connection.run_url(run.id), "name": run.name, "started": False}
    return report_started(connection, facts, options)
