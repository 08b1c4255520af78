"""Differences between two lines: paired on the same rows, or unpaired from their intervals."""

import dataclasses
import functools
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from statistics import NormalDist
from typing import Any, TypeVar

import numpy as np
from scipy import special, stats

from components.evaluation import influence
from components.evaluation.influence import Linearized, StandardError, standard_error
from components.evaluation.intervals import Scale, interval, within
from components.evaluation.tasks.registry import scale_of
from components.evaluation.units import independent
from components.evaluation.verdict import difference_of
from components.slice_report.compare.facts import Difference, Interval

# The share of false ones among the differences that are called clear.
LEVEL = 0.05
QUANTILE = NormalDist().inv_cdf(0.975)
Key = TypeVar("Key")


@dataclasses.dataclass(frozen=True)
class Finding:
    """A difference, with the two-sided p-value for no difference; nan without an interval."""

    difference: Difference
    p_value: float = math.nan


def average(metrics: Iterable[Linearized]) -> Linearized:
    """Return the mean of one metric over several runs on the same rows, whose influence is the mean of theirs."""
    runs = list(metrics)
    return divided(functools.reduce(added, runs), len(runs))


def added(one: Linearized, other: Linearized) -> Linearized:
    """Return the sum of a metric of two runs, which keeps neither of them in memory.

    Both have one influence for each unit. Of their groups the smallest is left, since it alone counts.
    """
    influence = one.influence() + other.influence()
    groups = sorted(one.groups + other.groups, key=np.count_nonzero)
    return Linearized(one.value + other.value, lambda: influence, tuple(groups[:1]))


def divided(total: Linearized, runs: int) -> Linearized:
    """Return the mean of a metric over a number of runs from its sum over them."""
    return Linearized(total.value / runs, lambda: total.influence() / runs, total.groups)


def interval_of(metric: Linearized, name: str) -> Interval | None:
    """Return the interval of a metric that has one influence for each unit."""
    units = independent(len(metric.influence()))
    return interval(metric.value, standard_error(metric, units), scale_of(name))


def paired(here: Linearized, there: Linearized, of_runs: Sequence[Sequence[float]], scale: Scale) -> Finding:
    """Compare a metric of two lines on the same rows; both have one influence for each unit.

    ``of_runs`` are the values of the runs of both lines. If both have several, the interval covers seeds as well as
    rows: the variances of the means over seeds are added to that over rows, which counts the luck of a seed on single
    rows twice and so errs on the safe side. Why both count: Bouthillier et al. 2021 (https://arxiv.org/abs/2103.03098).
    """
    between = influence.difference(here, there)
    error = standard_error(between, independent(len(between.influence())))
    seeds = all(len(values) > 1 for values in of_runs)
    if error is not None and seeds:
        error = combined([error, *map(error_of_mean, of_runs)])
    ends = interval(between.value, error, difference_of(scale))
    if error is None or ends is None:
        return Finding(Difference(between.value, None, "paired"))
    p_value = 2 * special.stdtr(error.degrees_of_freedom, -abs(between.value) / error.value)
    return Finding(Difference(between.value, ends, "paired", seeds), float(p_value))


def error_of_mean(values: Sequence[float]) -> StandardError:
    """Return the standard error of the mean of at least two values."""
    return StandardError(float(np.std(values, ddof=1)) / math.sqrt(len(values)), len(values) - 1)


def combined(errors: Sequence[StandardError]) -> StandardError:
    """Return the standard error of a sum of independent parts (Satterthwaite 1946, https://doi.org/10.2307/3002019).

    >>> combined([StandardError(3.0, 8), StandardError(4.0, 8)])
    StandardError(value=5.0, degrees_of_freedom=14)
    """
    variance = sum(error.value**2 for error in errors)
    uncertain = sum(error.value**4 / error.degrees_of_freedom for error in errors)
    # Rounding may leave a whole number slightly too small.
    whole = math.floor(variance**2 / uncertain + 1e-9) if uncertain else 1
    return StandardError(math.sqrt(variance), max(1, whole))


def unpaired(
    of_runs: Sequence[Sequence[float]],
    of_here: Interval | None,
    of_there: Interval | None,
    scale: Scale,
) -> Finding:
    """Compare the mean metric of two lines that were measured on other rows, from an interval of each.

    The rows count as independent samples; the interval is that of Zou and Donner 2008
    (https://doi.org/10.1002/sim.3095), which allows for intervals that are not symmetric. Seeds are covered if both
    lines have several runs.

    >>> unpaired([[0.8], [0.7]], (0.77, 0.83), (0.66, 0.74), "share").difference.interval
    (0.05, 0.15)
    """
    here, there = (statistics.fmean(values) for values in of_runs)
    difference = here - there
    if of_here is None or of_there is None or not all(map(math.isfinite, (difference, *of_here, *of_there))):
        return Finding(Difference(difference))
    seeds = all(len(values) > 1 for values in of_runs)
    luck = reach(combined([error_of_mean(values) for values in of_runs])) if seeds else 0.0
    below = math.hypot(here - of_here[0], of_there[1] - there, luck)
    above = math.hypot(of_here[1] - here, there - of_there[0], luck)
    ends = within((round(difference - below, 12), round(difference + above, 12)), difference_of(scale))
    # The part of the interval on the side of zero is that many standard errors wide.
    half = below if difference > 0 else above
    p_value = 2 * NormalDist().cdf(-abs(difference) / half * QUANTILE) if half else math.nan
    return Finding(Difference(difference, ends, "unpaired", seeds), p_value)


def reach(error: StandardError) -> float:
    """Return half of the width of a 95 % interval."""
    return float(special.stdtrit(error.degrees_of_freedom, 0.975)) * error.value


def with_clear(tested: Mapping[Key, Finding]) -> dict[Key, Difference]:
    """Mark the differences that are not zero, at a false discovery rate of 5 % over all of them.

    The rate is controlled as in Benjamini and Hochberg 1995 (https://doi.org/10.1111/j.2517-6161.1995.tb02031.x).
    """
    known = [key for key, test in tested.items() if math.isfinite(test.p_value)]
    adjusted: Any = stats.false_discovery_control([tested[key].p_value for key in known]) if known else []
    clear = {key for key, p_value in zip(known, adjusted, strict=True) if p_value <= LEVEL}
    return {key: dataclasses.replace(test.difference, clear=key in clear) for key, test in tested.items()}
