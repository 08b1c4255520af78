"""Rates of a group by label and decision."""

import math

import numpy as np
from numpy.typing import NDArray

from components.evaluation.influence import Linearized, mean, ratio
from components.evaluation.intervals import LEVEL

# The rates that are compared between groups.
RATES = ("selection", "tpr", "fpr", "fnr", "ppv")
LOWEST_IS_BEST = ("fpr", "fnr")
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
Values = NDArray[np.generic]


def make_rates(positive: Mask, score: Values, threshold: float) -> dict[str, Linearized]:
    """Return the rates of rows, and their calibration; nan if no row counts.

    >>> positive, score = np.arange(40) < 10, np.where(np.arange(40) % 2, 0.75, 0.25)
    >>> {name: rate.value for name, rate in make_rates(positive, score, 0.5).items()}
    {'base_rate': 0.25, 'selection': 0.5, 'tpr': 0.5, 'fpr': 0.5, 'fnr': 0.5, 'ppv': 0.25, 'calibration': 2.0}
    """
    selected = score.astype(np.float64) > threshold
    return {
        "base_rate": mean(positive),
        "selection": mean(selected),
        "tpr": ratio(selected & positive, positive),
        "fpr": ratio(selected & ~positive, ~positive),
        "fnr": ratio(~selected & positive, positive),
        "ppv": ratio(selected & positive, selected),
        "calibration": ratio(score, positive),
    }


def among_all(rate: Linearized, index: Ints, rows: int) -> Linearized:
    """Return a rate of the rows at ``index`` as one of all rows, of which the others have no influence."""

    def influence() -> NDArray[np.float64]:
        every = np.zeros(rows)
        every[index] = rate.influence()
        return every

    counted = np.zeros(rows, np.bool_)
    counted[index] = rate.groups[0] if rate.groups else True
    return Linearized(rate.value, influence, (counted,))


def divided(worst: float, best: float) -> float:
    """Return worst divided by best.

    >>> divided(0.25, 0.5), divided(0.0, 0.0), divided(0.5, 0.0)
    (0.5, 1.0, inf)
    """
    return 1.0 if worst == best else worst / best if best else math.inf


def pairs(groups: int) -> int:
    """Return the number of pairs of groups.

    The pair that is furthest apart was chosen among them, so its interval must hold for all of them at once: by
    Bonferroni each has its share of the 5 % that may miss.

    >>> pairs(2), pairs(10)
    (1, 45)
    """
    return math.comb(groups, 2)


def simultaneous_level(groups: int) -> float:
    """Return the level of the interval of one pair, so that those of all pairs hold at once with 95 %.

    >>> round(simultaneous_level(2), 4), round(simultaneous_level(10), 4)
    (0.95, 0.9989)
    """
    return 1 - (1 - LEVEL) / pairs(groups)
