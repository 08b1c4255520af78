"""Metrics of binary classification from counts, for a slice and for its jackknife samples at once.

Every function returns float64 of the shape (samples,): the metric of all rows first, then without each bucket. Areas
are exact unless their metric has a number of thresholds; then they, and all other metrics, have the formulas and
roundings of TFMA: tensorflow_model_analysis/metrics/{calibration_histogram,binary_confusion_matrices,
confusion_matrix_metrics,cross_entropy_metrics,calibration}.py of version 0.47.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from components.evaluation.areas import Areas, areas, row_keys
from components.evaluation.jackknife import resampled

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

HISTOGRAM_BUCKETS = 10_000
EPSILON = 1e-7
AREAS = ("AUC", "AUCPrecisionRecall")


@dataclass(frozen=True)
class Metric:
    """A metric and its settings.

    ``thresholds`` is the number of thresholds that an area is summed over, as TFMA does, or None for the exact area.
    ``threshold`` is the decision threshold.
    """

    kind: str
    thresholds: int | None = None
    threshold: float = 0.5


@dataclass(frozen=True)
class Rows:
    """The predictions of one model; all arrays have the shape (rows,).

    Attributes:
        label: 0 or 1, of any numeric dtype.
        score: the probability of 1, as the model returned it.
        loss: float64, ``log_losses`` of the two.
        area_keys: int64, by number of thresholds: ``score_bins`` of the scores, and under None, for exact areas, the
            keys of ``areas.row_keys``.
        bucket: int64, the jackknife bucket.
        buckets: the number of buckets; 0 for no samples.
    """

    label: NDArray[np.generic]
    score: NDArray[np.generic]
    loss: Floats
    area_keys: Mapping[int | None, Ints]
    bucket: Ints
    buckets: int

    def take(self, index: Ints) -> "Rows":
        """Return the rows at these positions."""
        return Rows(
            self.label[index],
            self.score[index],
            self.loss[index],
            {thresholds: area_keys[index] for thresholds, area_keys in self.area_keys.items()},
            self.bucket[index],
            self.buckets,
        )

    @cached_property
    def areas(self) -> Areas:
        return areas(self.area_keys[None], self.buckets)

    def total(self, values: NDArray[np.generic]) -> Floats:
        """Sum ``values``, shape (rows,), over each sample: shape (samples,)."""
        sums = np.bincount(self.bucket, weights=values.astype(np.float64), minlength=max(self.buckets, 1))
        return resampled(sums, self.buckets)


def make_rows(
    label: NDArray[np.generic], score: NDArray[np.generic], metrics: Iterable[Metric], bucket: Ints, buckets: int
) -> Rows:
    """Return the rows of one model, with the keys that the metrics need."""
    area_keys = {
        count: row_keys(label, score, bucket, buckets) if count is None else score_bins(score, count)
        for count in {metric.thresholds for metric in metrics if metric.kind in AREAS}
    }
    return Rows(label, score, log_losses(label, score), area_keys, bucket, buckets)


def log_losses(label: NDArray[np.generic], score: NDArray[np.generic]) -> Floats:
    """Return the cross entropy of each row, natural logarithm, without clipping; the shape is that of the arguments.

    A score of 0 or 1 has no loss if it is right, and an infinite one if it is wrong. A row whose label is neither 0 nor
    1 has nan.

    >>> log_losses(np.array([0, 1, 1]), np.array([0.0, 1.0, 0.0])).tolist()
    [0.0, 0.0, inf]
    """
    of_zero = np.where(label == 0, 1 - score.astype(np.float64), np.nan)
    with np.errstate(divide="ignore"):
        # Subtracted, so that no loss is -0.0.
        return np.asarray(0.0 - np.log(np.where(label == 1, score, of_zero)))


def score_bins(score: NDArray[np.generic], thresholds: int) -> Ints:
    """Return the interval between thresholds in which each score lies, shape (rows,).

    TFMA first counts scores in 10,000 equal buckets and then assigns whole buckets to thresholds, so a score near a
    threshold may count for its neighbour. Here one table does both steps.
    """
    bucket = np.trunc(score.astype(np.float64) * HISTOGRAM_BUCKETS + 1)
    clipped = np.clip(bucket, 0, HISTOGRAM_BUCKETS + 1).astype(np.int64)
    return bin_of_bucket(thresholds)[clipped]


@lru_cache
def bin_of_bucket(thresholds: int) -> Ints:
    """Return for each bucket of the histogram the last threshold that does not exceed its left edge."""
    inner = [(i + 1) * 1.0 / (thresholds - 1) for i in range(thresholds - 2)]
    rebinned = np.array([0.0, *(value + EPSILON for value in inner)])
    edges = np.arange(HISTOGRAM_BUCKETS) / HISTOGRAM_BUCKETS
    inside = np.searchsorted(rebinned, edges, side="right") - 1
    return np.array([0, *inside, len(rebinned) - 1], np.int64)


def curve(rows: Rows, thresholds: int) -> tuple[Floats, Floats]:
    """Return true and false positives at the thresholds, each (samples, points), from all rows positive to none.

    Thresholds without a score between them are left out, since they add nothing to an area.
    """
    bins = rows.area_keys[thresholds]
    occupied = np.bincount(bins) > 0
    position = (np.cumsum(occupied) - 1)[bins]
    buckets, points = max(rows.buckets, 1), int(occupied.sum())
    cell = (rows.bucket * points + position) * 2 + rows.label.astype(np.int64)
    counts = np.bincount(cell, minlength=buckets * points * 2).reshape(buckets, points, 2)
    above = resampled(counts, rows.buckets)[:, ::-1].cumsum(axis=1)[:, ::-1].astype(np.float64)
    ended = np.concatenate([above, np.zeros((len(above), 1, 2))], axis=1)
    return ended[..., 1], ended[..., 0]


def auc(rows: Rows, metric: Metric) -> Floats:
    """Return the area under the ROC curve: exact, nan for rows with one label only; or over TFMA's thresholds."""
    return rows.areas.roc if metric.thresholds is None else auc_of_curve(*curve(rows, metric.thresholds))


