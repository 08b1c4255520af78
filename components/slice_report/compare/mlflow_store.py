"""Writes a comparison to an MLflow store: a run for each run, and one above the runs of a line that has several.

What is there already is found by the digests of reports, and written again, not twice. Metrics are named ``auc``,
``auc.low`` and ``auc.high`` for the interval, ``auc.min``, ``auc.max`` and ``auc.sd`` over seeds; those of a slice have
its name before them, as in ``sex: Female/auc``. A number that is not finite is left out.

MLflow cannot delete metrics, so a difference has its reference in its name: ``auc.change from R``, and for the interval
``auc.change.low from R`` and ``auc.change.high from R``, where ``R`` is the tag ``mainline.reference_id``. Tags can be
deleted, and are those of the last comparison.
"""

import hashlib
import math
import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from components.artifacts.run_order import time_in
from components.slice_report.compare.facts import Cell, Comparison, Line, RunFacts
from pipeline.errors import MainlineError

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

# MLflow's limits: of names, of values of parameters and tags, and of what one request may hold.
NAME, PARAMETER, TAG, BATCH_METRICS, BATCH = 250, 6000, 8000, 1000, 100
FORBIDDEN = re.compile(r"[^\w\-. :/]", re.ASCII)
# The tag by which a run of the store is found again.
OURS = "mainline."
IDENTITY = f"{OURS}identity"
PARENT = "mlflow.parentRunId"
Item = TypeVar("Item")


@dataclass(frozen=True)
class Entry:
    """A run of the store; ``parent`` is the identity of the one above it."""

    identity: str
    name: str
    started: str
    metrics: Mapping[str, float]
    parameters: Mapping[str, str]
    tags: Mapping[str, str]
    parent: str = ""


def check_installed() -> None:
    """Check that MLflow can be imported, before a comparison takes its time.

    Raises:
        MainlineError: it is not installed.
    """
    # MLflow reports its use to its makers unless it is told not to.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    try:
        import mlflow.tracking  # noqa: F401
    except ImportError as error:
        next_step = "Install it: pip install 'mainline[mlflow]'"
        raise MainlineError("--mlflow", "MLflow is not installed", received=str(error), next_step=next_step) from error


def write(comparison: Comparison, uri: str, experiment: str) -> None:
    """Write a comparison to an experiment of a store.

    Raises:
        MainlineError: the store refuses.
    """
    from mlflow.exceptions import MlflowException
    from mlflow.tracking import MlflowClient

    try:
        put_all(MlflowClient(uri), experiment, list(entries(comparison)))
    except MlflowException as error:
        next_step = "Give a database, such as sqlite:///mlflow.db, or the address of a server."
        received = str(error).replace(uri, shown(uri))
        raise MainlineError(shown(uri), "MLflow refused", received=received, next_step=next_step) from error


def shown(uri: str) -> str:
    """Return a URI without the user and password in it.

    >>> shown("https://ada:secret@mlflow.example:5000/x"), shown("sqlite:///mlflow.db")
    ('https://mlflow.example:5000/x', 'sqlite:///mlflow.db')
    """
    parts = urlsplit(uri)
    return uri.replace(f"{parts.netloc.rpartition('@')[0]}@", "", 1) if "@" in parts.netloc else uri


def entries(comparison: Comparison) -> Iterator[Entry]:
    """Yield what the store gets, a line before its runs."""
    reference = reference_id(comparison)
    for at, line in enumerate(comparison.lines):
        if len(line.runs) == 1:
            (run,) = line.runs
            tags = {**tags_of(comparison, at), **tags_of_run(run)}
            parameters = {**parameters_of(comparison, at), **dict(run.seeds)}
            yield Entry(identity_of(line), run.run, run.run, dict(metrics_of(line, reference)), parameters, tags)
        else:
            yield from several(comparison, at)


def several(comparison: Comparison, at: int) -> Iterator[Entry]:
    """Yield a line of several runs, then its runs."""
    line = comparison.lines[at]
    identity, metrics = identity_of(line), dict(metrics_of(line, reference_id(comparison)))
    parameters, tags = parameters_of(comparison, at), tags_of(comparison, at)
    yield Entry(identity, line.name[:NAME], line.runs[0].run, metrics, parameters, tags)
    for run in line.runs:
        own = {**parameters, **dict(run.seeds)}
        yield Entry(run.report_digest, run.run, run.run, run.overall, own, tags_of_run(run), parent=identity)


def identity_of(line: Line) -> str:
    """Return the digest of the report of a line of one run; of several, a digest of their digests in any order."""
    digests = sorted(run.report_digest for run in line.runs)
    return digests[0] if len(digests) == 1 else hashlib.sha256(" ".join(digests).encode()).hexdigest()


def reference_id(comparison: Comparison) -> str:
    """Return what tells a reference from others, whatever it is compared with: its first run, and part of a digest."""
    line = comparison.lines[comparison.reference]
    return f"{min(run.run for run in line.runs)}-{identity_of(line)[:8]}"


def parameters_of(comparison: Comparison, at: int) -> dict[str, str]:
    """Return the settings that differ."""
    return {setting.name: setting.values[at] or "not set" for setting in comparison.settings}


