"""Label suspects: rows whose label contradicts a confident score, where there are more of them than there should be.

Scores are probabilities, so they say how many rows with a low score have label 1: as many as their scores add up to.
More of them can be wrong labels, which is the idea of confident learning (Northcutt, Jiang and Chuang 2021,
https://doi.org/10.1613/jair.1.12125). A model that is too sure of itself in the tail looks the same.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from components.evaluation.columns import SCORE, Columns, scores
from components.evaluation.tasks.registry import evaluation_of
from components.evaluation.units import Units
from components.slice_report.facts import LabelSuspects, LabelTail
from pipeline.label import Label

# A score is confident if the model gives the other label at most this probability.
UNLIKELY = 0.05
# The probability that either tail of a calibrated model is found; by Bonferroni each tail has half of it.
LEVEL = 0.05
Floats = NDArray[np.float64]
Index = NDArray[np.int64]
Mask = NDArray[np.bool_]


def find_label_suspects(rows: Columns, label: Label, units: Units) -> LabelSuspects:
    """Count the rows whose label contradicts a confident score, in both tails of the scores.

    Args:
        rows: the predictions, with the columns ``label`` and ``score``; not those that the model was fitted to.
        label: of a binary task.
        units: the unit of each row.

    Raises:
        DataError: a label is neither 0 nor 1.
        MainlineError: a score is not finite.
    """
    found = tuple(make_tail(*tail, units) for tail in tails(rows, label))
    return LabelSuspects(UNLIKELY, LEVEL, found)


def suspect_rows(rows: Columns, label: Label, suspects: LabelSuspects) -> Index:
    """Return the positions of the suspects in the tails that have too many."""
    wanted = [tail.label for tail in suspects.found]
    parts = [index[against] for unlikely, index, against, _ in tails(rows, label) if unlikely in wanted]
    return np.concatenate([*parts, np.empty(0, np.int64)])


def tails(rows: Columns, label: Label) -> Iterator[tuple[int, Index, Mask, Floats]]:
    """Yield the label that is unlikely in a tail; of its rows the position, whether they have it, its probability."""
    score: NDArray[Any] = scores(rows, SCORE)
    of_row = evaluation_of(label).labels(rows)
    for unlikely, confident in ((1, score <= UNLIKELY), (0, score >= 1 - UNLIKELY)):
        index = np.flatnonzero(confident)
        of_tail = score[index].astype(np.float64)
        yield unlikely, index, of_row[index] == unlikely, np.clip(of_tail if unlikely else 1 - of_tail, 0, 1)


def make_tail(unlikely: int, index: Index, against: Mask, probability: Floats, units: Units) -> LabelTail:
    """Return the counts of one tail; where rows depend on one another, the less significant of both tests counts."""
    p_value = p_of_rows(against, probability)
    if units.code is not None:
        p_value = max(p_value, p_of_units(against, probability, units.take(index)))
    return LabelTail(unlikely, index.size, int(against.sum()), float(probability.sum()), p_value)


def p_of_rows(against: Mask, probability: Floats) -> float:
    """Return at least the probability of so many suspects among independent rows.

    Their number has a Poisson binomial distribution. From one above its mean on, its upper tail is at most that of the
    binomial distribution with the same mean (Hoeffding 1956, https://doi.org/10.1214/aoms/1177728178). The probability
    of one suspect or more is exact, and other counts near the mean or below are taken for certain.

    >>> round(p_of_rows(np.arange(100) < 6, np.full(100, 0.02)), 4)
    0.0155
    """
    count = int(against.sum())
    if count == 1:
        return float(-np.expm1(np.log1p(-probability).sum()))
    if count == 0 or count - 1 < probability.sum():
        return 1.0
    return float(stats.binom.sf(count - 1, against.size, probability.mean()))


def p_of_units(against: Mask, probability: Floats, units: Units) -> float:
    """Return a one-sided p-value that units have more suspects than expected, on average.

    So one user with many wrong labels is not taken for many users. It is that of Student's t-test, but with squares
    about the expected mean of zero, not about the mean found: larger, so that fewer than 7 units never reach 0.025. The
    sums of units are skewed to the right, which makes the test miss more, and alarm less (Johnson 1978,
    https://doi.org/10.1080/01621459.1978.10480051).
    """
    excess = units.total(against - probability)
    spread = float(np.sqrt(np.square(excess).sum()))
    if units.count < 2 or spread == 0:
        return 1.0
    return float(special.stdtr(units.count - 1, -excess.sum() / spread))
