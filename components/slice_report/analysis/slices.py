"""The slices of a report: TFMA's numbers, with what a reader needs to judge them."""

import math
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray
from tensorflow_model_analysis.proto import config_pb2

from components.evaluation.columns import SCORE, Columns
from components.evaluation.results import Evaluation
from components.evaluation.slice_values import value_text
from components.evaluation.slices import rows_by_slice
from components.evaluation.verdict import Measurement
from components.slice_report.analysis.scores import count_scores, too_small
from components.slice_report.facts import ScoreCounts, Slice
from pipeline.criteria import SliceKey

Rows = NDArray[np.int64]


def make_slices(evaluation: Evaluation, predictions: Columns, label: str) -> tuple[Slice, ...]:
    """Return every slice that TFMA measured, all rows first; ``predictions`` has the columns of the slices."""
    labels, scores = predictions[label].to_numpy(), predictions[SCORE].to_numpy()
    counted = {key: count_scores(labels[rows], scores[rows]) for key, rows in slice_rows(evaluation, predictions)}
    total = evaluation.candidate[()]["example_count"].value
    keys = sorted(evaluation.candidate, key=lambda key: (len(key), key))
    return tuple(make_slice(evaluation, key, total, counted.get(key)) for key in keys)


def slice_rows(evaluation: Evaluation, predictions: Columns) -> Iterator[tuple[SliceKey, Rows]]:
    features = sorted({tuple(name for name, _ in key) for key in evaluation.candidate})
    specs = [config_pb2.SlicingSpec(feature_keys=names) for names in features]
    for key, rows in rows_by_slice(predictions, specs):
        yield tuple(sorted((name, value_text(value)) for name, value in key)), rows


def make_slice(evaluation: Evaluation, key: SliceKey, total: float, scores: ScoreCounts | None) -> Slice:
    metrics = evaluation.candidate[key]
    rows = int(metrics["example_count"].value)
    return Slice(
        features=key,
        rows=rows,
        share=rows / total if total else math.nan,
        metrics=metrics,
        to_baseline=evaluation.differences.get(key, {}),
        excludes_overall=excluding(metrics, evaluation.candidate[()]) if key else (),
        too_small=too_small(sum(scores.positives), sum(scores.negatives)) if scores else "no predictions to count",
        missing_intervals=evaluation.errors.get(key, ""),
        scores=scores,
    )


def excluding(metrics: Mapping[str, Measurement], overall: Mapping[str, Measurement]) -> tuple[str, ...]:
    """Return the metrics whose interval excludes the value of all rows."""
    return tuple(
        name
        for name, measured in metrics.items()
        if measured.interval and name in overall and outside(overall[name].value, measured.interval)
    )


def outside(value: float, interval: tuple[float, float]) -> bool:
    """Return True if a value lies outside an interval; nan does not.

    >>> outside(0.5, (0.6, 0.8)), outside(0.7, (0.6, 0.8)), outside(float("nan"), (0.6, 0.8))
    (True, False, False)
    """
    return value < interval[0] or value > interval[1]
