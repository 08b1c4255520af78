"""95 % confidence intervals from standard errors, which stay within the range of their metric.

A metric in [0, 1] has the interval of Wilson 1927 (https://doi.org/10.2307/2276774) for the number of independent rows
that would give its standard error, as for rates in surveys of clusters (Korn and Graubard 1998) and for AUC (Newcombe
2006, https://doi.org/10.1002/sim.2323). A metric that is positive has one on the logarithmic scale, a difference a
symmetric one, which is cut at -1 and 1 if it is one of shares. Quantiles are those of Student's t. The probabilities
that the true value is below a bound are from the same distributions, so that an interval contains a bound exactly if
both sides of it have more than 2.5 %.
"""

import math
from typing import Literal

from scipy import special

from components.evaluation.influence import StandardError

Scale = Literal["share", "positive", "difference", "difference of shares"]
Interval = tuple[float, float]

LEVEL = 0.95


def interval(value: float, error: StandardError | None, scale: Scale, level: float = LEVEL) -> Interval | None:
    """Return the interval of a metric with this value and standard error.

    None without a standard error, and where the error is 0 but for shares of 0 and 1: then it tells nothing.

    >>> [round(end, 4) for end in interval(0.8, StandardError(0.04, 99), "share")]
    [0.71, 0.8673]
    >>> [round(end, 4) for end in interval(1.0, StandardError(0.0, 9), "share")]
    [0.6615, 1.0]
    """
    if error is None or not math.isfinite(value) or not math.isfinite(error.value):
        return None
    t = float(special.stdtrit(error.degrees_of_freedom, (1 + level) / 2))
    match scale:
        case "share" if error.value > 0 or value in (0.0, 1.0):
            return wilson(value, effective_rows(value, error), t)
        case "positive" if value > 0 and error.value > 0:
            factor = math.exp(t * error.value / value)
            return value / factor, value * factor
        case "difference" | "difference of shares" if error.value > 0:
            return within((value - t * error.value, value + t * error.value), scale)
    return None


def within(ends: Interval, scale: Scale) -> Interval:
    """Cut an interval to the differences that are possible: those of shares are at most 1.

    >>> within((-1.2, 0.3), "difference of shares"), within((-1.2, 0.3), "difference")
    ((-1.0, 0.3), (-1.2, 0.3))
    """
    return (max(ends[0], -1.0), min(ends[1], 1.0)) if scale == "difference of shares" else ends


def wilson(share: float, rows: float, t: float) -> Interval:
    """Return Wilson's interval of a share of a number of independent rows."""
    middle = (share + t**2 / (2 * rows)) / (1 + t**2 / rows)
    half = t / (1 + t**2 / rows) * math.sqrt(share * (1 - share) / rows + t**2 / (4 * rows**2))
    # Rounding may move an end beyond a share of 0 or 1.
    return max(min(middle - half, share), 0.0), min(max(middle + half, share), 1.0)


def effective_rows(share: float, error: StandardError) -> float:
    """Return the number of independent rows whose share would have this standard error."""
    if share in (0.0, 1.0):
        return error.degrees_of_freedom + 1
    return share * (1 - share) / error.value**2


def probability_below(bound: float, value: float, error: StandardError, scale: Scale) -> float:
    """Return the probability that the true metric is below a bound, for a metric that has an interval.

    >>> round(probability_below(0.5, 0.5, StandardError(0.01, 50), "share"), 3)
    0.5
    """
    return float(special.stdtr(error.degrees_of_freedom, standardized(bound, value, error, scale)))


def standardized(bound: float, value: float, error: StandardError, scale: Scale) -> float:
    """Return the distance of a bound from the value, in standard errors on the metric's scale."""
    match scale:
        case "share":
            if not 0 < bound < 1:
                return -math.inf if bound <= 0 else math.inf
            return (bound - value) / math.sqrt(bound * (1 - bound) / effective_rows(value, error))
        case "positive":
            return (math.log(bound) - math.log(value)) * value / error.value if bound > 0 else -math.inf
        case "difference" | "difference of shares":
            return (bound - value) / error.value
