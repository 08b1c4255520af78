"""Metrics with the influence of each row, from which standard errors follow.

The influence of a row is the derivative of the metric with respect to the row's weight, at weight 1. Metrics do not
change when all weights are doubled, so influences sum to 0, and the sum of their squares estimates the variance of the
metric: the infinitesimal jackknife (Efron 1982, https://doi.org/10.1137/1.9781611970319, chapter 6). For AUC this is
the estimate of DeLong et al. 1988 (https://doi.org/10.2307/2531595). Where the rows of a unit, such as a user, depend
on one another, their influences are added before they are squared; for AUC this is Obuchowski 1997
(https://doi.org/10.2307/2533958).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.evaluation.units import Units

Floats = NDArray[np.float64]
Values = NDArray[Any]


@dataclass(frozen=True)
class Linearized:
    """A metric of some rows and what its standard error needs.

    Attributes:
        value: the metric; nan if it is undefined.
        influence: returns the influence of each row, float64 of the shape (rows,).
        groups: boolean arrays, (rows,) each; the metric rests on rows of each of them, as AUC on those of both labels,
            so the smallest says how well the standard error is known. Without groups all rows count.
    """

    value: float
    influence: Callable[[], Floats]
    groups: tuple[NDArray[np.bool_], ...] = ()


@dataclass(frozen=True)
class StandardError:
    """A standard error, and the degrees of freedom of its square."""

    value: float
    degrees_of_freedom: int


def mean(values: Values) -> Linearized:
    """Return the mean of ``values``, (rows,); nan without rows."""
    value = total(values) / len(values) if len(values) else np.nan
    return Linearized(value, lambda: (values.astype(np.float64) - value) / len(values))


def ratio(numerator: Values, denominator: Values) -> Linearized:
    """Return the sum of ``numerator`` over the sum of ``denominator``, (rows,) each; nan if the latter is 0."""
    above, below = total(numerator), total(denominator)
    value = above / below if below > 0 else np.nan
    return Linearized(value, lambda: (numerator.astype(np.float64) - value * denominator) / below, (denominator > 0,))


def total(values: Values) -> float:
    """Return the sum of ``values``, (rows,), in float64; booleans are counted, which is much faster."""
    return float(np.count_nonzero(values) if values.dtype == np.bool_ else values.sum(dtype=np.float64))


def difference(one: Linearized, other: Linearized) -> Linearized:
    """Return the difference of two metrics of the same rows, so that it is paired."""
    groups = one.groups + other.groups
    return Linearized(one.value - other.value, lambda: one.influence() - other.influence(), groups)


def quotient(one: Linearized, other: Linearized) -> Linearized:
    """Return the ratio of two positive metrics of the same rows, so that it is paired; nan if one is not positive."""
    value = one.value / other.value if one.value > 0 and other.value > 0 else np.nan
    groups = one.groups + other.groups
    return Linearized(value, lambda: value * (one.influence() / one.value - other.influence() / other.value), groups)


def standard_error(metric: Linearized, units: Units) -> StandardError | None:
    """Return the standard error of a metric; None if the metric is undefined, or rests on fewer than two units."""
    fewest = fewest_units(metric, units)
    if not np.isfinite(metric.value) or fewest < 2:
        return None
    return error_of(units.total(metric.influence()), fewest)


def paired_errors(one: Linearized, other: Linearized, units: Units) -> tuple[StandardError | None, ...]:
    """Return the standard errors of two metrics of the same rows and of their difference, as ``standard_error`` does.

    The influences of each are computed once.
    """
    fewest = [fewest_units(metric, units) for metric in (one, other)]
    known = [np.isfinite(metric.value) and least >= 2 for metric, least in zip((one, other), fewest, strict=True)]
    totals = [units.total(metric.influence()) if able else None
              for metric, able in zip((one, other), known, strict=True)]  # fmt: skip
    first, second = totals
    between = None if first is None or second is None else error_of(first - second, min(fewest))
    alone = [None if total is None else error_of(total, least) for total, least in zip(totals, fewest, strict=True)]
    return *alone, between


def fewest_units(metric: Linearized, units: Units) -> int:
    """Return the number of units that a metric rests on."""
    return min((units.number_with(group) for group in metric.groups), default=units.count)


def error_of(influence: Floats, fewest: int) -> StandardError | None:
    """Return the standard error from the influence of each unit, (units,), of which at least two; None if infinite."""
    # Not by BLAS, whose threads would wait for one another.
    variance = float(np.einsum("i,i", influence, influence)) * len(influence) / (len(influence) - 1)
    return StandardError(float(np.sqrt(variance)), fewest - 1) if np.isfinite(variance) else None
