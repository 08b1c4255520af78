"""Statistics of scores and labels: counts by score, calibration error, rates, and when rows are too few."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.slice_report.facts import BINS, ScoreCounts

SUMS = 20
CALIBRATION_BINS = 10
# Thresholds k / BINS, computed as every reader of the report computes them: one division of doubles.
EDGES = np.arange(1, BINS) / BINS

Values = NDArray[Any]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def count_scores(labels: Values, scores: Values) -> ScoreCounts:
    """Count rows by score; scores outside of [0, 1] count as the nearer end.

    Rows whose score is nan, or whose label is neither 0 nor 1, are left out.

    >>> counted = count_scores(np.array([0, 1, 1]), np.array([0.5, 0.5, 0.501]))
    >>> counted.negatives[99:101], counted.positives[99:101]
    ((1, 0), (1, 1))

    Args:
        labels: (rows,) 0 or 1, of any numeric dtype.
        scores: (rows,) of any float dtype; compared as float64.
    """
    labels, scores = known(labels, scores)
    bins = score_bins(scores)
    sums = np.bincount(bins * SUMS // BINS, weights=scores, minlength=SUMS)
    return ScoreCounts(
        positives=tuple(np.bincount(bins[labels == 1], minlength=BINS).tolist()),
        negatives=tuple(np.bincount(bins[labels == 0], minlength=BINS).tolist()),
        score_sums=tuple(sums.tolist()),
    )


def known(labels: Values, scores: Values) -> tuple[Values, Floats]:
    """Return the rows that have a label and a score, the score as float64 within [0, 1]."""
    keep = np.isin(labels, (0, 1)) & ~np.isnan(scores)
    return labels[keep], np.clip(scores[keep].astype(np.float64), 0.0, 1.0)


def score_bins(scores: Floats) -> Ints:
    """Return the bin of each score, (rows,): the number of edges strictly below it.

    Scores are compared with the edges, since ``ceil(score * BINS)`` rounds some of them over an edge.
    """
    return np.searchsorted(EDGES, scores, side="left").astype(np.int64)


def expected_calibration_error(labels: Values, scores: Values) -> float:
    """Return the mean difference between score and share of positives, over ten equal bins, weighted by rows.

    It is the ECE of Guo et al. 2017 (https://arxiv.org/abs/1706.04599) with the score as the confidence in label 1.
    The same rows are left out as in ``count_scores``; nan without rows.

    >>> expected_calibration_error(np.array([0, 1, 1, 1]), np.array([0.5, 0.5, 0.75, 0.75]))
    0.125

    Args:
        labels: (rows,) 0 or 1, of any numeric dtype.
        scores: (rows,) of any float dtype.
    """
    labels, scores = known(labels, scores)
    if not len(scores):
        return math.nan
    bins = score_bins(scores) * CALIBRATION_BINS // BINS
    excess = np.bincount(bins, weights=scores - (labels == 1), minlength=CALIBRATION_BINS)
    return float(np.abs(excess).sum() / len(scores))
