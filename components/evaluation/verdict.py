"""The verdict on a model: every bound with the measured value."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from components.evaluation.influence import StandardError
from components.evaluation.intervals import LEVEL, Scale, probability_below
from components.evaluation.intervals import interval as interval_of
from components.evaluation.tasks.registry import BY_KIND, METRICS, SIDES, scale_of
from pipeline.criteria import Change, SliceKey, Threshold

# A bound that the true value misses with a higher probability lies within the interval.
SIGNIFICANT = (1 - LEVEL) / 2


@dataclass(frozen=True)
class Bounds:
    """All bounds on a model."""

    thresholds: tuple[Threshold, ...]
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True)
class Measurement:
    """The value of a metric.

    With a 95 % interval if one was computed; then with its standard error, and the degrees of freedom of that.
    """

    value: float
    interval: tuple[float, float] | None = None
    standard_error: float | None = None
    degrees_of_freedom: int | None = None


@dataclass(frozen=True)
class Check:
    """A bound and the measured value.

    ``value`` is None if the data has no such slice or the metric no value, for the reason ``why``. ``margin`` is the
    distance to the nearest bound, negative if it is missed. ``risk`` is the probability that the true value misses the
    nearer bound, None without an interval.
    """

    metric: str
    slice: str
    bound: str
    value: float | None
    interval: tuple[float, float] | None
    missed_by: float | None
    margin: float | None
    why: str = ""
    risk: float | None = None

    @property
    def state(self) -> Literal["kept", "missed", "too close"]:
        """Whether the bound is kept; ``too close`` if it is, but the interval contains the bound."""
        if not self.passed:
            return "missed"
        return "too close" if self.risk is not None and self.risk > SIGNIFICANT else "kept"

    @property
    def passed(self) -> bool:
        """True if the bound is kept; a bound without a measured value is not."""
        return self.value is not None and self.missed_by is None


@dataclass(frozen=True)
class Verdict:
    """The outcome, the number of test rows, and every bound."""

    blessed: bool
    rows: int
    checks: tuple[Check, ...]

    @property
    def outcome(self) -> str:
        """The outcome in words.

        >>> Verdict(True, 9, (Check("AUC", "overall", "≥ 0.7", 0.8, (0.69, 0.9), None, 0.1, risk=0.04),)).outcome
        'Blessed: its one bound is kept, 1 too close to call'
        """
        close = sum(check.state == "too close" for check in self.checks)
        missed = sum(check.state == "missed" for check in self.checks)
        bounds = f"{len(self.checks)} bound{'s' * (len(self.checks) != 1)}"
        if not self.blessed:
            return f"Not blessed: {missed or close} of {bounds} {'missed' if missed else 'too close to call'}"
        kept = "its one bound is kept" if len(self.checks) == 1 else f"all {bounds} are kept"
        return f"Blessed: {kept}{f', {close} too close to call' * bool(close)}"


Metrics = Mapping[SliceKey, Mapping[str, Measurement]]


class Measured(Protocol):
    """Measurements by slice and metric: of the model, of the baseline, which may be empty, and their differences."""

    @property
    def candidate(self) -> Metrics: ...
    @property
    def baseline(self) -> Metrics: ...
    @property
    def differences(self) -> Metrics: ...


def make_verdict(blessed: bool, bounds: Bounds, evaluated: Measured) -> Verdict:
    """Compare measurements with bounds; those on a difference only if there is a baseline."""
    checks = [check_threshold(threshold, evaluated.candidate) for threshold in bounds.thresholds]
    checks += [check_change(change, evaluated) for change in bounds.changes if evaluated.baseline]
    rows = evaluated.candidate.get((), {}).get("example_count")
    return Verdict(blessed, int(rows.value) if rows else 0, tuple(checks))


def check_threshold(threshold: Threshold, metrics: Metrics) -> Check:
    """Check a bound on a value."""
    of_slice = metrics.get(threshold.slice_key, {})
    measured = of_slice.get(METRICS[threshold.metric])
    bounds = [f"≥ {threshold.lower}"] * (threshold.lower is not None)
    bounds += [f"≤ {threshold.upper}"] * (threshold.upper is not None)
    value = defined(measured)
    why = without_value(threshold.metric, of_slice) if value is None else ""
    interval = measured.interval if measured and value is not None else None
    missed, left = (of(value, threshold.lower, threshold.upper) for of in (miss, margin))
    where = slice_name(tuple(threshold.slice.items()))
    scale = scale_of(METRICS[threshold.metric])
    risk = probability_outside(measured, threshold.lower, threshold.upper, scale) if interval else None
    return Check(threshold.metric, where, " and ".join(bounds), value, interval, missed, left, why, risk)


def check_change(change: Change, evaluated: "Measured") -> Check:
    """Check a bound on the difference to the baseline."""
    name = METRICS[change.metric]
    pair = [of_model.get((), {}) for of_model in (evaluated.candidate, evaluated.baseline)]
    values = [defined(of_all.get(name)) for of_all in pair]
    value = values[0] - values[1] if values[0] is not None and values[1] is not None else None
    measured = evaluated.differences.get((), {}).get(name) if value is not None else None
    unknown = [of_all for of_all, of_model in zip(pair, values, strict=True) if of_model is None]
    why = without_value(change.metric, unknown[0]) if unknown else ""
    lower, upper = (-change.tolerance, None) if change.better == "higher" else (None, change.tolerance)
    bound = f"≥ {lower}" if lower is not None else f"≤ {upper}"
    interval = measured.interval if measured else None
    risk = probability_outside(measured, lower, upper, "difference") if interval else None
    where = (f"{change.metric} against baseline", "overall", bound)
    return Check(*where, value, interval, miss(value, lower, upper), margin(value, lower, upper), why, risk)


def measure(value: float, error: StandardError | None, scale: Scale, level: float = LEVEL) -> Measurement:
    """Return a metric with its interval, if it has one."""
    found = interval_of(value, error, scale, level)
    return Measurement(value, found, error.value, error.degrees_of_freedom) if found and error else Measurement(value)


def difference_of(scale: Scale) -> Scale:
    """Return the scale of a difference of two metrics."""
    return "difference of shares" if scale == "share" else "difference"


def probability_outside(
    measured: Measurement | None, lower: float | None, upper: float | None, scale: Scale
) -> float | None:
    """Return the probability that the true value is beyond the nearer bound; None without an interval.

    It is that of one side, so that it exceeds 2.5 % exactly if the interval contains a bound.
    """
    if measured is None or measured.standard_error is None or measured.degrees_of_freedom is None:
        return None
    error = StandardError(measured.standard_error, measured.degrees_of_freedom)
    below = 0.0 if lower is None else probability_below(lower, measured.value, error, scale)
    above = 0.0 if upper is None else 1 - probability_below(upper, measured.value, error, scale)
    return max(below, above)


def defined(measured: Measurement | None) -> float | None:
    """Return the value, or None if it is missing or nan."""
    return None if measured is None or math.isnan(measured.value) else measured.value


def without_value(metric: str, of_slice: Mapping[str, Measurement]) -> str:
    """Explain why a metric has no value in a slice, given the slice's metrics.

    >>> without_value("AUC", {}), without_value("AUC", {"auc": Measurement(math.nan)})
    ('no such slice in the data', 'undefined: all rows have the same label')
    """
    if METRICS[metric] in of_slice:
        return BY_KIND[metric].undefined or "undefined"
    return "not measured" if of_slice else "no such slice in the data"


def miss(value: float | None, lower: float | None, upper: float | None) -> float | None:
    """Return the distance of a value to the bound that it misses; None if it misses none, or has no value.

    >>> miss(0.62, lower=0.7, upper=None), miss(0.8, 0.7, 0.9)
    (0.08, None)
    """
    if value is None:
        return None
    if lower is not None and not value >= lower:
        return round(lower - value, 6)
    if upper is not None and not value <= upper:
        return round(value - upper, 6)
    return None


def margin(value: float | None, lower: float | None, upper: float | None) -> float | None:
    """Return the distance to the nearest bound, negative outside; None without a value or a bound.

    >>> margin(0.75, lower=0.7, upper=None), margin(0.75, 0.7, 0.77), margin(0.5, 0.7, None)
    (0.05, 0.02, -0.2)
    """
    bounds = [] if lower is None or value is None else [value - lower]
    bounds += [] if upper is None or value is None else [upper - value]
    return round(min(bounds), 6) if bounds else None


def slice_name(on: SliceKey) -> str:
    """Return a slice as text.

    >>> slice_name((("sex", "Female"),)), slice_name(())
    ('sex=Female', 'overall')
    """
    return ", ".join(f"{name}={value}" for name, value in on) or "overall"


def badness(metric: str, value: float) -> float:
    """Return a number that is higher for worse values; nan for a metric that is neither good nor bad.

    >>> badness("auc", 0.7), badness("calibration", 0.5), badness("mean_label", 0.5)
    (-0.7, 0.5, nan)
    """
    match SIDES.get(metric):
        case "higher":
            return -value
        case "lower":
            return value
        case "one":
            return abs(value - 1)
    return math.nan
