"""Metrics of binary classification, with the influence of each row.

Areas are exact unless their metric has a number of thresholds; then they, and all other metrics, have the formulas and
roundings of TFMA: tensorflow_model_analysis/metrics/{calibration_histogram,binary_confusion_matrices,
confusion_matrix_metrics,cross_entropy_metrics,calibration}.py of version 0.47.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from components.evaluation.columns import Columns
from components.evaluation.influence import Linearized, mean, ratio
from components.evaluation.ranked.areas import Ranking, precision_recall, rank, roc, score_ranks
from components.evaluation.ranked.within_groups import RANKED, Blocks, blocks_of, over_groups
from components.evaluation.units import Units, check_whole, units_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

HISTOGRAM_BUCKETS = 10_000
EPSILON = 1e-7
AREAS = ("AUC", "AUCPrecisionRecall")
Groups = Mapping[tuple[str, ...], Units]


@dataclass(frozen=True)
class Metric:
    """A metric and its settings.

    ``thresholds`` is the number of thresholds that an area is summed over, as TFMA does, or None for the exact area.
    ``threshold`` is the decision threshold. ``group_by`` names the columns of the groups within which a metric of
    ``RANKED`` ranks rows, and ``top`` is the number of the first rows of a group that it looks at; GroupAUC takes all.
    """

    kind: str
    thresholds: int | None = None
    threshold: float = 0.5
    group_by: tuple[str, ...] = ()
    top: int = 10


class Rows:
    """The predictions of one model.

    Attributes:
        label: (rows,) 0 or 1, of any numeric dtype.
        score: (rows,) the probability of 1, as the model returned it.
        loss: (rows,) float64, ``log_losses`` of the two.
        ranks: (rows,) int32 in the order of the scores, by number of thresholds: ``score_bins`` of the scores, and
            under None, for exact areas, ``areas.score_ranks``.
        units: the unit of each row.
        groups: the group of each row, by the columns that name groups.
    """

    def __init__(
        self,
        label: NDArray[np.generic],
        score: NDArray[np.generic],
        loss: Floats,
        ranks: Mapping[int | None, NDArray[np.int32]],
        units: Units,
        groups: Groups,
    ) -> None:
        self.label, self.score, self.loss, self.ranks, self.units = label, score, loss, ranks, units
        self.groups = groups
        self._rankings: dict[int | None, Ranking] = {}
        self._blocks: dict[tuple[str, ...], Blocks] = {}

    def part(self, index: Ints) -> "Rows":
        """Return the rows at these positions, ascending and each once; all rows are not copied."""
        if len(index) < len(self.label):
            return self.take(index)
        return Rows(self.label, self.score, self.loss, self.ranks, self.units, self.groups)

    def take(self, index: Ints) -> "Rows":
        """Return the rows at these positions."""
        ranks = {thresholds: of_rows[index] for thresholds, of_rows in self.ranks.items()}
        groups = {columns: of_rows.take(index) for columns, of_rows in self.groups.items()}
        return Rows(self.label[index], self.score[index], self.loss[index], ranks, self.units.take(index), groups)

    def ranking(self, thresholds: int | None) -> Ranking:
        """Return the rows in the order of their scores; both areas share it."""
        if thresholds not in self._rankings:
            self._rankings[thresholds] = rank(self.label, self.ranks[thresholds])
        return self._rankings[thresholds]

    def blocks(self, group_by: tuple[str, ...]) -> Blocks:
        """Return the rows in the order of their scores within each group; the metrics of a group share it."""
        if group_by not in self._blocks:
            self._blocks[group_by] = blocks_of(self.label, self.ranks[None], self.groups[group_by])
        return self._blocks[group_by]


def make_rows(
    label: NDArray[np.generic],
    score: NDArray[np.generic],
    metrics: Iterable[Metric],
    units: Units,
    groups: Groups = MappingProxyType({}),
) -> Rows:
    """Return the rows of one model, with the ranks that the metrics need; ``groups`` are those of ``groups_of``."""
    ranks = {
        count: score_ranks(score) if count is None else score_bins(score, count)
        for count in {metric.thresholds for metric in metrics if metric.kind in AREAS or metric.kind in RANKED}
    }
    return Rows(label, score, log_losses(label, score), ranks, units, groups)


def groups_of(rows: Columns, metrics: Iterable[Metric], units: Units) -> Groups:
    """Return the groups that the metrics rank rows in.

    Raises:
        ConfigError: a column is missing, or holds several values in a row, or a group has rows of several units.
    """
    groups = {
        columns: units_of(rows, columns, "evaluation.rank_by")
        for columns in {metric.group_by for metric in metrics if metric.kind in RANKED}
    }
    for columns, found in groups.items():
        check_whole(found, units, columns)
    return groups


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


def score_bins(score: NDArray[np.generic], thresholds: int) -> NDArray[np.int32]:
    """Return the interval between thresholds in which each score lies, shape (rows,).

    TFMA first counts scores in 10,000 equal buckets and then assigns whole buckets to thresholds, so a score near a
    threshold may count for its neighbour. Here one table does both steps.
    """
    bucket = np.trunc(score.astype(np.float64) * HISTOGRAM_BUCKETS + 1)
    clipped = np.clip(bucket, 0, HISTOGRAM_BUCKETS + 1).astype(np.int64)
    return bin_of_bucket(thresholds)[clipped]


@lru_cache
def bin_of_bucket(thresholds: int) -> NDArray[np.int32]:
    """Return for each bucket of the histogram the last threshold that does not exceed its left edge."""
    inner = [(i + 1) * 1.0 / (thresholds - 1) for i in range(thresholds - 2)]
    rebinned = np.array([0.0, *(value + EPSILON for value in inner)])
    edges = np.arange(HISTOGRAM_BUCKETS) / HISTOGRAM_BUCKETS
    inside = np.searchsorted(rebinned, edges, side="right") - 1
    return np.array([0, *inside, len(rebinned) - 1], np.int32)


def auc(rows: Rows, metric: Metric) -> Linearized:
    """Return the area under the ROC curve: exact, nan for rows with one label only; or over TFMA's thresholds.

    The trapezoids between thresholds are the exact area of scores that are equal within each interval. TFMA's is 0 for
    rows with one label only.
    """
    exact = roc(rows.ranking(metric.thresholds))
    return constant(0.0, rows) if metric.thresholds is not None and np.isnan(exact.value) else exact


def auc_precision_recall(rows: Rows, metric: Metric) -> Linearized:
    """Return the exact average precision, nan for rows with one label only; or TFMA's area, which differs.

    TFMA interpolates between thresholds. That moves the area, but hardly how it depends on a row, so the influences are
    those of the average precision over the same thresholds.
    """
    ranking = rows.ranking(metric.thresholds)
    exact = precision_recall(ranking)
    if metric.thresholds is None:
        return exact
    value = interpolated_precision_recall(ranking)
    return constant(value, rows) if np.isnan(exact.value) else Linearized(value, exact.influence, exact.groups)


def constant(value: float, rows: Rows) -> Linearized:
    """Return a value without influences, and so without an interval."""
    return Linearized(value, lambda: np.full(len(rows.label), np.nan))


def interpolated_precision_recall(ranking: Ranking) -> float:
    """Return the area under the precision-recall curve as in Davis and Goadrich (2006); 0 without positives."""
    above = np.append(ranking.counts[::-1].cumsum(axis=0)[::-1], [[0, 0]], axis=0).astype(np.float64)
    tp, positive = above[:, 1], above.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.diff(tp) / np.diff(positive)
        intercept = tp[1:] - slope * positive[1:]
        growth = np.where(positive[1:] > 0, positive[:-1] / positive[1:], 1.0)
        shares = slope * (tp[:-1] - tp[1:] + intercept * np.log(growth)) / tp[0]
    return float(np.nansum(shares))


def example_count(rows: Rows, metric: Metric) -> Linearized:
    return constant(float(len(rows.label)), rows)


def mean_label(rows: Rows, metric: Metric) -> Linearized:
    """Return the share of rows with label 1."""
    return mean(rows.label)


def mean_prediction(rows: Rows, metric: Metric) -> Linearized:
    return mean(rows.score)


def calibration(rows: Rows, metric: Metric) -> Linearized:
    """Return the sum of scores over the sum of labels; nan without positives."""
    return ratio(rows.score, rows.label)


def binary_cross_entropy(rows: Rows, metric: Metric) -> Linearized:
    """Return the mean cross entropy, natural logarithm.

    TFMA 0.47 differs: where it merges accumulators it counts the first one twice, since ``merge_accumulators`` takes
    the first of a list and then loops over the whole list. Its value depends on how Beam happens to split the rows;
    this one is the mean, which scikit-learn confirms.
    """
    return mean(rows.loss)


def binary_accuracy(rows: Rows, metric: Metric) -> Linearized:
    """Return the share of rows whose label is predicted correctly."""
    return mean(decided(rows, metric) == (rows.label == 1))


def precision(rows: Rows, metric: Metric) -> Linearized:
    """Return the share of positives among rows predicted positive; nan if there are none."""
    positive = decided(rows, metric)
    return ratio(positive & (rows.label == 1), positive)


def recall(rows: Rows, metric: Metric) -> Linearized:
    """Return the share of positives that are predicted positive; nan if there are none."""
    positive = rows.label == 1
    return ratio(decided(rows, metric) & positive, positive)


def within_groups(rows: Rows, metric: Metric) -> Linearized:
    """Return the mean over groups of a metric of ``RANKED``; nan if no group counts."""
    return over_groups(metric.kind, rows.blocks(metric.group_by), metric.top)


def decided(rows: Rows, metric: Metric) -> NDArray[np.bool_]:
    """Return the rows that are predicted positive, shape (rows,): those with a score strictly above the threshold."""
    return np.asarray(rows.score.astype(np.float64) > metric.threshold)
