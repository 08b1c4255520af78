"""The core: predictions and a plan to the metrics of every slice."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from tensorflow_model_analysis.metrics import metric_types

from components.batch_evaluator.jackknife import Estimate, bucket_of_row, empty_samples, estimate
from components.batch_evaluator.metrics import FORMULAS, Rows, make_rows
from components.batch_evaluator.plan import Plan
from components.batch_evaluator.predictions import Columns
from components.batch_evaluator.slices import SliceKey, rows_by_slice
from pipeline.errors import DataError, MainlineError

NOT_FINITE = "Look for what the model divides by, or for a learning rate that is too high."
OUTSIDE = "End the model with a sigmoid, or name the output of it that is a probability."
Samples = NDArray[np.float64]
Values = Mapping[metric_types.MetricKey, float | Estimate]


def evaluate(predictions: Columns, plan: Plan) -> Iterator[tuple[SliceKey, Values, int]]:
    """The metrics of every slice that has rows, one slice in memory at a time.

    Yields the slice, its metrics, and how many of its jackknife samples are empty, in which case it has no intervals.

    Raises:
        DataError: a label is neither 0 nor 1.
        MainlineError: a score is not in [0, 1].
    """
    bucket = bucket_of_row(predictions.num_rows, plan.buckets)
    label = labels(predictions, plan.label)
    rows = {
        model.name: make_rows(label, scores(predictions, model.column), plan.metrics.values(), bucket, plan.buckets)
        for model in plan.models
    }
    for key, index in rows_by_slice(predictions, plan.config.slicing_specs):
        values = slice_values({name: every.take(index) for name, every in rows.items()}, plan)
        empty = empty_samples(bucket[index]) if plan.buckets else 0
        yield key, with_intervals(values, plan, empty), empty


def labels(predictions: Columns, name: str) -> NDArray[np.generic]:
    """The labels, shape (rows,)."""
    column = predictions[name]
    values = column.to_numpy() if column.null_count == 0 and not pa.types.is_string(column.type) else None
    if values is None or not np.isin(values, (0, 1)).all():
        raise DataError(name, "a label that is neither 0 nor 1", next_step="Correct the examples, or the label_key.")
    return np.asarray(values)


def scores(predictions: Columns, column: str) -> NDArray[np.generic]:
    """The scores, shape (rows,).

    Raises:
        MainlineError: one is no probability; the first row that has such a score is named, counted from 1.
    """
    values = predictions[column].to_numpy()
    check_all(values, np.isfinite(values), f"predictions, {column}", "a score that is not finite", NOT_FINITE)
    inside = (values >= 0) & (values <= 1)
    check_all(values, inside, f"predictions, {column}", "a score outside of [0, 1]", OUTSIDE)
    return np.asarray(values)


def check_all(values: NDArray[Any], good: NDArray[np.bool_], where: str, problem: str, next_step: str) -> None:
    """Refuses scores of which not all are good."""
    wrong = np.flatnonzero(~good)
    if len(wrong):
        first = wrong[0]
        raise MainlineError(
            where,
            f"{len(wrong)} of {len(values)} rows have {problem}",
            expected="a probability",
            received=f"{values[first]} in row {first + 1} of the predictions",
            next_step=next_step,
        )


def slice_values(rows: Mapping[str, Rows], plan: Plan) -> dict[metric_types.MetricKey, Samples]:
    """Each metric of a slice, (1 + buckets,), and the difference of the candidate to the baseline."""
    values = {key: FORMULAS[metric.kind](rows[key.model_name], metric) for key, metric in plan.metrics.items()}
    if len(plan.models) > 1:
        candidate, baseline = (model.name for model in plan.models)
        for key in [key for key in values if key.model_name == candidate]:
            reference = values.get(key.make_baseline_key(baseline))
            if reference is not None:
                values[key.make_diff_key()] = values[key] - reference
    return values


def with_intervals(values: Mapping[metric_types.MetricKey, Samples], plan: Plan, empty: int) -> Values:
    """The values of all rows, with their standard errors where these can be told: every sample must have a value."""
    alone = not plan.buckets or empty > 0
    return {
        key: float(samples[0])
        if alone or key in plan.no_interval or not np.isfinite(samples).all()
        else estimate(samples)
        for key, samples in values.items()
    }
