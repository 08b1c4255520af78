"""Weak segments: rows on which the model has less skill than on the others, by values of one or two features.

All values and ranges of all features are tried, and all pairs of them, as in the search of Chung et al. 2019
(https://arxiv.org/abs/1807.06068), on a random half of the units. What is said of the segments that are found comes
from pipeline.label import Label
from the other half, so that their choice does not flatter the numbers (sample splitting, Cox 1975,
doi 10.1093/biomet/62.2.441).
"""

import dataclasses
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, stats

from components.evaluation.columns import BASELINE_SCORE, SCORE, Columns
from components.evaluation.influence import mean, standard_error
from components.evaluation.metrics import log_losses
from components.evaluation.tasks.registry import evaluation_of
from components.evaluation.units import Units
from components.evaluation.verdict import Measurement, measure
from components.slice_report.analysis.predicates import Predicates, find_predicates
from components.slice_report.analysis.skill import FEWEST_UNITS, Rows, excess_loss, halves, row_moments
from components.slice_report.facts import Segment, WeakSegments
from pipeline.label import Label

LEVEL = 0.05
FEWEST, FEWEST_SHARE = 30, 0.01
REPORTED, SIMILAR = 20, 0.8
# Segments that are tested by units, since each such test reads the rows.
MOST_BY_UNITS = 1000
CLIP = 1e-7
SEED = 0
# A multiple of 8, since a byte holds the bits of eight rows.
CHUNK_ROWS = 65_536
Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Tested:
    """Segments with the results of their tests, (segments,) each.

    Attributes:
        first, second: the numbers of the predicates, the same for a single one.
        rows: in the half that is searched.
        cost: rows times excess loss.
        p: adjusted for the number of segments.
    """

    first: Indices
    second: Indices
    rows: Floats
    cost: Floats
    p: Floats

    @property
    def worst_first(self) -> Indices:
        """The positions of the segments that were found, by cost."""
        found = np.flatnonzero(self.p <= LEVEL)
        return found[np.argsort(-self.cost[found].round(9), kind="stable")]


NO_INDICES, NO_VALUES = np.empty(0, np.int64), np.empty(0, np.float64)
NOTHING = Tested(NO_INDICES, NO_INDICES, NO_VALUES, NO_VALUES, NO_VALUES)


def find_weak(rows: Columns, label: Label, exclude: Sequence[str], units: Units) -> WeakSegments:
    """Return the segments of one or two features with less skill than the other rows, those that cost most first.

    A segment costs its rows times its excess loss (``skill``) over the other rows, which is tested to be 0 against more
    by a one-sided t-test. A pair must also have an excess over the rest of each of its parts, so that the pairs within
    a weak part are not reported again: its p is the highest of the three (intersection-union test, Berger 1982,
    doi 10.1080/00401706.1982.10487790). The false discovery rate over all segments tried is 0.05 (Benjamini & Hochberg
    1995, doi 10.1111/j.2517-6161.1995.tb02031.x).

    Where rows are in units, the p of a segment is the higher one of two tests, by rows and by units. A higher p never
    adds a discovery, so only the segments that are found by rows are tested by units, the 1,000 that cost most;
    others count as not found.

    Of segments that share over 80 % of their rows (Jaccard index) the one that costs most is reported, and 20 at most.
    A segment, its complement and, for a pair, the rest of each part must have 30 rows and 1 % of the rows searched, and
    20 units. Memory is 40 bytes for each pair of parts, of which a column has at most 22, and a bit for each row and
    part.

    Args:
        rows: the predictions: ``label``, ``score``, ``baseline_score`` if there is a baseline, and features; rows
            without a label or a score are left out.
        label: of a binary task.
        exclude: columns that are not features, such as ids.
        units: the unit of each row.
    """
    every = row_losses(rows, label)
    known = np.flatnonzero(np.isfinite(every))
    searched = halves(units.take(known), SEED)
    order = np.concatenate([known[searched], known[~searched]])
    usable = Rows(evaluation_of(label).labels_or_nan(rows)[order], every[order], units.take(order))
    number = int(np.count_nonzero(searched))
    fewest = max(FEWEST, math.ceil(FEWEST_SHARE * number))
    others = {label.column, SCORE, BASELINE_SCORE, *exclude}
    parts = find_predicates(rows, [name for name in rows.column_names if name not in others], order, fewest)
    tested = search(parts, usable.at(slice(number)), fewest) if parts.names else NOTHING
    growth = growths(rows, label, order) if BASELINE_SCORE in rows.column_names else None
    found = [
        describe(parts, tested, index, similar, usable, number, growth)
        for index, similar in distinct(parts, tested, number)
    ]
    return WeakSegments(
        tried=int(tested.p.size),
        level=LEVEL,
        min_rows=fewest,
        found=tuple(sorted(found, key=lambda one: -one.cost)),
        total=int(np.count_nonzero(tested.p <= LEVEL)),
        min_units=None if units.code is None else FEWEST_UNITS,
        searched=number,
    )


