"""The verdict on a model: every bound with the measured value."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.criteria import Change, SliceKey, Threshold

# The metrics of every evaluation: TFMA's class, and the name in results.
METRICS = {
    "AUC": "auc",
    "AUCPrecisionRecall": "auc_precision_recall",
    "BinaryAccuracy": "binary_accuracy",
    "BinaryCrossEntropy": "binary_crossentropy",
    "Calibration": "calibration",
    "ExampleCount": "example_count",
    "MeanLabel": "mean_label",
    "MeanPrediction": "mean_prediction",
    "Precision": "precision",
    "Recall": "recall",
}

# Reasons why a metric of a slice with rows has no value.
UNDEFINED = {
    "AUC": "undefined: all rows have the same label",
    "AUCPrecisionRecall": "undefined: all rows have the same label",
    "Calibration": "undefined: no row has label 1",
    "Precision": "undefined: no row is predicted positive",
    "Recall": "undefined: no row has label 1",
}

# Metrics of model quality, in the order of the report, with the side that is better.
BETTER = {
    "AUC": "higher",
    "AUCPrecisionRecall": "higher",
    "BinaryCrossEntropy": "lower",
    "BinaryAccuracy": "higher",
    "Precision": "higher",
    "Recall": "higher",
    "Calibration": "one",
    "MeanPrediction": "",
}
SIDES = {METRICS[kind]: side for kind, side in BETTER.items()}


@dataclass(frozen=True)
class Bounds:
    """All bounds on a model."""

    thresholds: tuple[Threshold, ...]
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True)
class Measurement:
    """The value of a metric, with its 95 % interval if one was computed."""

    value: float
    interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class Check:
    """A bound and the measured value.

    ``value`` is None if the data has no such slice or the metric no value, for the reason ``why``. ``margin`` is the
    distance to the nearest bound, negative if it is missed.
    """

    metric: str
    slice: str
    bound: str
    value: float | None
    interval: tuple[float, float] | None
    missed_by: float | None
    margin: float | None
    why: str = ""

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


Metrics = Mapping[SliceKey, Mapping[str, Measurement]]


def make_verdict(blessed: bool, bounds: Bounds, metrics: Metrics, baseline: Metrics) -> Verdict:
    """Compare measurements with bounds; ``baseline`` is empty if there is none."""
    checks = [check_threshold(threshold, metrics) for threshold in bounds.thresholds]
    checks += [check_change(change, metrics, baseline) for change in bounds.changes if baseline]
    rows = metrics.get((), {}).get("example_count")
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
    missed = miss(value, threshold.lower, threshold.upper)
    left = margin(value, threshold.lower, threshold.upper)
    where = slice_name(tuple(threshold.slice.items()))
    return Check(threshold.metric, where, " and ".join(bounds), value, interval, missed, left, why)


def check_change(change: Change, metrics: Metrics, baseline: Metrics) -> Check:
    """Check a bound on the difference to the baseline."""
    name = METRICS[change.metric]
    pair = [of_model.get((), {}) for of_model in (metrics, baseline)]
    values = [defined(of_all.get(name)) for of_all in pair]
    difference = values[0] - values[1] if values[0] is not None and values[1] is not None else None
    unknown = [of_all for of_all, value in zip(pair, values, strict=True) if value is None]
    why = without_value(change.metric, unknown[0]) if unknown else ""
    lower, upper = (-change.tolerance, None) if change.better == "higher" else (None, change.tolerance)
    bound = f"≥ {lower}" if lower is not None else f"≤ {upper}"
    missed, left = miss(difference, lower, upper), margin(difference, lower, upper)
    return Check(f"{change.metric} against baseline", "overall", bound, difference, None, missed, left, why)


def defined(measured: Measurement | None) -> float | None:
    """Return the value, or None if it is missing or nan."""
    return None if measured is None or math.isnan(measured.value) else measured.value


def without_value(metric: str, of_slice: Mapping[str, Measurement]) -> str:
    """Explain why a metric has no value in a slice, given the slice's metrics.

    >>> without_value("AUC", {}), without_value("AUC", {"auc": Measurement(math.nan)})
    ('no such slice in the data', 'undefined: all rows have the same label')
    """
    if METRICS[metric] in of_slice:
        return UNDEFINED.get(metric, "undefined")
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
