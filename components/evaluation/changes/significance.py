"""Whether a change of a metric is surely for the better or the worse.

Where closer to 1 is better, "worse" is two claims: the values differ, and their middle lies on the side of 1 that makes
the difference bad. It is made only if both hold, so its p-value is the larger of both (an intersection-union test,
Berger 1982, https://doi.org/10.1080/00401706.1982.10487790).
"""

import math
from statistics import NormalDist

from scipy import special

from components.evaluation.changes.direction import Direction, direction
from components.evaluation.influence import StandardError
from components.evaluation.intervals import LEVEL
from components.evaluation.tasks.registry import SIDES
from components.evaluation.verdict import SIGNIFICANT, Measurement

QUANTILE = NormalDist().inv_cdf((1 + LEVEL) / 2)
# So many degrees of freedom that Student's t is normal.
MANY = 10**9


def sure_direction(metric: str, measured: Measurement, change: Measurement) -> Direction:
    """Return whether a value is better or worse than another one; ``differs`` where neither is sure.

    Each is said wrongly with a probability of at most 2.5 %.

    Args:
        metric: by its name in results.
        measured: the value.
        change: the value minus the other one; without a standard error, the end of the interval nearest to zero counts.

    >>> near, far = (Measurement(value, (value - 0.2, value + 0.2)) for value in (1.15, 1.5))
    >>> apart = Measurement(0.1, (0.05, 0.15))
    >>> sure_direction("calibration", near, apart), sure_direction("calibration", far, apart)
    ('differs', 'worse')
    """
    p = p_of_direction(metric, measured, change)
    return "differs" if p is None or p > SIGNIFICANT else direction(metric, measured.value, before(measured, change))


def p_worse(metric: str, measured: Measurement, change: Measurement) -> float | None:
    """Return the one-sided p-value that a value is worse than the other one; None without a standard error."""
    p = p_of_direction(metric, measured, change)
    if p is None:
        return None
    match direction(metric, measured.value, before(measured, change)):
        case "worse":
            return p
        case "better":
            return 1 - p
    return 1.0


def p_value(change: Measurement) -> float | None:
    """Return the two-sided p-value of a difference by Student's t-test; None without a standard error.

    >>> round(p_value(Measurement(0.2, (0.0, 0.4), 0.1, 1000)), 3)
    0.046
    """
    error = error_towards(change, 0.0)
    return None if error is None else 2 * p_beyond(change.value, error)


def p_of_direction(metric: str, measured: Measurement, change: Measurement) -> float | None:
    """Return the one-sided p-value that a value differs from the other one in the direction that it seems to.

    The standard error of the middle of both is at most that of the value and half of that of the difference.
    """
    between = error_towards(change, 0.0)
    if between is None:
        return None
    p, middle = p_beyond(change.value, between), measured.value - change.value / 2
    if SIDES.get(metric) != "one":
        return p
    of_value = error_towards(measured, 1.0 + measured.value - middle)
    if of_value is None:
        return None
    error = StandardError(of_value.value + between.value / 2, of_value.degrees_of_freedom)
    return max(p, p_beyond(middle - 1, error))


def before(measured: Measurement, change: Measurement) -> float:
    """Return the value that another one is compared with."""
    return measured.value - change.value


def error_towards(measured: Measurement, bound: float) -> StandardError | None:
    """Return the standard error; without one, that which puts the end of the interval where it is, towards a bound."""
    if measured.standard_error is not None and measured.degrees_of_freedom is not None:
        return StandardError(measured.standard_error, measured.degrees_of_freedom)
    if measured.interval is None:
        return None
    end = measured.interval[0] if measured.value > bound else measured.interval[1]
    return StandardError(abs(measured.value - end) / QUANTILE, MANY)


def p_beyond(distance: float, error: StandardError) -> float:
    """Return the one-sided p-value of a distance from a bound; nan for no distance without an error."""
    if error.value == 0:
        return 0.0 if distance else math.nan
    return float(special.stdtr(error.degrees_of_freedom, -abs(distance) / error.value))
