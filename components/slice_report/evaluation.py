"""Reads TFMA's artifact: every metric of every slice, and the verdict on the model."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import metrics_for_slice_pb2

from components.slice_report.checks import Bounds, Measured, SliceKey, Verdict, make_verdict

Kind: TypeAlias = metrics_for_slice_pb2.MetricsForSlice.MetricKeyAndValue


@dataclass
class Evaluation:
    """What TFMA measured: by slice and name, of the candidate, of the baseline, and candidate minus baseline."""

    candidate: dict[SliceKey, dict[str, Measured]] = field(default_factory=dict)
    baseline: dict[SliceKey, dict[str, Measured]] = field(default_factory=dict)
    differences: dict[SliceKey, dict[str, Measured]] = field(default_factory=dict)
    errors: dict[SliceKey, str] = field(default_factory=dict)

    def verdict(self, blessed: bool, bounds: Bounds) -> Verdict:
        """What was measured against the bounds."""
        return make_verdict(blessed, bounds, self.candidate, self.baseline)


def read_verdict(evaluation_dir: str, blessed: bool, bounds: Bounds) -> Verdict:
    """The verdict on the model in an evaluation artifact."""
    return read_evaluation(evaluation_dir).verdict(blessed, bounds)


def read_evaluation(evaluation_dir: str) -> Evaluation:
    """Reads the evaluation artifact; the only model has no name, of two each has one."""
    found = Evaluation()
    for of_slice in tfma.load_metrics(evaluation_dir):
        where = as_slice(of_slice.slice_key)
        for kind, item in named(of_slice):
            measured = as_measured(item)
            if measured is not None:
                kind_of(found, item).setdefault(where, {})[kind] = measured
            elif item.value.WhichOneof("type") == "debug_message":
                found.errors[where] = item.value.debug_message
    return found


def named(of_slice: metrics_for_slice_pb2.MetricsForSlice) -> Iterator[tuple[str, Kind]]:
    """The metrics of a slice with their names."""
    return ((item.key.name, item) for item in of_slice.metric_keys_and_values)


def kind_of(found: Evaluation, item: Kind) -> dict[SliceKey, dict[str, Measured]]:
    """Where a metric belongs."""
    if item.key.is_diff:
        return found.differences
    return found.baseline if item.key.model_name == tfma.BASELINE_KEY else found.candidate


def as_slice(key: metrics_for_slice_pb2.SliceKey) -> SliceKey:
    """TFMA's slice key as pairs of text, in the order of the names."""
    pairs = ((item.column, getattr(item, item.WhichOneof("kind"))) for item in key.single_slice_keys)
    return tuple(sorted((name, value.decode() if isinstance(value, bytes) else str(value)) for name, value in pairs))


def as_measured(item: Kind) -> Measured | None:
    """A number with its interval; None for what is not a number, such as a matrix."""
    match item.value.WhichOneof("type"):
        case "double_value":
            value = item.value.double_value.value
        case "bounded_value":
            value = item.value.bounded_value.value.value
        case _:
            return None
    interval = item.confidence_interval
    if not item.HasField("confidence_interval"):
        return Measured(value, None)
    return Measured(value, (interval.lower_bound.double_value.value, interval.upper_bound.double_value.value))
