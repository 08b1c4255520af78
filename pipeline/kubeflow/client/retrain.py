"""``retrain``: a run of a version that is on the server, for whatever trigger. Nothing is compiled, so it is quick.

A trigger that may fire twice gives a key: the run of a key is started once, and again only if it failed.
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
from pipeline.kubeflow.client.submit import end, start_run
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
# The parameter of every package that takes what has no parameter of its own.
OVERRIDES = "overrides"


@dataclass(frozen=True)
class Started:
    """A run of this pipeline that was started before."""

    id: str
    name: str
    state: str
    created: datetime

    @property
    def active(self) -> bool:
        """Whether it is still at work."""
        return self.state not in FINAL


def run_name(pipeline: str, reason: str, key: str) -> str:
    """What a run is called; its key is found again there.

    >>> run_name("census", "new rows", "span-7")
    'census retrain: new rows [span-7]'
    """
    return f"{pipeline} retrain: {reason}{mark(key)}"


def mark(key: str) -> str:
    """How a name ends that has a key."""
    return f" [{key}]" if key else ""


def check(options: Any) -> None:
    """Whether reason and key can be part of a name.

    Raises:
        InputError: they cannot.
    """
    if not REASON.fullmatch(options.reason):
        raise InputError("--reason", "cannot be part of a name", expected="one line of 1 to 150 characters",
                         received=repr(options.reason[:160]))  # fmt: skip
    if options.key and not KEY.fullmatch(options.key):
        raise InputError("--key", "cannot be part of a name", received=repr(options.key),
                         expected="1 to 64 letters, digits or . _ : / -")  # fmt: skip


def retrain(connection: Connection, options: Any) -> int:
    """Starts a run of a version, unless there is one already.

    Raises:
        InputError: no version was ever uploaded; a key that the config does not know, or the version cannot take.
    """
    overrides = tuple(options.set)
    # The config of this folder says what keys there are; the version may be older, so that the pod checks again.
    pipeline = load_config(options.config, overrides, env="kubeflow").name
    pipeline_id = known_pipeline(connection, pipeline)
    chosen = version_of(connection, pipeline_id, options.version)
    parameters = run_parameters(overrides, parameters_of(chosen.pipeline_spec or {}))
    # A run under another key is in the way, too, of one that is to run alone.
    found = in_the_way(started(connection, pipeline_id, "" if options.if_idle else options.key), options)
    if found is not None:
        return leave(connection, found, options)
    version = Version(pipeline_id, chosen.pipeline_version_id, name_of(chosen))
    experiment = ensure_experiment(connection, options.experiment or pipeline)
    name = run_name(pipeline, options.reason, options.key)
    run = start_run(connection, name, version, experiment, parameters, options.service_account)
    first = first_of(started(connection, pipeline_id, options.key), options.key)
    if first is not None and first.id != run:
        # Two triggers of one key at the same moment: both see both, and the one that came first stays.
        connection.call(f"stopping run {run}", connection.client.terminate_run, run)
        return leave(connection, first, options)
    facts = {"run": run, "url": connection.run_url(run), "name": name, "started": True, "experiment": experiment.name,
             "pipeline": pipeline, "version": version.name, "parameters": parameters}  # fmt: skip
    return end(connection, facts, options)


def version_of(connection: Connection, pipeline_id: str, name: str) -> Any:
    """The version of a name, or the latest.

    Raises:
        InputError: there is none.
    """
    names: list[str] = []
    for version in versions_of(connection, pipeline_id):
        if name in ("", name_of(version)):
            return version
        names.append(name_of(version))
    raise InputError(
        f"--version {name}" if name else "retrain", "the pipeline has no such version",
        expected=f"one of {', '.join(names[:10])}" if names else "", next_step="Upload one with: submit.",
    )  # fmt: skip


def run_parameters(overrides: Sequence[str], takes: Mapping[str, str]) -> dict[str, Any]:
    """The parameters of a run: one for each key that the version has one for, the others together as JSON.

    >>> run_parameters(["training.epochs=3", "data.path=/x"], {"training_epochs": "NUMBER_INTEGER", "overrides": ""})
    {'training_epochs': 3, 'overrides': '{"data": {"path": "/x"}}'}

    Raises:
        InputError: a key for which the version has no parameter, and none for such keys.
    """
    parameters: dict[str, Any] = {}
    others: dict[str, Any] = {}
    for text in overrides:
        key, nested = text.partition("=")[0], parse_override(text)
        name = parameter_name(key)
        if name in takes and name != OVERRIDES:
            parameters[name] = value_at(nested, key)
        else:
            others = merge(others, nested)
    if others and OVERRIDES not in takes:
        raise InputError(
            "--set", "the uploaded version cannot take this", received=", ".join(others),
            expected=", ".join(sorted(takes)) or "nothing", next_step="Upload a new version with: submit.",
        )  # fmt: skip
    return {**parameters, **({OVERRIDES: json.dumps(others, default=str)} if others else {})}


def value_at(nested: Any, key: str) -> Any:
    """What an override sets its key to."""
    for part in key.split("."):
        nested = nested[part]
    return nested


def started(connection: Connection, pipeline_id: str, key: str) -> list[Started]:
    """The runs of a pipeline, only those with the key if there is one; the latest first."""
    only = filter_by("display_name", mark(key), "IS_SUBSTRING") if key else None
    found = connection.items("runs", connection.client.list_runs, "runs", sort_by="created_at desc", filter=only,
                           namespace=connection.namespace)  # fmt: skip
    mine = (run for run in found if getattr(run.pipeline_version_reference, "pipeline_id", None) == pipeline_id)
    return [Started(run.run_id, run.display_name or "", run.state or "", run.created_at) for run in mine]


def in_the_way(runs: Sequence[Started], options: Any) -> Started | None:
    """The run because of which none is started: that of the key, or with ``--if-idle`` any that is at work."""
    same = first_of(runs, options.key)
    if same is not None or not options.if_idle:
        return same
    return next((run for run in runs if run.active), None)


def first_of(runs: Sequence[Started], key: str) -> Started | None:
    """The run that was started first for a key and has not failed."""
    same = [run for run in runs if key and run.name.endswith(mark(key)) and (run.active or run.state == "SUCCEEDED")]
    return min(same, key=lambda run: (run.created, run.id), default=None)


def leave(connection: Connection, run: Started, options: Any) -> int:
    """Says which run is there already; with ``--wait`` it is waited for."""
    print(f"nothing is started: '{run.name}' is there, {run.state or 'PENDING'}", file=sys.stderr)
    facts = {"run": run.id, "url": connection.run_url(run.id), "name": run.name, "started": False}
    return end(connection, facts, options)