def row_losses(rows: Columns, label: Label, score: str = SCORE) -> Floats:
    """Return the log loss of each row, (rows,); nan without a label or a score."""
    return clipped_losses(evaluation_of(label).labels_or_nan(rows), rows[score].to_numpy())


def clipped_losses(labels: NDArray[Any], scores: NDArray[Any]) -> Floats:
    """Return the log loss of scores clipped to [1e-7, 1 - 1e-7], so that it is finite."""
    return log_losses(labels.astype(np.float64), np.clip(scores.astype(np.float64), CLIP, 1 - CLIP))


def growths(rows: Columns, label: Label, order: Indices) -> Floats:
    """Return the log loss of the model minus that of the baseline at some positions, (order,)."""
    one, other = (row_losses(rows, label, score) for score in (SCORE, BASELINE_SCORE))
    return (one - other)[order]


def search(parts: Predicates, rows: Rows, fewest: int) -> Tested:
    """Test all predicates and their pairs on the first rows of the predicates, which are ``rows``."""
    table = pair_sums(parts, rows)
    first, second = segments_to_try(parts, table[0], rows.labels.size, fewest)
    if not first.size:
        return NOTHING
    of_segment = table[:, first, second]
    segments = row_moments(of_segment)
    over_all = excess_loss(segments, row_moments(rows.sums[:, None] - of_segment))
    p = over_all.p
    for part in (first, second):
        rest = excess_loss(segments, row_moments(table[:, part, part] - of_segment))
        p = np.where(first == second, p, np.maximum(p, rest.p))
    tested = Tested(first, second, of_segment[0], of_segment[0] * over_all.value, adjust(p))
    return tested if rows.units.code is None else by_units(parts, rows, tested, p)


def adjust(p: Floats) -> Floats:
    return np.asarray(stats.false_discovery_control(p, method="bh"))


def by_units(parts: Predicates, rows: Rows, tested: Tested, p: Floats) -> Tested:
    """Return the segments with the p-values of tests by units, where those by rows find them."""
    found = tested.worst_first
    p = p.copy()
    p[found[MOST_BY_UNITS:]] = 1.0
    for index in found[:MOST_BY_UNITS]:
        p[index] = max(p[index], unit_p(parts, rows, int(tested.first[index]), int(tested.second[index])))
    return dataclasses.replace(tested, p=adjust(p))


def unit_p(parts: Predicates, rows: Rows, first: int, second: int) -> float:
    """Return the highest p of a segment over all other rows and, for a pair, over the rest of each predicate."""
    number = rows.labels.size
    members = parts.both(first, second)[:number]
    within = [parts.both(part, part)[:number] for part in (first, second) if first != second]
    return max(float(rows.compare(members, those).p[0]) for those in (None, *within))


