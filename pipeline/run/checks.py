"""The verdict on a model: every bound of the workload, and what was measured."""

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.workloads.contract import METRICS, Change, Evaluation, Slice, Threshold


@dataclass(frozen=True)
class Check:
    """One bound and what was measured; ``value`` is None when the data has no such slice or the metric no value."""

    metric: str
    slice: str
    bound: str
    value: float | None
    interval: tuple[float, float] | None
    missed_by: float | None

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


@dataclass(frozen=True)
class Measured:
    """A metric's value with the 95 % interval of its estimate, if one was computed."""

    value: float
    interval: tuple[float, float] | None


Metrics = Mapping[Slice, Mapping[str, Measured]]


def make_verdict(blessed: bool, evaluation: Evaluation, metrics: Metrics, baseline: Metrics) -> Verdict:
    """Sets what was measured against the bounds of the workload; ``baseline`` is empty where there is none."""
    checks = [check_threshold(threshold, metrics) for threshold in evaluation.thresholds]
    checks += [check_change(change, metrics, baseline) for change in evaluation.changes if baseline]
    rows = metrics.get((), {}).get("example_count")
    return Verdict(blessed, int(rows.value) if rows else 0, tuple(checks))


def check_threshold(threshold: Threshold, metrics: Metrics) -> Check:
    """A bound on a value."""
    measured = metrics.get(tuple(sorted(threshold.on)), {}).get(METRICS[threshold.metric])
    bounds = [f"≥ {threshold.lower}"] * (threshold.lower is not None)
    bounds += [f"≤ {threshold.upper}"] * (threshold.upper is not None)
    value, interval = (measured.value, measured.interval) if measured else (None, None)
    missed = miss(value, threshold.lower, threshold.upper)
    return Check(threshold.metric, slice_name(threshold.on), " and ".join(bounds), value, interval, missed)


def check_change(change: Change, metrics: Metrics, baseline: Metrics) -> Check:
    """A bound on the difference to the baseline."""
    name = METRICS[change.metric]
    pair = [of_model.get((), {}).get(name) for of_model in (metrics, baseline)]
    values = [measured.value for measured in pair if measured is not None]
    difference = values[0] - values[1] if len(values) == 2 else None
    lower, upper = (-change.tolerance, None) if change.better == "higher" else (None, change.tolerance)
    bound = f"≥ {lower}" if lower is not None else f"≤ {upper}"
    return Check(
        f"{change.metric} against baseline", "overall", bound, difference, None, miss(difference, lower, upper)
    )


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


def slice_name(on: Slice) -> str:
    """A slice in words.

    >>> slice_name((("sex", "Female"),)), slice_name(())
    ('sex=Female', 'overall')
    """
    return ", ".join(f"{name}={value}" for name, value in on) or "overall"