def auc_precision_recall(rows: Rows, metric: Metric) -> Floats:
    """Return the exact average precision, nan for rows with one label only; or TFMA's area, which differs."""
    if metric.thresholds is None:
        return rows.areas.precision_recall
    return interpolated_precision_recall(*curve(rows, metric.thresholds))


def auc_of_curve(tp: Floats, fp: Floats) -> Floats:
    """Return the area under the ROC curve by trapezoids; 0 for rows with one label only, as in TFMA."""
    with np.errstate(divide="ignore", invalid="ignore"):
        recall, fall_out = tp / tp[:, :1], fp / fp[:, :1]
    heights = (recall[:, :-1] + recall[:, 1:]) / 2
    return np.nansum((fall_out[:, :-1] - fall_out[:, 1:]) * heights, axis=1)


def interpolated_precision_recall(tp: Floats, fp: Floats) -> Floats:
    """Return the area under the precision-recall curve as in Davis and Goadrich (2006); 0 without positives."""
    positive = tp + fp
    fewer_tp, fewer = tp[:, :-1] - tp[:, 1:], positive[:, :-1] - positive[:, 1:]
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = fewer_tp / fewer
        intercept = tp[:, 1:] - slope * positive[:, 1:]
        ratio = np.where(positive[:, 1:] > 0, positive[:, :-1] / positive[:, 1:], 1.0)
        shares = slope * (fewer_tp + intercept * np.log(ratio)) / tp[:, :1]
    return np.nansum(shares, axis=1)


def example_count(rows: Rows, metric: Metric) -> Floats:
    return rows.total(np.ones(len(rows.label)))


def mean_label(rows: Rows, metric: Metric) -> Floats:
    """Return the share of rows with label 1."""
    return divide(rows.total(rows.label), example_count(rows, metric))


def mean_prediction(rows: Rows, metric: Metric) -> Floats:
    """Return the mean score."""
    return divide(rows.total(rows.score), example_count(rows, metric))


def calibration(rows: Rows, metric: Metric) -> Floats:
    """Return the sum of scores over the sum of labels; nan without positives."""
    return divide(rows.total(rows.score), rows.total(rows.label))


def binary_cross_entropy(rows: Rows, metric: Metric) -> Floats:
    """Return the mean cross entropy, natural logarithm.

    TFMA 0.47 differs: where it merges accumulators it counts the first one twice, since ``merge_accumulators`` takes
    the first of a list and then loops over the whole list. Its value depends on how Beam happens to split the rows;
    this one is the mean, which scikit-learn confirms.
    """
    return divide(rows.total(rows.loss), example_count(rows, metric))


def binary_accuracy(rows: Rows, metric: Metric) -> Floats:
    """Return the share of rows whose label is predicted correctly."""
    return divide(rows.total(decided(rows, metric) == (rows.label == 1)), example_count(rows, metric))


def precision(rows: Rows, metric: Metric) -> Floats:
    """Return the share of positives among rows predicted positive; nan if there are none."""
    positive = decided(rows, metric)
    return divide(rows.total(positive & (rows.label == 1)), rows.total(positive))


def recall(rows: Rows, metric: Metric) -> Floats:
    """Return the share of positives that are predicted positive; nan if there are none."""
    return divide(rows.total(decided(rows, metric) & (rows.label == 1)), rows.total(rows.label))


def decided(rows: Rows, metric: Metric) -> NDArray[np.bool_]:
    """Return the rows that are predicted positive, shape (rows,): those with a score strictly above the threshold."""
    return np.asarray(rows.score.astype(np.float64) > metric.threshold)


def divide(numerator: Floats, denominator: Floats) -> Floats:
    """Return the quotient, nan where the denominator is 0."""
    safe = np.where(denominator > 0, denominator, np.nan)
    return np.asarray(numerator / safe)


FORMULAS: Mapping[str, Callable[[Rows, Metric], Floats]] = {
    "AUC": auc,
    "AUCPrecisionRecall": auc_precision_recall,
    "BinaryAccuracy": binary_accuracy,
    "BinaryCrossEntropy": binary_cross_entropy,
    "Calibration": calibration,
    "ExampleCount": example_count,
    "MeanLabel": mean_label,
    "MeanPrediction": mean_prediction,
    "Precision": precision,
    "Recall": recall,
}
