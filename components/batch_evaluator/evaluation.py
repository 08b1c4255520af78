"""Computes the metrics of every slice from predictions and a plan."""

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from components.batch_evaluator.plan import Plan
from components.compat.tfma import MetricKey
from components.evaluation.columns import Columns, labels, scores
from components.evaluation.jackknife import Estimate, bucket_of_row, empty_samples, estimate
from components.evaluation.metrics import FORMULAS, Rows, make_rows
from components.evaluation.slices import SliceKey, rows_by_slice

Samples = NDArray[np.float64]
Values = Mapping[MetricKey, float | Estimate]


def evaluate(predictions: Columns, plan: Plan) -> Iterator[tuple[SliceKey, Values, int]]:
    """Compute the metrics of every slice that has rows, with one slice in memory at a time.

    Yields:
        The slice, its metrics, and the number of its empty jackknife samples; if there are any, it has no intervals.

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


def slice_values(rows: Mapping[str, Rows], plan: Plan) -> dict[MetricKey, Samples]:
    """Return each metric of a slice, (1 + buckets,), and the differences between candidate and baseline."""
    values = {key: FORMULAS[metric.kind](rows[key.model_name], metric) for key, metric in plan.metrics.items()}
    if len(plan.models) > 1:
        candidate, baseline = (model.name for model in plan.models)
        for key in [key for key in values if key.model_name == candidate]:
            reference = values.get(key.make_baseline_key(baseline))
            if reference is not None:
                values[key.make_diff_key()] = values[key] - reference
    return values


def with_intervals(values: Mapping[MetricKey, Samples], plan: Plan, empty: int) -> Values:
    """Return the values over all rows, with standard errors if every jackknife sample has a value."""
    alone = not plan.buckets or empty > 0
    return {
        key: float(samples[0])
        if alone or key in plan.no_interval or not np.isfinite(samples).all()
        else estimate(samples)
        for key, samples in values.items()
    }
