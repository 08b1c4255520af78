"""Compares runs: reads them, groups them by setting, and measures each group against the reference."""

from collections.abc import Sequence

from components.evaluation.influence import Linearized
from components.evaluation.tasks.registry import METRICS
from components.slice_report.compare.cells import Cells, OnRows, Place, make_line, on_rows_of
from components.slice_report.compare.differences import added, divided
from components.slice_report.compare.facts import SCHEMA_VERSION, Comparison, LeftOut
from components.slice_report.compare.lines import Group, differing, group, names
from components.slice_report.compare.rows import (
    Measures,
    ReferenceRows,
    measure,
    open_predictions,
    read_rows,
    why_other_rows,
)
from components.slice_report.compare.runs import Run
from pipeline.criteria import SliceKey
from pipeline.errors import MainlineError

# The number of rows, which is no measure of a model.
COUNT = "example_count"


def make_comparison(runs: Sequence[Run], reference: Run, left_out: Sequence[LeftOut]) -> Comparison:
    """Compare at least two runs of one workload; the reference is one of them."""
    groups = group(runs)
    at = next(number for number, members in enumerate(groups) if reference in members.runs)
    metrics = metric_names(groups[at])
    on_rows = measure_groups(groups, at, metrics)
    cells = Cells(groups, at, metrics, slice_keys(groups, at), on_rows)
    settings = differing(groups)
    named = names(groups, settings)
    return Comparison(
        schema_version=SCHEMA_VERSION,
        workload=reference.workload,
        label=reference.label.column,
        primary_metric=reference.primary_metric,
        metrics=metrics,
        reference=at,
        settings=settings,
        lines=tuple(make_line(cells, number, name) for number, name in enumerate(named)),
        left_out=tuple(left_out),
        notes=notes(groups),
    )


def metric_names(reference: Group) -> tuple[str, ...]:
    """Return the metrics of the reference, the primary one first, then in the order of ``METRICS``."""
    known = {name for measured in reference.first.slices.values() for name in measured.metrics} - {COUNT}
    order = [reference.first.primary_metric, *METRICS.values(), *sorted(known)]
    return tuple(name for name in dict.fromkeys(order) if name in known)


def slice_keys(groups: Sequence[Group], reference: int) -> tuple[SliceKey, ...]:
    """Return the slices of all groups, those of the reference first, all rows before the others."""
    ordered = [groups[reference], *groups]
    return tuple(sorted(dict.fromkeys(key for members in ordered for key in members.first.slices), key=bool))


def measure_groups(groups: Sequence[Group], reference: int, metrics: Sequence[str]) -> list[OnRows]:
    """Measure each group on the rows of the reference, one run in memory at a time beside the means of two groups."""
    rows = reference_rows(groups[reference].first)
    if isinstance(rows, str):
        # Of the first run rows are unknown, and with them whether those of others are the same.
        return [OnRows({}, {}, {run.digest: rows for run in members.runs}) for members in groups]
    of_reference, why_not = measure_group(groups[reference], rows, metrics)
    found = []
    for at, members in enumerate(groups):
        measures, reasons = (of_reference, why_not) if at == reference else measure_group(members, rows, metrics)
        pair = (members, groups[reference])
        found.append(OnRows({}, {}, reasons) if reasons else on_rows_of(pair, measures, of_reference))
    return found


def reference_rows(run: Run) -> ReferenceRows | str:
    """Read the rows of the reference; a text says why that is not possible."""
    predictions = open_predictions(run)
    if isinstance(predictions, str):
        return f"the reference: {predictions}"
    try:
        return read_rows(run, predictions)
    except MainlineError as error:
        return f"the reference: {error.where}: {error.problem}"


def measure_group(members: Group, rows: ReferenceRows, metrics: Sequence[str]) -> tuple[Measures, dict[str, str]]:
    """Return the means of a group's metrics, if all of its runs have the rows of the reference, or else why not."""
    total: dict[Place, Linearized] = {}
    why_not: dict[str, str] = {}
    for run in members.runs:
        measured = measure_run(run, rows, metrics)
        if isinstance(measured, str):
            why_not[run.digest] = measured
        else:
            total = {place: added(total[place], one) if total else one for place, one in measured.items()}
    if why_not:
        return {}, why_not
    return {place: divided(one, len(members.runs)) for place, one in total.items()}, {}


def measure_run(run: Run, rows: ReferenceRows, metrics: Sequence[str]) -> Measures | str:
    """Measure a run; a text says why its rows are not those of the reference, or cannot be measured."""
    predictions = open_predictions(run)
    if isinstance(predictions, str):
        return predictions
    other = why_other_rows(rows, predictions)
    if other:
        return other
    try:
        return measure(run, predictions, rows, metrics)
    except MainlineError as error:
        return f"{error.where}: {error.problem}"


def notes(groups: Sequence[Group]) -> tuple[str, ...]:
    """Return what a reader must know of how the numbers were made."""
    found = []
    if len({run.areas for members in groups for run in members.runs}) > 1:
        found.append(
            "Some evaluations have exact areas under curves, others areas over TFMA's fixed thresholds. Their values "
            "differ by that; paired differences are of exact areas, and unpaired ones are not given."
        )
    if len({(run.rank_by, run.rank_at) for members in groups for run in members.runs}) > 1:
        found.append(
            "The runs rank rows within different groups, or count other numbers of first rows. Paired differences of "
            "GroupAUC, GroupNDCG, GroupMAP and GroupHitRate are as the reference has them, and unpaired ones are not "
            "given."
        )
    if len({run.decision_threshold for members in groups for run in members.runs}) > 1:
        found.append(
            "The runs have different decision thresholds; accuracy, precision and recall are at each run's own."
        )
    return tuple(found)
