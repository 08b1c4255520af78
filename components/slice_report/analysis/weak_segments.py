"""Weak segments: rows with a higher loss than the others, found by values of one or two features.

All values and ranges of all features are tried, and all pairs of them, as in the search of Chung et al. 2019
(https://arxiv.org/abs/1807.06068). A higher mean log loss says that rows are harder to predict, perhaps only because
their labels are more random; it does not say that another model would do better there.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, special, stats

from components.evaluation.columns import BASELINE_SCORE, SCORE, Columns
from components.evaluation.metrics import log_losses
from components.evaluation.verdict import Measurement
from components.slice_report.analysis.predicates import Predicates, find_predicates
from components.slice_report.facts import Segment, WeakSegments

LEVEL = 0.05
FEWEST, FEWEST_SHARE = 30, 0.01
REPORTED = 20
CLIP = 1e-7
# Smaller differences are rounding errors.
TINY = 1e-9
# A multiple of 8, since a byte holds the bits of eight rows.
CHUNK_ROWS = 65_536
Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class LossSums:
    """For each segment, the number of rows and the sums of their losses and squared losses."""

    rows: Floats
    losses: Floats
    squares: Floats

    def __sub__(self, other: "LossSums") -> "LossSums":
        """Return the remaining rows; the other segments must be parts of these."""
        return LossSums(self.rows - other.rows, self.losses - other.losses, self.squares - other.squares)

    def at(self, first: Indices, second: Indices) -> "LossSums":
        """Return some cells of a table of pairs."""
        return LossSums(self.rows[first, second], self.losses[first, second], self.squares[first, second])

    @property
    def mean(self) -> Floats:
        return self.losses / self.rows

    @property
    def squared_error(self) -> Floats:
        """The squared standard error of the mean, estimated from these rows."""
        spread = np.maximum(self.squares - self.losses * self.mean, 0.0)
        return spread / (self.rows - 1) / self.rows


@dataclass(frozen=True)
class MeanDifference:
    """The difference of two means, half its 95 % interval, and its p-value."""

    difference: Floats
    half_width: Floats
    p: Floats


def find_weak(rows: Columns, label: str, exclude: Sequence[str]) -> WeakSegments:
    """Return the segments of one or two features with a higher mean log loss than the other rows, the worst first.

    A segment is compared with all other rows by Welch's one-sided t-test (1947, doi 10.1093/biomet/34.1-2.28). A pair
    must also be worse than the rest of each of its parts, so that the pairs within a weak part are not reported again:
    its p is the highest of the three (intersection-union test, Berger 1982, doi 10.1080/00401706.1982.10487790). The
    false discovery rate over all segments tried is 0.05 (Benjamini & Hochberg 1995,
    doi 10.1111/j.2517-6161.1995.tb02031.x). Of segments with the same rows only the first is reported, and 20 at most.
    Intervals do not account for the search. Rows are treated as independent: if many belong to one user, p is too low
    and intervals are too narrow.

    A segment, its complement and, for a pair, the rest of each part must have 30 rows and 1 % of all rows.
    Memory is 24 bytes for each pair of parts, of which a column has at most 22, and a bit for each row and part.

    Args:
        rows: the predictions: ``label``, ``score`` and features; rows without a label or a score are left out.
        label: the column of labels, 0 or 1.
        exclude: columns that are not features, such as ids.
    """
    losses = row_losses(rows, label)
    usable = np.isfinite(losses)
    fewest = max(FEWEST, math.ceil(FEWEST_SHARE * int(usable.sum())))
    others = {label, SCORE, BASELINE_SCORE, *exclude}
    parts = find_predicates(rows, [name for name in rows.column_names if name not in others], usable, fewest)
    if not parts.names:
        return WeakSegments(0, LEVEL, fewest, ())
    return search(parts, losses[usable], fewest)


def row_losses(rows: Columns, label: str) -> Floats:
    """Return the log loss of each row, (rows,); nan without a label or a score."""
    return clipped_losses(rows[label].to_numpy(), rows[SCORE].to_numpy())


def clipped_losses(labels: NDArray[Any], scores: NDArray[Any]) -> Floats:
    """Return the log loss of scores clipped to [1e-7, 1 - 1e-7], so that it is finite."""
    return log_losses(labels.astype(np.float64), np.clip(scores.astype(np.float64), CLIP, 1 - CLIP))


def search(parts: Predicates, losses: Floats, fewest: int) -> WeakSegments:
    """Try all predicates and their pairs; ``losses`` has the rows of the predicates."""
    mean = float(losses.mean())
    centred = losses - mean
    table = pair_sums(parts, centred)
    everything = LossSums(*(np.asarray((centred**power).sum()) for power in range(3)))
    first, second = segments_to_try(parts, table.rows, losses.size, fewest)
    if not first.size:
        return WeakSegments(0, LEVEL, fewest, ())
    segments = table.at(first, second)
    elsewhere = everything - segments
    test = welch(segments, elsewhere)
    adjusted = stats.false_discovery_control(highest_p(table, first, second, test.p), method="bh")
    chosen = worst_distinct(parts, first, second, np.where(adjusted <= LEVEL, test.difference, -np.inf))
    found = (
        Segment(
            features=tuple(sorted({parts.names[first[index]], parts.names[second[index]]})),
            rows=int(segments.rows[index]),
            share=float(segments.rows[index]) / losses.size,
            log_loss=mean + float(segments.mean[index]),
            log_loss_elsewhere=mean + float(elsewhere.mean[index]),
            difference=measured(float(test.difference[index]), float(test.half_width[index])),
            p_adjusted=float(adjusted[index]),
        )
        for index in chosen
    )
    return WeakSegments(int(first.size), LEVEL, fewest, tuple(found))


def measured(value: float, half_width: float) -> Measurement:
    """Return a value with the interval around it."""
    return Measurement(value, (value - half_width, value + half_width))


def pair_sums(parts: Predicates, losses: Floats) -> LossSums:
    """Return the sums over the rows that satisfy both predicates, (parts, parts); on the diagonal those of one."""
    sums = [np.zeros((len(parts.names),) * 2) for _ in range(3)]
    for start in range(0, losses.size, CHUNK_ROWS):
        of_chunk = losses[start : start + CHUNK_ROWS]
        chunk = parts.chunk(start, of_chunk.size)
        for power, total in enumerate(sums):
            weights = sparse.diags(of_chunk**power)
            total += (chunk.T @ (weights @ chunk)).toarray()
    return LossSums(*sums)


def segments_to_try(parts: Predicates, counts: Floats, rows: int, fewest: int) -> tuple[Indices, Indices]:
    """Return the two predicates of each segment, (segments,) twice, the same twice for a single one."""
    of_part = counts.diagonal()
    allowed = np.triu(counts >= fewest) & (rows - counts >= fewest)
    of_pairs = (of_part[:, None] - counts >= fewest) & (of_part[None, :] - counts >= fewest)
    of_pairs &= parts.features[:, None] != parts.features[None, :]
    first, second = np.nonzero(allowed & (of_pairs | np.eye(of_part.size, dtype=np.bool_)))
    return first, second


def highest_p(table: LossSums, first: Indices, second: Indices, p: Floats) -> Floats:
    """Return the highest of ``p`` and, for a pair, of the tests against the rest of each predicate, (segments,)."""
    segments = table.at(first, second)
    for part in (first, second):
        rest = welch(segments, table.at(part, part) - segments)
        p = np.where(first == second, p, np.maximum(p, rest.p))
    return p


def welch(ones: LossSums, others: LossSums) -> MeanDifference:
    """Test whether the mean of ones is higher; a difference of rounding is none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        difference = ones.mean - others.mean
        squared = ones.squared_error + others.squared_error
        spread = ones.squared_error**2 / (ones.rows - 1) + others.squared_error**2 / (others.rows - 1)
        freedom = np.where(squared > 0, squared**2 / spread, 1.0)
        p = special.stdtr(freedom, -difference / np.sqrt(squared))
    half_width = special.stdtrit(freedom, 0.975) * np.sqrt(squared)
    return MeanDifference(difference, half_width, np.where(difference > TINY, p, 1.0))


def worst_distinct(parts: Predicates, first: Indices, second: Indices, differences: Floats) -> list[int]:
    """Return the segments with the highest differences, at most 20, each with other rows."""
    chosen: dict[bytes, int] = {}
    for index in np.argsort(-differences.round(12), kind="stable"):
        if not differences[index] > 0 or len(chosen) == REPORTED:
            break
        chosen.setdefault(parts.shared(first[index], second[index]), int(index))
    return list(chosen.values())
