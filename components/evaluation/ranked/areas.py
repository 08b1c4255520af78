"""Areas under the ROC and the precision-recall curve, with the influence of each row.

Rows are sorted by score once; every distinct score is a threshold.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.evaluation.influence import Linearized

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# A key holds the rank of the score, the label in one bit, and the position of the row in the others.
POSITION_BITS = 31


@dataclass(frozen=True)
class Ranking:
    """Rows in the order of their scores.

    Attributes:
        label: (rows,) 0 or 1, in the rows' own order.
        position: (rows,) the rows, the lowest score first, and those with label 0 first within a score.
        counts: (scores, 2) the number of rows with label 0 and with label 1 that have each distinct score.
    """

    label: NDArray[Any]
    position: NDArray[np.int32]
    counts: NDArray[np.int32]

    @cached_property
    def totals(self) -> tuple[int, int]:
        """The number of rows with label 0 and with label 1."""
        negatives, positives = self.counts.sum(axis=0)
        return int(negatives), int(positives)

    @property
    def has_both(self) -> bool:
        """True if there are rows of both labels."""
        return min(self.totals) > 0

    def by_row(self, of_negatives: Floats, of_positives: Floats) -> Floats:
        """Return for each row, (rows,), the value of its score, (scores,), among rows of its label."""
        values = np.empty(len(self.label))
        positive = self.label[self.position] == 1
        values[self.position[~positive]] = np.repeat(of_negatives, self.counts[:, 0])
        values[self.position[positive]] = np.repeat(of_positives, self.counts[:, 1])
        return values


def rank(label: NDArray[Any], ranks: NDArray[np.int32]) -> Ranking:
    """Return the ranking of rows by ``ranks``, (rows,), which are in the order of the scores and equal where they are.

    >>> rank(np.array([1, 0, 1]), np.array([7, 7, 3], np.int32)).counts.tolist()
    [[0, 1], [1, 1]]
    """
    keys = ranks.astype(np.int64)
    keys <<= 1
    keys |= label == 1
    keys <<= POSITION_BITS
    keys |= np.arange(len(keys))
    keys.sort()
    position = (keys & ((1 << POSITION_BITS) - 1)).astype(np.int32)
    keys >>= POSITION_BITS
    score = keys >> 1
    begins = np.append(np.zeros(min(len(keys), 1), np.int64), np.flatnonzero(score[1:] != score[:-1]) + 1)
    positives = np.add.reduceat(keys & 1, begins) if len(keys) else begins
    rows = np.diff(begins, append=len(keys))
    return Ranking(label, position, np.stack([rows - positives, positives], axis=1).astype(np.int32))


def score_ranks(score: NDArray[Any]) -> NDArray[np.int32]:
    """Return integers in the order of the scores, equal for equal scores, (rows,).

    >>> score_ranks(np.array([0.5, -0.0, 0.0, -1.0])).tolist()
    [2, 1, 1, 0]
    """
    if score.dtype.itemsize > 4:
        return np.unique(score, return_inverse=True)[1].reshape(-1).astype(np.int32)
    # The bits of a float32 sort like integers, those of negative values in reverse; -0.0 becomes 0.0.
    bits = (score.astype(np.float32) + np.float32(0)).view(np.int32)
    return np.where(bits < 0, bits ^ np.int32(0x7FFFFFFF), bits)


def roc(ranking: Ranking) -> Linearized:
    """Return the area under the ROC curve, nan if a label has no rows.

    It is the share of pairs of a positive and a negative in which the positive has the higher score, ties counted half
    (``sklearn.metrics.roc_auc_score``).
    """
    if not ranking.has_both:
        return undefined(ranking)
    value = roc_of_counts(ranking.counts)
    return Linearized(value, lambda: ranking.by_row(*roc_influences(ranking.counts, value)), both_labels(ranking))


def roc_of_counts(counts: NDArray[Any]) -> float:
    """Return the area under the ROC curve of rows with both labels, from their ``Ranking.counts``, (scores, 2)."""
    negatives, positives = counts.sum(axis=0).tolist()
    lower = counts[:, 0].cumsum() - counts[:, 0] / 2
    return float(lower @ counts[:, 1]) / positives / negatives


def roc_influences(counts: NDArray[Any], value: float) -> tuple[Floats, Floats]:
    """Return the influence of a row with each score, (scores,), if its label is 0, and if it is 1.

    They are those of DeLong et al. 1988.
    """
    negatives, positives = counts.sum(axis=0).tolist()
    lower = counts[:, 0].cumsum() - counts[:, 0] / 2
    higher = positives - (counts[:, 1].cumsum() - counts[:, 1] / 2)
    return (higher / positives - value) / negatives, (lower / negatives - value) / positives


def precision_recall(ranking: Ranking) -> Linearized:
    """Return the average precision, nan if a label has no rows.

    It is the sum over thresholds of the growth in recall times the precision there, without interpolation
    (``sklearn.metrics.average_precision_score``).
    """
    if not ranking.has_both:
        return undefined(ranking)
    counts, positives = ranking.counts, ranking.totals[1]
    value = float(precisions(counts)[0] @ counts[:, 1]) / positives
    return Linearized(value, lambda: ranking.by_row(*precision_recall_influences(counts, value)), both_labels(ranking))


def precisions(counts: NDArray[Any]) -> tuple[Floats, Ints]:
    """Return for each threshold, (scores,), the precision of the rows from it on, and their number."""
    above = counts[::-1].cumsum(axis=0)[::-1]
    predicted = above.sum(axis=1)
    return above[:, 1] / predicted, predicted


def precision_recall_influences(counts: NDArray[Any], value: float) -> tuple[Floats, Floats]:
    """Return the influence of a row with each score, (scores,), if its label is 0, and if it is 1.

    A row changes the precision at all thresholds up to its score.
    """
    # Computed again rather than kept: they would stay until all metrics of a slice are done, for both models.
    precision, predicted = precisions(counts)
    positives = counts[:, 1].sum()
    per_row = counts[:, 1] / predicted
    as_negative = -np.cumsum(per_row * precision) / positives
    return as_negative, as_negative + (np.cumsum(per_row) + precision - value) / positives


def both_labels(ranking: Ranking) -> tuple[NDArray[np.bool_], ...]:
    """Return the rows of each label."""
    return ranking.label == 1, ranking.label == 0


def undefined(ranking: Ranking) -> Linearized:
    """Return an area that has no value."""
    return Linearized(np.nan, lambda: np.full(len(ranking.label), np.nan))
