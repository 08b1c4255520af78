"""Reads an evaluation that TFMA wrote: the metrics of every slice, and the verdict on the model."""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import config_pb2, metrics_for_slice_pb2

from components.compat.tensorflow import plain
from components.compat.tfma import ERROR_METRIC_NAME, eval_config_writer
from components.evaluation.groups.bounds import read_checks
from components.evaluation.influence import StandardError
from components.evaluation.metric_config import make_metric
from components.evaluation.metrics import Metric
from components.evaluation.slice_values import NAMED, value_text
from components.evaluation.tasks.registry import METRICS, scale_of
from components.evaluation.verdict import Bounds, Check, Measurement, Verdict, difference_of, make_verdict, measure
from pipeline.criteria import SliceKey

Kind: TypeAlias = metrics_for_slice_pb2.MetricsForSlice.MetricKeyAndValue

# TFMA's jackknife has 20 buckets, however many rows there are: equal samples tell nothing.
NOTHING_KNOWN = StandardError(0.0, 19)
TYPES = {"float_value": "FLOAT", "int64_value": "INT", "bytes_value": "BYTES"}


@dataclass
class Evaluation:
    """The measurements of an evaluation.

    Attributes:
        candidate: by slice and name of the metric.
        baseline: likewise.
        differences: candidate minus baseline.
        errors: why a slice has no intervals.
        metrics: the settings of each metric, by its name.
        ratio_checks: bounds on ratios between groups, as Evaluator judged them.
        types: FLOAT, INT or BYTES, by sliced column.
    """

    candidate: dict[SliceKey, dict[str, Measurement]] = field(default_factory=dict)
    baseline: dict[SliceKey, dict[str, Measurement]] = field(default_factory=dict)
    differences: dict[SliceKey, dict[str, Measurement]] = field(default_factory=dict)
    errors: dict[SliceKey, str] = field(default_factory=dict)
    metrics: dict[str, Metric] = field(default_factory=dict)
    ratio_checks: tuple[Check, ...] = ()
    types: dict[str, str] = field(default_factory=dict)

    @property
    def thresholds(self) -> dict[str, int]:
        """The number of thresholds of each area that is not exact."""
        return {name: metric.thresholds for name, metric in self.metrics.items() if metric.thresholds is not None}

    def verdict(self, blessed: bool, bounds: Bounds) -> Verdict:
        """Compare with bounds, whose slices may name a value in any notation."""
        thresholds = tuple(dataclasses.replace(bound, slice=self.named(bound.slice)) for bound in bounds.thresholds)
        verdict = make_verdict(blessed, dataclasses.replace(bounds, thresholds=thresholds), self)
        return dataclasses.replace(verdict, checks=verdict.checks + self.ratio_checks)

    def named(self, values: Mapping[str, str]) -> dict[str, str]:
        """Return the features of a slice, with their values as the evaluation writes them."""
        return {name: self.named_value(name, text) for name, text in values.items()}

    def named_value(self, column: str, text: str) -> str:
        """Return a value as the evaluation writes it; a value that the column cannot have stays as it is."""
        try:
            return NAMED[self.types.get(column, "BYTES")](text)
        except ValueError:
            return text


def read_verdict(evaluation_dir: str, blessed: bool, bounds: Bounds) -> Verdict:
    """Read an evaluation and compare it with bounds."""
    return read_evaluation(evaluation_dir).verdict(blessed, bounds)


def read_evaluation(evaluation_dir: str) -> Evaluation:
    """Read an evaluation. A single model has no name; of two, each has one."""
    config = eval_config_writer.load_eval_run(evaluation_dir)[0]
    found = Evaluation(metrics=configured(config), ratio_checks=read_checks(evaluation_dir))
    for of_slice in tfma.load_metrics(plain(f"{evaluation_dir}/")):
        where = as_slice(of_slice.slice_key)
        found.types |= {item.column: TYPES[item.WhichOneof("kind")] for item in of_slice.slice_key.single_slice_keys}
        for kind, item in named(of_slice):
            measured = as_measured(item)
            if measured is not None:
                kind_of(found, item).setdefault(where, {})[kind] = measured
            elif kind == ERROR_METRIC_NAME:
                found.errors[where] = item.value.bytes_value.decode()
    return found


def configured(config: config_pb2.EvalConfig) -> dict[str, Metric]:
    """Return the settings of each metric by its name."""
    metrics = [make_metric(metric) for spec in config.metrics_specs for metric in spec.metrics]
    return {METRICS[metric.kind]: metric for metric in metrics if metric.kind in METRICS}


def named(of_slice: metrics_for_slice_pb2.MetricsForSlice) -> Iterator[tuple[str, Kind]]:
    return ((item.key.name, item) for item in of_slice.metric_keys_and_values)


def kind_of(found: Evaluation, item: Kind) -> dict[SliceKey, dict[str, Measurement]]:
    if item.key.is_diff:
        return found.differences
    return found.baseline if item.key.model_name == tfma.BASELINE_KEY else found.candidate


def as_slice(key: metrics_for_slice_pb2.SliceKey) -> SliceKey:
    """Convert TFMA's slice key to pairs of text, in the order of the names."""
    pairs = ((item.column, getattr(item, item.WhichOneof("kind"))) for item in key.single_slice_keys)
    return tuple(sorted((name, value_text(value)) for name, value in pairs))


def as_measured(item: Kind) -> Measurement | None:
    """Convert a number with its interval; None for other values, such as a matrix."""
    match item.value.WhichOneof("type"):
        case "double_value":
            value = item.value.double_value.value
        case "bounded_value":
            value = item.value.bounded_value.value.value
        case _:
            return None
    if not item.HasField("confidence_interval"):
        return Measurement(value)
    found = item.confidence_interval
    error = StandardError(found.standard_error.double_value.value, found.degrees_of_freedom.value)
    if error == NOTHING_KNOWN:
        return Measurement(value)
    scale = scale_of(item.key.name)
    return measure(value, error, difference_of(scale) if item.key.is_diff else scale)
