"""The verdict on a model: every bound, and what was measured."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.criteria import Change, SliceKey, Threshold

# The metrics of every evaluation, by TFMA's class, with the name that a result carries.
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

# Why a metric has no value where there are rows.
UNDEFINED = {
    "AUC": "undefined: all rows have the same label",
    "AUCPrecisionRecall": "undefined: all rows have the same label",
    "Calibration": "undefined: no row has label 1",
    "Precision": "undefined: no row is predicted positive",
    "Recall": "undefined: no row has label 1",
}

# Those that say something of a model, in the order of the report, with the side that is better.
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
    """All that a model must keep."""

    thresholds: tuple[Threshold, ...]
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True)
class Measured:
    """A metric's value with the 95 % interval of its estimate, if one was computed."""

    value: float
    interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class Check:
    """One bound and what was measured.

    ``value`` is None when the data has no such slice or the metric no value, and ``why`` then says so. ``margin`` is
    the distance to the nearest bound, negative when it is missed.
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
        """Whether the bound is kept; what could not be measured is not."""
        return self.value is not None and self.missed_by is None


@dataclass(frozen=True)
class Verdict:
    """What was decided, on how many rows, and why."""

    blessed: bool
    rows: int
    checks: tuple[Check, ...]


Metrics = Mapping[SliceKey, Mapping[str, Measured]]


def make_verdict(blessed: bool, bounds: Bounds, metrics: Metrics, baseline: Metrics) -> Verdict:
    """Sets what was measured against the bounds; ``baseline`` is empty where there is none."""
    checks = [check_threshold(threshold, metrics) for threshold in bounds.thresholds]
    checks += [check_change(change, metrics, baseline) for change in bounds.changes if baseline]
    rows = metrics.get((), {}).get("example_count")
    return Verdict(blessed, int(rows.value) if rows else 0, tuple(checks))


def check_threshold(threshold: Threshold, metrics: Metrics) -> Check:
    """A bound on a value."""
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
    """A bound on the difference to the baseline."""
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


def defined(measured: Measured | None) -> float | None:
    """The value, if there is one that is a number."""
    return None if measured is None or math.isnan(measured.value) else measured.value


def without_value(metric: str, of_slice: Mapping[str, Measured]) -> str:
    """Why a metric has no value in a slice, whose metrics are given; none of a slice that is not there.

    >>> without_value("AUC", {}), without_value("AUC", {"auc": Measured(math.nan)})
    ('no such slice in the data', 'undefined: all rows have the same label')
    """
    if METRICS[metric] in of_slice:
        return UNDEFINED.get(metric, "undefined")
    return "not measured" if of_slice else "no such slice in the data"


def miss(value: float | None, lower: float | None, upper: float | None) -> float | None:
    """By how much a value lies outside its bounds; None inside, and for what has no value.

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
    """How far a value lies inside its nearest bound, negative outside; None for what has no value or no bound.

    >>> margin(0.75, lower=0.7, upper=None), margin(0.75, 0.7, 0.77), margin(0.5, 0.7, None)
    (0.05, 0.02, -0.2)
    """
    bounds = [] if lower is None or value is None else [value - lower]
    bounds += [] if upper is None or value is None else [upper - value]
    return round(min(bounds), 6) if bounds else None


def slice_name(on: SliceKey) -> str:
    """A slice in words.

    >>> slice_name((("sex", "Female"),)), slice_name(())
    ('sex=Female', 'overall')
    """
    return ", ".join(f"{name}={value}" for name, value in on) or "overall"


def badness(metric: str, value: float) -> float:
    """A number that is the higher the worse; nan for a metric that is neither good nor bad.

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
