"""How much worse a model is on some rows than its skill on other rows explains.

The normalized entropy of rows (He et al. 2014, https://doi.org/10.1145/2648584.2648589) is their mean log loss divided
by the entropy of their base rate, which is the log loss of always predicting that rate: 1 without skill, 0 with
certainty. The excess loss of a segment is its mean log loss minus its entropy times the normalized entropy of the other
rows. It is 0 where the model has the same skill, whatever the base rates are.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from components.evaluation.influence import StandardError
from components.evaluation.units import Units

# A segment, and what it is compared with, needs so many units for a test.
FEWEST_UNITS = 20
# Smaller differences are rounding errors.
TINY = 1e-9
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Moments:
    """Sums over segments, from which their excess loss and its standard error follow.

    Attributes:
        units: (segments,) the number of units that have rows in the segment.
        sums: (segments, 3) the number of rows, and the sums of their labels and losses.
        products: (segments, 3, 3) the products of these three sums of each unit, summed over the units.
    """

    units: Floats
    sums: Floats
    products: Floats

    @property
    def rate(self) -> Floats:
        """The share of rows with label 1."""
        return self.average(1)

    @property
    def loss(self) -> Floats:
        """The mean log loss."""
        return self.average(2)

    def average(self, number: int) -> Floats:
        """Return one of the sums by row, (segments,); nan without rows."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(self.sums[:, number] / self.sums[:, 0])

    @property
    def effective_rows(self) -> Floats:
        """The number of independent rows that would tell the base rate as well; the units, if all labels are equal."""
        one = np.ones_like(self.rate)
        with np.errstate(divide="ignore", invalid="ignore"):
            variance = self.variance(np.stack([-self.rate, one, 0 * one], axis=1) / self.sums[:, :1])
            return np.where(variance > 0, self.rate * (1 - self.rate) / variance, self.units)

    @property
    def inner_rate(self) -> Floats:
        """The base rate, half a row away from 0 and 1."""
        with np.errstate(divide="ignore"):
            end = np.minimum(0.5 / self.effective_rows, 0.5)
        return np.clip(self.rate, end, 1 - end)

    @property
    def entropy(self) -> Floats:
        """The entropy of the base rate, natural logarithm.

        The entropy of an estimated rate is too low by about 1 / (2 n), which is added (Miller 1955). Otherwise segments
        with few rows would look weak.
        """
        rate = self.inner_rate
        with np.errstate(divide="ignore"):
            return np.asarray(special.entr(rate) + special.entr(1 - rate) + 1 / (2 * self.effective_rows))

    def variance(self, coefficients: Floats) -> Floats:
        """Return the variance of a sum over units of their three sums, which are weighted by (segments, 3)."""
        total = np.einsum("si,sij,sj->s", coefficients, self.products, coefficients)
        return np.asarray(np.maximum(total, 0.0) * self.units / (self.units - 1))

    def coefficients(self, expected: Floats) -> Floats:
        """Return the weights of a unit's three sums, (segments, 3), in its influence on the mean excess loss.

        Args:
            expected: (segments,) the normalized entropy that the excess is over.
        """
        # An entropy depends on a label as the loss of always predicting the base rate does.
        slope = -expected * special.logit(self.inner_rate)
        one = np.ones_like(slope)
        return np.stack([slope * self.rate - self.loss, -slope, one], axis=1) / self.sums[:, :1]


def row_moments(sums: Floats) -> Moments:
    """Return the moments of segments whose rows are independent.

    Args:
        sums: (5, segments) the number of rows, and the sums of labels, losses, losses with label 1, squared losses.
    """
    rows, labels, losses, both, squares = sums
    products = np.array([[rows, labels, losses], [labels, labels, both], [losses, both, squares]])
    return Moments(rows, np.stack([rows, labels, losses], axis=1), np.moveaxis(products, 2, 0))


def unit_moments(by_unit: Floats) -> Moments:
    """Return the moments of one segment from the three sums of each unit, (units, 3)."""
    units = np.array([np.count_nonzero(by_unit[:, 0])], np.float64)
    return Moments(units, by_unit.sum(axis=0)[None], (by_unit.T @ by_unit)[None])


