"""Compares the model with the last blessed one, and with always predicting the base rate."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.evaluation.columns import SCORE, Columns, labels, scores
from components.evaluation.intervals import interval
from components.evaluation.jackknife import BUCKETS, bucket_of_row
from components.evaluation.metrics import AREAS, FORMULAS, Metric, Rows, make_rows
from components.evaluation.results import Evaluation
from components.evaluation.verdict import BETTER, METRICS, Measurement
from components.slice_report.facts import Comparison

Samples = NDArray[np.float64]


@dataclass(frozen=True)
class Pair:
    """Rows with the scores of the model, and with the base rate as score."""

    model: Rows
    trivial: Rows


def compare(
    rows: Columns, label: str, base_rate: float, evaluation: Evaluation, *, decision_threshold: float = 0.5
) -> tuple[Comparison, ...]:
    """Return a comparison for each metric of ``BETTER`` that the evaluation has for all rows.

    The values of model and baseline, and their difference, are TFMA's. The difference to the base rate is paired: both
    metrics are computed without each of the evaluator's 20 buckets of rows, and TFMA's formula gives the interval of
    the 20 differences.

    Args:
        rows: the predictions, with the columns ``label`` and ``score``, in the order of the evaluator.
        label: 0 or 1.
        base_rate: the share of positives in the training rows; if nan, there is no comparison with it.
        evaluation: of these rows.
        decision_threshold: a score above it is predicted positive.

    Raises:
        DataError: a label is neither 0 nor 1.
        MainlineError: a score is not finite.
    """
    found = [
        Metric(kind, evaluation.thresholds.get(METRICS[kind]), decision_threshold)
        for kind in BETTER
        if METRICS[kind] in evaluation.candidate.get((), {})
    ]
    pair = None if math.isnan(base_rate) else make_pair(rows, label, base_rate, found)
    return tuple(compare_metric(metric, evaluation, pair) for metric in found)


def make_pair(rows: Columns, label: str, base_rate: float, metrics: Sequence[Metric]) -> Pair:
    """Return the rows for both models, in the evaluator's buckets."""
    label_of_row, score_of_row = labels(rows, label), scores(rows, SCORE)
    bucket = bucket_of_row(rows.num_rows, BUCKETS)
    constant = np.full(rows.num_rows, base_rate, np.float64)
    model, trivial = (make_rows(label_of_row, score, metrics, bucket, BUCKETS) for score in (score_of_row, constant))
    return Pair(model, trivial)


def compare_metric(metric: Metric, evaluation: Evaluation, pair: Pair | None) -> Comparison:
    """Compare one metric of the evaluation."""
    name = METRICS[metric.kind]
    candidate = evaluation.candidate[()][name]
    trivial = to_trivial = None
    if pair is not None:
        trivial, to_trivial = against_trivial(metric, candidate, pair)
    return Comparison(
        metric=metric.kind,
        better=BETTER[metric.kind],
        candidate=candidate,
        baseline=evaluation.baseline.get((), {}).get(name),
        trivial=trivial,
        to_baseline=evaluation.differences.get((), {}).get(name),
        to_trivial=to_trivial,
    )


def against_trivial(metric: Metric, candidate: Measurement, pair: Pair) -> tuple[Measurement, Measurement]:
    """Return the metric of the base rate, and the candidate's difference to it."""
    with np.errstate(invalid="ignore"):
        of_trivial = samples(metric, pair.trivial)
        differences = samples(metric, pair.model) - of_trivial
    value = float(of_trivial[0])
    return Measurement(value, interval(of_trivial)), Measurement(candidate.value - value, interval(differences))


def samples(metric: Metric, rows: Rows) -> Samples:
    """Return a metric of all rows and without each bucket, (1 + buckets,); an area is nan where a label has no rows."""
    values = FORMULAS[metric.kind](rows, metric)
    if metric.kind not in AREAS:
        return values
    positives, count = rows.total(rows.label), rows.total(np.ones(len(rows.label)))
    return np.where((positives > 0) & (positives < count), values, np.nan)