def pair_sums(parts: Predicates, rows: Rows) -> Floats:
    """Return what ``row_moments`` takes for rows that satisfy both predicates, (5, parts, parts); diagonal: one."""
    total = np.zeros((5, len(parts.names), len(parts.names)))
    for start in range(0, rows.labels.size, CHUNK_ROWS):
        labels, losses = (values[start : start + CHUNK_ROWS] for values in (rows.labels, rows.losses))
        chunk = parts.chunk(start, labels.size)
        for number, weights in enumerate((np.ones_like(losses), labels, losses, labels * losses, losses**2)):
            total[number] += (chunk.T @ (sparse.diags(weights) @ chunk)).toarray()
    return total


def segments_to_try(parts: Predicates, counts: Floats, rows: int, fewest: int) -> tuple[Indices, Indices]:
    """Return the two predicates of each segment, (segments,) twice, the same twice for a single one."""
    of_part = counts.diagonal()
    allowed = np.triu(counts >= fewest) & (rows - counts >= fewest)
    of_pairs = (of_part[:, None] - counts >= fewest) & (of_part[None, :] - counts >= fewest)
    of_pairs &= parts.features[:, None] != parts.features[None, :]
    first, second = np.nonzero(allowed & (of_pairs | np.eye(of_part.size, dtype=np.bool_)))
    return first, second


def distinct(parts: Predicates, tested: Tested, number: int) -> Iterator[tuple[int, int]]:
    """Yield the segments that cost most, 20 at most, and how many similar ones were found with each."""
    left = tested.worst_first
    for _ in range(REPORTED):
        if not left.size:
            return
        worst, left = left[0], left[1:]
        shared = shared_rows(parts, parts.both(tested.first[worst], tested.second[worst])[:number])
        common = shared[tested.first[left], tested.second[left]]
        jaccard = common / (tested.rows[worst] + tested.rows[left] - common)
        yield int(worst), int(np.count_nonzero(jaccard > SIMILAR))
        left = left[jaccard <= SIMILAR]


def shared_rows(parts: Predicates, members: Mask) -> Floats:
    """Return how many of some of the first rows, (rows,), satisfy both predicates: (parts, parts)."""
    total = np.zeros((len(parts.names),) * 2)
    for start in range(0, members.size, CHUNK_ROWS):
        of_chunk = members[start : start + CHUNK_ROWS]
        chunk = parts.chunk(start, of_chunk.size)[of_chunk]
        total += (chunk.T @ chunk).toarray()
    return total


def describe(
    parts: Predicates, tested: Tested, index: int, similar: int, rows: Rows, searched: int, growth: Floats | None
) -> Segment:
    """Describe a segment by the rows that were not searched, those from ``searched`` on."""
    first, second = int(tested.first[index]), int(tested.second[index])
    members = parts.both(first, second)[: rows.labels.size]
    untouched, inside = rows.at(slice(searched, None)), members[searched:]
    excess = untouched.compare(inside)
    of_segment, others = (untouched.at(which).moments for which in (inside, ~inside))
    return Segment(
        features=tuple(sorted({parts.names[first], parts.names[second]})),
        rows=int(np.count_nonzero(members)),
        share=float(members.mean()),
        log_loss=float(of_segment.loss[0]),
        log_loss_elsewhere=float(others.loss[0]),
        p_adjusted=float(tested.p[index]),
        entropy=float(of_segment.entropy[0]),
        entropy_elsewhere=float(others.entropy[0]),
        excess=measure(float(excess.value[0]), excess.standard_error, "difference"),
        units=None if rows.units.code is None else rows.units.number_with(members),
        similar=similar,
        to_baseline=None if growth is None else mean_growth(growth[searched:], inside, untouched.units),
    )


def mean_growth(growth: Floats, members: Mask, units: Units) -> Measurement:
    """Return the mean difference to the baseline in a segment, of the rows that have one."""
    index = np.flatnonzero(members & np.isfinite(growth))
    change = mean(growth[index])
    return measure(change.value, standard_error(change, units.take(index)), "difference")