def tags_of(comparison: Comparison, at: int) -> dict[str, str]:
    """Return what a line is compared with, and how."""
    line = comparison.lines[at]
    overall = next((item.metrics for item in line.slices if not item.features), {})
    changes = {metric: cell.to_reference for metric, cell in overall.items() if cell.to_reference is not None}
    return {
        "mainline.workload": comparison.workload,
        "mainline.reference": comparison.lines[comparison.reference].name,
        "mainline.reference_id": reference_id(comparison),
        "mainline.runs": str(len(line.runs)),
        "mainline.clear": ", ".join(metric for metric, change in changes.items() if change.clear),
        "mainline.unpaired": ", ".join(metric for metric, change in changes.items() if change.how == "unpaired"),
    }


def tags_of_run(run: RunFacts) -> dict[str, str]:
    """Return what the store says of one run."""
    return {
        "mainline.pipeline": run.pipeline,
        "mainline.run": run.run,
        "mainline.report": run.report,
        "mainline.report_digest": run.report_digest,
        "mainline.blessed": "unknown" if run.blessed is None else str(run.blessed).lower(),
        "mainline.unpaired_because": run.unpaired_because,
    }


def metrics_of(line: Line, reference: str) -> Iterator[tuple[str, float]]:
    """Yield the metrics of a line, those of slices under the name of the slice."""
    for item in line.slices:
        prefix = f"{item.name.replace('=', ': ')}/" if item.features else ""
        for metric, cell in item.metrics.items():
            for ending, value in numbers_of(cell, reference):
                yield f"{prefix}{metric}{ending}", value


def numbers_of(cell: Cell, reference: str) -> Iterator[tuple[str, float]]:
    """Yield the numbers of a cell, with the endings of their names."""
    yield "", cell.mean
    if cell.interval is not None:
        yield from zip((".low", ".high"), cell.interval, strict=True)
    if cell.std_dev is not None:
        yield from ((".min", cell.minimum), (".max", cell.maximum), (".sd", cell.std_dev))
    if cell.to_reference is not None:
        yield f".change from {reference}", cell.to_reference.value
        if cell.to_reference.interval is not None:
            ends = f".change.low from {reference}", f".change.high from {reference}"
            yield from zip(ends, cell.to_reference.interval, strict=True)


def allowed(name: str) -> str:
    """Return a name that MLflow takes; one that had to be changed ends in a hash, so that no two become one.

    >>> allowed("sex: Female/auc"), allowed("city: Łódź/auc")
    ('sex: Female/auc', 'city: __d_/auc-96a2f1d1')
    """
    made = "/".join(part.strip(". ") or "_" for part in FORBIDDEN.sub("_", name).split("/"))
    if made == name and len(name) <= NAME:
        return name
    return f"{made[: NAME - 9]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def put_all(client: "MlflowClient", experiment: str, found: Sequence[Entry]) -> None:
    """Write runs to an experiment, which is made if it is not there."""
    known = client.get_experiment_by_name(experiment)
    experiment_id = known.experiment_id if known else client.create_experiment(experiment)
    there = runs_there(client, experiment_id)
    for entry in found:
        run_id = there.get(entry.identity) or start(client, experiment_id, entry)
        there[entry.identity] = run_id
        fill(client, run_id, entry, there.get(entry.parent, ""))


def runs_there(client: "MlflowClient", experiment_id: str) -> dict[str, str]:
    """Return the runs that an earlier comparison wrote: the id in the store by identity."""
    found: dict[str, str] = {}
    token = None
    while token != "":
        page = client.search_runs([experiment_id], f"tags.`{IDENTITY}` != ''", page_token=token)
        found |= {run.data.tags[IDENTITY]: run.info.run_id for run in page}
        token = page.token or ""
    return found


def start(client: "MlflowClient", experiment_id: str, entry: Entry) -> str:
    """Make a run in the store, which starts when ours did, and return its id."""
    began = time_in(entry.started)
    milliseconds = int(began.timestamp() * 1000) if began else None
    made = client.create_run(experiment_id, milliseconds, {IDENTITY: entry.identity}, entry.name)
    return str(made.info.run_id)


def fill(client: "MlflowClient", run_id: str, entry: Entry, parent_id: str) -> None:
    """Write the facts of a run, as many in a request as MLflow takes, and end it.

    Tags of an earlier comparison that do not hold in this one are deleted.
    """
    from mlflow.entities import Metric, Param, RunTag

    now = int(time.time() * 1000)
    named = ((allowed(name), value) for name, value in entry.metrics.items() if math.isfinite(value))
    tags = {IDENTITY: entry.identity, **entry.tags, **({PARENT: parent_id} if parent_id else {})}
    for metrics in batches((Metric(name, value, now, 0) for name, value in named), BATCH_METRICS):
        client.log_batch(run_id, metrics=metrics)
    for parameters in batches(entry.parameters.items(), BATCH):
        client.log_batch(run_id, params=[Param(allowed(name), value[:PARAMETER]) for name, value in parameters])
    for name in client.get_run(run_id).data.tags.keys() - tags.keys():
        if name == PARENT or name.startswith(OURS):
            client.delete_tag(run_id, name)
    client.log_batch(run_id, tags=[RunTag(name, value[:TAG]) for name, value in tags.items()])
    client.set_terminated(run_id)


def batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Yield items in lists of at most ``size``."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
