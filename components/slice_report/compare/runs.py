"""What a comparison needs to know of a run, read from its report."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from components.artifacts.report_files import digest, read_bytes
from components.evaluation.verdict import Measurement
from components.slice_report.compare.facts import LeftOut
from components.slice_report.compare.find import Found
from components.slice_report.facts import Lineage, Pairs, Report, Slice
from components.slice_report.facts.encoding import from_json
from pipeline.criteria import SliceKey
from pipeline.errors import MainlineError
from pipeline.label import Label
from pipeline.nodes import EVALUATOR

# Their values are luck: runs that differ in them alone have the same setting. A seed of the split changes the rows.
SEEDS = ("training.seed", "tuning.seed")
Settings = Mapping[tuple[str, str], str]


@dataclass(frozen=True)
class Measured:
    """The metrics of a slice, as Evaluator measured them."""

    rows: int
    too_small: str
    metrics: Mapping[str, Measurement]


@dataclass(frozen=True)
class Run:
    """A run that was evaluated.

    Attributes:
        settings: by kind (config, code, data, library) and name, without seeds.
        areas: how Evaluator computed areas under curves, ``exact`` or ``stock``.
        evaluation: the folder of the evaluation, with its predictions; empty if the report does not name it.
        id_columns: the columns whose values are those of one thing, such as a user; they tell rows apart.
        cluster_by: the columns that name the units of rows, for intervals.
        rank_by: the columns that name the groups within which rows are ranked.
        rank_at: the number of the first rows of a group that count; 0 if rows are not ranked within groups.
    """

    found: Found
    pipeline: str
    run: str
    workload: str
    label: Label
    digest: str
    primary_metric: str
    decision_threshold: float
    areas: str
    blessed: bool | None
    seeds: Pairs
    settings: Settings
    slices: Mapping[SliceKey, Measured]
    evaluation: str
    id_columns: tuple[str, ...]
    cluster_by: tuple[str, ...]
    rank_by: tuple[str, ...]
    rank_at: int


def read_all(found: Sequence[Found]) -> tuple[list[Run], list[LeftOut]]:
    """Read runs, each report once; those that cannot be compared are left out, with the reason."""
    runs: dict[str, Run] = {}
    left_out = []
    for each in found:
        try:
            run = read_run(each)
        except (MainlineError, OSError) as error:
            run = f"its report cannot be read: {error}"
        if isinstance(run, str):
            left_out.append(LeftOut(each.given, run))
        elif run.digest not in runs:
            runs[run.digest] = run
        elif run.found.report != runs[run.digest].found.report:
            # A run that was answered from the cache has a copy of the report of an earlier one: one model, not two.
            left_out.append(LeftOut(each.given, f"it has the model and the report of run {runs[run.digest].run}"))
    return list(runs.values()), left_out


def of_one_workload(runs: Sequence[Run]) -> tuple[list[Run], list[LeftOut]]:
    """Keep the runs with workload and label of the first; the others measure something else."""
    kept, others = [], []
    for run in runs:
        if (run.workload, run.label) == (runs[0].workload, runs[0].label):
            kept.append(run)
        else:
            why = f"it predicts {target_of(run)}, the reference {target_of(runs[0])}"
            others.append(LeftOut(run.found.given, why))
    return kept, others


def target_of(run: Run) -> str:
    """Return what a run predicts, in words."""
    return f"{run.label.column}{f' = {run.label.positive}' if run.label.positive else ''} of {run.workload}"


def read_run(found: Found) -> Run | str:
    """Read the report of a run; a text says why the run cannot be compared.

    Raises:
        OSError: the report cannot be read.
        DataError: the report is damaged.
    """
    if "://" not in found.report and not Path(found.report).is_file():
        return found.no_report()
    content = read_bytes(found.report)
    report = from_json(content, found.report)
    if not report.slices:
        why = report.missing[0].why if report.missing else "it ended before Evaluator"
        return f"it was not evaluated: {why}"
    return as_run(found, report, digest(content))


def as_run(found: Found, report: Report, report_digest: str) -> Run:
    """Convert the report of a run that was evaluated."""
    config = dict(report.lineage.config) if report.lineage else {}
    return Run(
        found=found,
        pipeline=report.run.pipeline,
        run=found.run or report.run.run,
        workload=report.run.workload,
        label=report.run.target,
        digest=report_digest,
        primary_metric=report.primary_metric,
        decision_threshold=report.decision_threshold,
        areas=report.areas,
        blessed=report.verdict.blessed if report.verdict else None,
        seeds=tuple((key, config[key]) for key in SEEDS if key in config),
        settings=settings_of(report.lineage),
        slices={item.features: as_measured(item) for item in report.slices},
        evaluation=evaluation_folder(report.lineage, found.root),
        id_columns=columns_in(config.get("report.id_columns", "")),
        cluster_by=report.cluster_by,
        rank_by=report.ranked.by if report.ranked else (),
        rank_at=report.ranked.top if report.ranked else 0,
    )


def as_measured(item: Slice) -> Measured:
    """Convert a slice of a report."""
    return Measured(item.rows, item.too_small, item.metrics)


def settings_of(lineage: Lineage | None) -> Settings:
    """Return everything that made the model, apart from seeds."""
    if lineage is None:
        return {}
    kinds = {"config": lineage.config, "code": lineage.sources, "data": lineage.data, "library": lineage.versions}
    found: dict[tuple[str, str], str] = {}
    for kind, pairs in kinds.items():
        for name, value in pairs:
            if kind != "config" or name not in SEEDS:
                # Several artifacts may have a property of one name, such as a fingerprint.
                known = found.get((kind, name))
                found[kind, name] = value if known is None else f"{known}, {value}"
    return found


def evaluation_folder(lineage: Lineage | None, root: str) -> str:
    """Return the folder of the evaluation, also of a pipeline whose folder was moved; empty if it is unknown."""
    artifacts = lineage.artifacts if lineage else ()
    uri = next((fact.uri for fact in artifacts if fact.producer == EVALUATOR and fact.output == "evaluation"), "")
    _, inside, rest = uri.partition(f"/artifacts/{EVALUATOR}/")
    moved = Path(root) / "artifacts" / EVALUATOR / rest
    return str(moved) if root and inside and moved.is_dir() else uri


def columns_in(text: str) -> tuple[str, ...]:
    """Return the columns in a list of a config; none where it is not set.

    >>> columns_in('["user_id", "item_id"]'), columns_in("null"), columns_in("")
    (('user_id', 'item_id'), (), ())
    """
    return tuple(json.loads(text or "null") or ())
