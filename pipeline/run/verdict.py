"""Reads TFMA's artifact: every metric of every slice, and the verdict on the model."""

import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import metrics_for_slice_pb2

from pipeline.run.checks import Measured, Verdict, make_verdict
from pipeline.workloads.contract import Evaluation, Slice


def read_verdict(evaluation_dir: str, blessed: bool, evaluation: Evaluation) -> Verdict:
    """Reads the evaluation artifact and sets it against the bounds of the workload."""
    by_model = read_metrics(evaluation_dir)
    metrics = by_model.get(tfma.CANDIDATE_KEY) or by_model.get("", {})
    return make_verdict(blessed, evaluation, metrics, by_model.get(tfma.BASELINE_KEY, {}))


def read_metrics(evaluation_dir: str) -> dict[str, dict[Slice, dict[str, Measured]]]:
    """Every metric by model, slice and name; the model's name is empty when there is only one."""
    found: dict[str, dict[Slice, dict[str, Measured]]] = {}
    for of_slice in tfma.load_metrics(evaluation_dir):
        where = as_slice(of_slice.slice_key)
        for item in of_slice.metric_keys_and_values:
            measured = as_measured(item)
            if measured is not None and not item.key.is_diff:
                found.setdefault(item.key.model_name, {}).setdefault(where, {})[item.key.name] = measured
    return found


def as_slice(key: metrics_for_slice_pb2.SliceKey) -> Slice:
    """TFMA's slice key as pairs of text, in the order of the names."""
    pairs = ((item.column, getattr(item, item.WhichOneof("kind"))) for item in key.single_slice_keys)
    return tuple(sorted((name, value.decode() if isinstance(value, bytes) else str(value)) for name, value in pairs))


def as_measured(item: metrics_for_slice_pb2.MetricsForSlice.MetricKeyAndValue) -> Measured | None:
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
