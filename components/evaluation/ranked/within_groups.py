"""Metrics of the order of rows within groups, such as the films of one user: means over groups, each with equal weight.

Where rows of a group have the same score, their order is open; a metric is then its expected value over all orders
(McSherry and Najork 2008, https://doi.org/10.1007/978-3-540-78646-7_38). So no metric depends on the order of the file,
and a model that gives all rows the same score is measured as one that orders them at random.

Groups are taken as independent: the influence of a group is its distance from the mean over the number of groups that
count, and one row of the group holds it, so that a unit has the influences of all its groups.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from components.evaluation.influence import Linearized
from components.evaluation.units import Units

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Counts = NDArray[Any]

# A key holds the group, the score in so many bits, and the label in one.
SCORE_BITS = 32


@dataclass(frozen=True)
class Blocks:
    """Rows with the same score in the same group, by group and within a group the highest score first.

    Attributes:
        groups: the group of each row.
        group: (blocks,) the group of each block.
        rows: (blocks,) the number of its rows.
        positives: (blocks,) the number of its rows with label 1.
    """

    groups: Units
    group: Ints
    rows: Ints
    positives: Ints

    @cached_property
    def before(self) -> tuple[Ints, Ints]:
        """The rows, and the rows with label 1, that have a higher score in the group: (blocks,) each."""
        first = np.flatnonzero(np.diff(self.group, prepend=-1))[self.group]
        rows, positives = (np.cumsum(counts) - counts for counts in (self.rows, self.positives))
        return rows - rows[first], positives - positives[first]

    @cached_property
    def totals(self) -> tuple[Ints, Ints]:
        """The rows, and the rows with label 1, of each group: (groups,) each."""
        rows, positives = self.by_group(self.rows), self.by_group(self.positives)
        return rows.astype(np.int64), positives.astype(np.int64)

    def by_group(self, values: NDArray[Any]) -> Floats:
        """Sum values, (blocks,), over each group: (groups,)."""
        return np.bincount(self.group, values, self.groups.count).astype(np.float64)


def blocks_of(label: NDArray[Any], ranks: NDArray[np.int32], groups: Units) -> Blocks:
    """Return the blocks of rows by ``ranks``, (rows,), which have the order of the scores and are equal where they are.

    >>> blocks_of(np.array([1, 0, 1]), np.array([7, 7, 3], np.int32), Units(np.array([0, 0, 1]), 2)).rows.tolist()
    [2, 1]
    """
    keys = groups.codes << SCORE_BITS
    keys |= np.iinfo(np.int32).max - ranks.astype(np.int64)
    keys <<= 1
    keys |= label == 1
    keys.sort()
    begins = np.flatnonzero(np.diff(keys >> 1, prepend=-1))
    positives = np.append(0, np.cumsum(keys & 1))
    ends = np.append(begins[1:], len(keys)) if len(keys) else begins
    group = keys[begins] >> (SCORE_BITS + 1)
    return Blocks(groups, group, ends - begins, positives[ends] - positives[begins])


def with_both_labels(rows: Counts, positives: Counts) -> Bools:
    """Return the groups that GroupAUC is the mean over, given their rows and those with label 1, (groups,) each."""
    return (positives > 0) & (positives < rows)


def with_a_positive(rows: Counts, positives: Counts) -> Bools:
    """Return the groups that the other metrics are the mean over: a single row has no order."""
    return (positives > 0) & (rows > 1)


def auc(blocks: Blocks, top: int) -> Floats:
    """Return the area under the ROC curve of each group: all its rows count, and ties half."""
    rows, positives = blocks.totals
    before, positives_before = blocks.before
    negatives = blocks.rows - blocks.positives
    lower = (rows - positives)[blocks.group] - (before - positives_before) - negatives / 2
    return blocks.by_group(blocks.positives * lower) / (positives * (rows - positives))


def ndcg(blocks: Blocks, top: int) -> Floats:
    """Return the normalized discounted cumulative gain of the first ``top`` rows of each group.

    The discount of position i, counted from 1, is log2(i + 1) (Järvelin and Kekäläinen 2002,
    https://doi.org/10.1145/582415.582418; ``sklearn.metrics.ndcg_score``).
    """
    discounts = cumulative(1 / np.log2(np.arange(2, top + 2)))
    begin, end = positions(blocks, top)
    gains = blocks.positives / blocks.rows * (discounts[end] - discounts[begin])
    return blocks.by_group(gains) / discounts[np.minimum(blocks.totals[1], top)]


def average_precision(blocks: Blocks, top: int) -> Floats:
    """Return the average precision of the first ``top`` rows of each group.

    It is the sum of the precision at the position of each positive among them, over the number of positives that could
    be among them: the smaller of ``top`` and the positives of the group.
    """
    harmonic = cumulative(1 / np.arange(1, top + 1))
    begin, end = positions(blocks, top)
    # In a block, the positives above a positive grow by this share with each position.
    growth = (blocks.positives - 1) / np.maximum(blocks.rows - 1, 1)
    constant = blocks.before[1] + 1 - (begin + 1) * growth
    precision = constant * (harmonic[end] - harmonic[begin]) + growth * (end - begin)
    sums = blocks.by_group(blocks.positives / blocks.rows * precision)
    # A perfect order is 1, not less by rounding.
    return np.round(sums / np.minimum(blocks.totals[1], top), 12)


def hit_rate(blocks: Blocks, top: int) -> Floats:
    """Return the probability that a positive is among the first ``top`` rows of each group: 0 or 1 without ties."""
    begin, end = positions(blocks, top)
    taken, negatives = end - begin, blocks.rows - blocks.positives
    # The share of the ways to take rows from a block that take no positive; the orders of two blocks are independent.
    missed = log_choices(negatives, taken) - log_choices(blocks.rows, taken)
    return np.asarray(-np.expm1(blocks.by_group(missed)))


def positions(blocks: Blocks, top: int) -> tuple[Ints, Ints]:
    """Return how many of the first ``top`` positions are above each block, and how many up to its end."""
    before = blocks.before[0]
    return np.minimum(before, top), np.minimum(before + blocks.rows, top)


def cumulative(weights: Floats) -> Floats:
    """Return the sum of the first 0, 1, … weights."""
    return np.append(0.0, np.cumsum(weights))


def log_choices(rows: Ints, taken: Ints) -> Floats:
    """Return the logarithm of the number of ways to take some of the rows; -inf if there are not so many."""
    return np.asarray(special.gammaln(rows + 1) - special.gammaln(taken + 1) - special.gammaln(rows - taken + 1))


# The value of each group, and the groups that count.
RANKED: Mapping[str, tuple[Callable[[Blocks, int], Floats], Callable[[Counts, Counts], Bools]]] = {
    "GroupAUC": (auc, with_both_labels),
    "GroupHitRate": (hit_rate, with_a_positive),
    "GroupMAP": (average_precision, with_a_positive),
    "GroupNDCG": (ndcg, with_a_positive),
}


def over_groups(kind: str, blocks: Blocks, top: int) -> Linearized:
    """Return the mean of a metric of ``RANKED`` over the groups that count; nan if none does."""
    value_of, counts = RANKED[kind]
    rows, positives = blocks.totals
    counted = np.flatnonzero(counts(rows, positives))
    # No group has more positions, so tables of a huge ``top`` stay small.
    with np.errstate(invalid="ignore", divide="ignore"):
        values = value_of(blocks, min(top, int(rows.max(initial=1))))[counted]
    mean = float(values.mean()) if len(values) else np.nan
    held = first_rows(blocks.groups)[counted]
    number = blocks.groups.rows

    def influence() -> Floats:
        of_rows = np.zeros(number)
        of_rows[held] = (values - mean) / len(values)
        return of_rows

    holds = np.zeros(number, np.bool_)
    holds[held] = True
    return Linearized(mean, influence, (holds,))


def first_rows(groups: Units) -> Ints:
    """Return the position of the first row of each group, (groups,)."""
    first = np.empty(groups.count, np.int64)
    # Of several values for one place, the last stays.
    first[groups.codes[::-1]] = np.arange(groups.rows)[::-1]
    return first