@dataclass(frozen=True)
class Excess:
    """The excess loss of segments, (segments,), with squared standard error and its degrees of freedom.

    ``enough``: whether there are enough units for a test.
    """

    value: Floats
    variance: Floats
    degrees_of_freedom: Floats
    enough: Mask

    @property
    def p(self) -> Floats:
        """The one-sided p-value of no excess; 1 without enough units. An excess of rounding is none."""
        with np.errstate(divide="ignore", invalid="ignore"):
            p = special.stdtr(self.degrees_of_freedom, -self.value / np.sqrt(self.variance))
        return np.where(self.enough & (np.abs(self.value) > TINY), p, 1.0)

    @property
    def standard_error(self) -> StandardError | None:
        """The standard error of the only segment, if it has one."""
        variance, freedom = float(self.variance[0]), float(self.degrees_of_freedom[0])
        known = np.isfinite(variance) and freedom >= 1
        return StandardError(float(np.sqrt(variance)), int(freedom)) if known else None


def excess_loss(segments: Moments, others: Moments, shared: Any = 0.0) -> Excess:
    """Return the excess loss of segments over the skill on other rows, by the delta method.

    Degrees of freedom are Welch's (1947, doi 10.1093/biomet/34.1-2.28). The variance has the second-order term of both
    entropies, 1 / (2 n^2), too: without skill the loss is that of the base rate, and the first-order terms are 0.

    Args:
        shared: (segments, 3, 3) the products of a unit's sums in the segment and of those in the other rows, summed
            over the units; 0 if no unit has rows in both.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = others.loss / others.entropy
        scale = segments.entropy / others.entropy
        weights = segments.coefficients(expected), others.coefficients(expected) * scale[:, None]
        second = [
            factor**2 / 2 for factor in (expected / segments.effective_rows, expected * scale / others.effective_rows)
        ]
        variances = [
            part.variance(of_part) + more
            for part, of_part, more in zip((segments, others), weights, second, strict=True)
        ]
        cross = np.einsum("si,sij,sj->s", weights[0], np.broadcast_to(shared, segments.products.shape), weights[1])
        both = variances[0] + variances[1]
        spread = variances[0] ** 2 / (segments.units - 1) + variances[1] ** 2 / (others.units - 1)
        freedom = np.where(both > 0, both**2 / spread, 1.0)
        value = segments.loss - segments.entropy * expected
    enough = np.minimum(segments.units, others.units) >= FEWEST_UNITS
    return Excess(value, np.maximum(both - 2 * cross, 0.0), freedom, enough)


@dataclass(frozen=True)
class Rows:
    """Rows with label and score.

    Attributes:
        labels: (rows,) float64, 0 or 1.
        losses: (rows,) log losses.
        units: the unit of each row.
    """

    labels: Floats
    losses: Floats
    units: Units

    def at(self, index: Any) -> "Rows":
        """Return some rows, by a slice, a mask or their positions."""
        positions = np.arange(self.labels.size)[index]
        return Rows(self.labels[index], self.losses[index], self.units.take(positions))

    @property
    def sums(self) -> Floats:
        """The sums of ``row_moments`` over all of these rows: (5,)."""
        labels, losses = self.labels, self.losses
        return np.array([labels.size, labels.sum(), losses.sum(), labels @ losses, losses @ losses])

    @property
    def moments(self) -> Moments:
        """The moments of all of these rows."""
        if self.units.code is None:
            return row_moments(self.sums[:, None])
        return unit_moments(self.whole)

    def by_unit(self, members: Mask) -> Floats:
        """Return the number of some rows, (rows,), and the sums of their labels and losses, by unit: (units, 3)."""
        index = np.flatnonzero(members)
        parts = (np.ones(index.size), self.labels[index], self.losses[index])
        code = index if self.units.code is None else self.units.code[index]
        return np.stack([np.bincount(code, part, self.units.count) for part in parts], axis=1)

    @cached_property
    def whole(self) -> Floats:
        """The sums of all rows by unit, (units, 3)."""
        return self.by_unit(np.ones(self.labels.size, np.bool_))

    def compare(self, members: Mask, within: Mask | None = None) -> Excess:
        """Return the excess loss of a segment over the other rows of those in ``within``, or of all, (rows,) each."""
        if self.units.code is None:
            others = ~members if within is None else within & ~members
            return excess_loss(self.at(members).moments, self.at(others).moments)
        one = self.by_unit(members)
        other = (self.whole if within is None else self.by_unit(within)) - one
        return excess_loss(unit_moments(one), unit_moments(other), (one.T @ other)[None])


def halves(units: Units, seed: int) -> Mask:
    """Return the rows of a random half of the units, (rows,); of an odd number, the larger half."""
    half = np.random.default_rng(seed).permutation(units.count) < (units.count + 1) // 2
    return half if units.code is None else half[units.code]
