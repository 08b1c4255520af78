"""The two groups that are furthest apart by a rate."""

from collections.abc import Mapping
from dataclasses import dataclass

from components.evaluation.groups.rates import divided, simultaneous_level
from components.evaluation.influence import Linearized, difference, quotient, standard_error
from components.evaluation.units import Units
from components.evaluation.verdict import Measurement, measure


@dataclass(frozen=True)
class Extremes:
    """The best and the worst of several groups by a rate.

    Attributes:
        difference: the higher rate minus the lower one.
        ratio: worst divided by best; 1 if the rates are equal, infinite if only the best is 0. A ratio of 0 has no
            interval.
    """

    best: str
    worst: str
    difference: Measurement
    ratio: Measurement


def extremes(rates: Mapping[str, Linearized], units: Units, *, lowest_is_best: bool = False) -> Extremes:
    """Return the groups furthest apart of at least two, whose rates are metrics of the same rows.

    Intervals are paired, and hold for all pairs of groups at once, since the two are chosen among them.
    """
    ordered = sorted(rates, key=lambda group: rates[group].value)
    lowest, highest = ordered[0], ordered[-1]
    best, worst = (lowest, highest) if lowest_is_best else (highest, lowest)
    level = simultaneous_level(len(rates))
    apart, share = difference(rates[highest], rates[lowest]), quotient(rates[worst], rates[best])
    ratio = divided(rates[worst].value, rates[best].value)
    return Extremes(
        best,
        worst,
        measure(apart.value, standard_error(apart, units), "difference of shares", level),
        measure(ratio, standard_error(share, units), "positive", level),
    )
