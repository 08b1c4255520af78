"""The test rows of runs: whether they are the same, and the metrics of a run on them by the influence of units."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from components.evaluation.columns import BASELINE_SCORE, SCORE, Columns, scores
from components.evaluation.influence import Linearized
from components.evaluation.metrics import Metric, groups_of, make_rows
from components.evaluation.predictions import Predictions
from components.evaluation.ranked.within_groups import RANKED
from components.evaluation.tasks.registry import FORMULAS, METRICS, evaluation_of
from components.evaluation.units import Units, units_of
from components.slice_report.analysis.by_slice.slices import rows_of_slices
from components.slice_report.analysis.comparisons import linearized
from components.slice_report.compare.runs import Run
from pipeline.criteria import SliceKey
from pipeline.errors import MainlineError

# A metric by slice and name, with one influence for each unit.
Measures = Mapping[tuple[SliceKey, str], Linearized]


@dataclass(frozen=True)
class ReferenceRows:
    """The test rows of the reference.

    Attributes:
        columns: those that tell rows apart, by name; the label is among them.
        label: (rows,) 0 or 1.
        units: the unit of each row.
        slices: the positions of the rows of each slice, ascending.
        rank_by: the columns that name the groups within which rows are ranked.
        rank_at: the number of the first rows of a group that count.
    """

    columns: Mapping[str, pa.ChunkedArray]
    label: NDArray[np.generic]
    units: Units
    slices: Mapping[SliceKey, NDArray[np.int64]]
    rank_by: tuple[str, ...]
    rank_at: int


def open_predictions(run: Run) -> Predictions | str:
    """Open the predictions of a run; a text says why there are none."""
    if not run.evaluation:
        return "its report does not name its predictions"
    try:
        return Predictions(run.evaluation)
    except (MainlineError, OSError) as error:
        problem = error.problem if isinstance(error, MainlineError) else str(error)
        return f"its predictions cannot be read: {run.evaluation}: {problem}"


def read_rows(run: Run, predictions: Columns) -> ReferenceRows:
    """Read the rows of a run: its label, the columns of its slices and units, and its ids or, without ids, all columns.

    Raises:
        MainlineError: a column is missing, or holds what it should not.
    """
    every = [name for name in predictions.column_names if name not in (SCORE, BASELINE_SCORE)]
    telling = {run.label.column, *run.cluster_by, *run.rank_by, *(name for key in run.slices for name, _ in key)}
    telling |= set(run.id_columns if set(run.id_columns) & set(every) else every)
    return ReferenceRows(
        {name: predictions[name] for name in every if name in telling},
        evaluation_of(run.label).labels(predictions),
        units_of(predictions, run.cluster_by),
        dict(rows_of_slices(run.slices, predictions)),
        run.rank_by,
        run.rank_at,
    )


def why_other_rows(reference: ReferenceRows, predictions: Columns) -> str:
    """Return why rows are not those of the reference in the same order; empty if they are."""
    expected = len(reference.label)
    if predictions.num_rows != expected:
        return f"other test rows: {predictions.num_rows:,}, the reference has {expected:,}"
    for name, column in reference.columns.items():
        if name not in predictions.column_names:
            return f"other test rows: they have no column {name}"
        first = first_difference(column, predictions[name])
        if first is not None:
            return f"other test rows: {name} differs in row {first + 1:,}"
    return ""


def first_difference(here: pa.ChunkedArray, there: pa.ChunkedArray) -> int | None:
    """Return the position of the first row in which two columns of one length differ, or None; nan equals nan.

    >>> first_difference(pa.chunked_array([["a", None], ["b"]]), pa.chunked_array([["a", None, "c"]]))
    2
    """
    if here.type != there.type:
        return 0
    left, right = (without_nan(column.combine_chunks()) for column in (here, there))
    if left.equals(right):
        return None
    return next((at for at in range(len(left)) if not left[at].equals(right[at])), None)


def without_nan(column: pa.Array) -> pa.Array:
    """Return a column in which a null stands for nan, since nan equals nothing."""
    if not pa.types.is_floating(column.type):
        return column
    return pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)


def measure(run: Run, predictions: Columns, rows: ReferenceRows, names: Iterable[str]) -> Measures:
    """Compute the metrics of a run that have a formula, on every slice of the reference's rows and in its groups.

    Raises:
        MainlineError: a score is not a probability.
    """
    metrics = {
        METRICS[kind]: Metric(kind, None, run.decision_threshold, rows.rank_by, rows.rank_at)
        for kind in FORMULAS
        if METRICS[kind] in set(names) and (rows.rank_by or kind not in RANKED)
    }
    groups = groups_of(predictions, metrics.values(), rows.units)
    every = make_rows(rows.label, scores(predictions, SCORE), metrics.values(), rows.units, groups)
    found = {}
    for key, index in rows.slices.items():
        of_slice = every.take(index)
        for name, metric in metrics.items():
            found[key, name] = by_unit(linearized(metric, of_slice), of_slice.units)
    return found


def by_unit(metric: Linearized, units: Units) -> Linearized:
    """Return a metric with one influence for each unit, instead of each row."""
    if not np.isfinite(metric.value):
        return Linearized(metric.value, lambda: np.full(units.count, np.nan))
    totals = units.total(metric.influence())
    return Linearized(metric.value, lambda: totals, tuple(with_a_row(units, group) for group in metric.groups))


def with_a_row(units: Units, rows: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which units have one of these rows, (units,)."""
    return rows if units.code is None else np.bincount(units.code[rows], minlength=units.count) > 0
