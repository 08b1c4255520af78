"""The evaluation of a workload as TFMA's EvalConfig.

https://www.tensorflow.org/tfx/model_analysis/setup
"""

import json
from collections.abc import Sequence

import tensorflow_model_analysis as tfma
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_model_analysis.proto import config_pb2

from components.evaluation.ranked.within_groups import RANKED
from components.evaluation.slices import with_values_as_text
from components.evaluation.tasks.registry import BY_KIND, METRICS, evaluation_of
from pipeline.config import evaluation as config
from pipeline.criteria import Change, Threshold
from pipeline.errors import ConfigError
from pipeline.label import Label
from pipeline.workloads.contract import Evaluation, Workload, with_bounds

# The default of TFMA's AUC and AUCPrecisionRecall.
STOCK_THRESHOLDS = 10_000


def make_eval_config(
    workload: Workload, settings: config.Evaluation, schema: schema_pb2.Schema
) -> config_pb2.EvalConfig:
    """Model, slices, metrics with their bounds, and whether intervals are computed.

    Raises:
        ConfigError: a bound cannot be measured, such as one on a value that its column cannot have.
    """
    label, evaluation = workload.table.target, with_bounds(workload.evaluation, settings)
    check_too_close(settings)
    if settings.engine == "stock":
        check_stock_bounds(evaluation, schema)
        check_stock_intervals(evaluation, settings)
        check_stock_groups(evaluation)
        check_stock_label(label)
    model_specs = [
        config_pb2.ModelSpec(
            name=name,
            is_baseline=name == tfma.BASELINE_KEY,
            model_type=tfma.TF_GENERIC,
            signature_name="serving_default",
            label_key=label.column,
            prediction_key=label.task.prediction_key,
        )
        for name in (tfma.CANDIDATE_KEY, tfma.BASELINE_KEY)
    ]
    made = config_pb2.EvalConfig(
        model_specs=model_specs,
        slicing_specs=[
            config_pb2.SlicingSpec(),
            *(config_pb2.SlicingSpec(feature_keys=keys) for keys in evaluation.slices),
        ],
        metrics_specs=[config_pb2.MetricsSpec(metrics=list(metric_configs(evaluation, settings.auc, label)))],
        options=config_pb2.Options(
            compute_confidence_intervals={"value": settings.confidence_intervals},
            confidence_intervals=config_pb2.ConfidenceIntervalOptions(
                method=config_pb2.ConfidenceIntervalOptions.JACKKNIFE,
            ),
        ),
    )
    return with_values_as_text(made, schema)


def check_too_close(settings: config.Evaluation) -> None:
    """Refuse to block on bounds that are too close to call if there are no intervals.

    Raises:
        ConfigError: that is what the config asks for.
    """
    if settings.on_too_close == "block" and not settings.confidence_intervals:
        raise ConfigError(
            "evaluation.on_too_close", "nothing is too close to call without intervals", received="block",
            next_step="Set evaluation.confidence_intervals=true, or evaluation.on_too_close=warn.",
        )  # fmt: skip


def check_stock_intervals(evaluation: Evaluation, settings: config.Evaluation) -> None:
    """Refuse intervals that TFMA would compute as if all rows were independent.

    Raises:
        ConfigError: there are to be intervals, and rows that depend on one another.
    """
    if settings.confidence_intervals and evaluation.cluster_by:
        raise ConfigError(
            "evaluation.cluster_by", "TFMA's intervals take rows as independent",
            received=f"engine: stock, cluster_by: {', '.join(evaluation.cluster_by)}",
            next_step="Set evaluation.engine=batch, or evaluation.confidence_intervals=false, or "
            "evaluation.cluster_by=[] for intervals that are too narrow.",
        )  # fmt: skip


def check_stock_groups(evaluation: Evaluation) -> None:
    """Refuse metrics of the order within groups, which TFMA does not compute.

    Raises:
        ConfigError: rows are to be ranked within groups.
    """
    if evaluation.rank_by:
        raise ConfigError(
            "evaluation.rank_by", "TFMA does not compute metrics within groups",
            received=f"engine: stock, rank_by: {', '.join(evaluation.rank_by)}",
            next_step="Set evaluation.engine=batch, or evaluation.rank_by=[] and bounds without metrics of groups.",
        )  # fmt: skip


def check_stock_label(label: Label) -> None:
    """Refuse labels of text, which TFMA does not read.

    Raises:
        ConfigError: the label has a positive text.
    """
    if label.positive is not None:
        raise ConfigError(
            "evaluation.engine", "TFMA takes no text as a label", expected="batch",
            received=f"stock, and label {label.column!r} with positive={label.positive!r}",
            next_step="Set evaluation.engine=batch.",
        )  # fmt: skip


def check_stock_bounds(evaluation: Evaluation, schema: schema_pb2.Schema) -> None:
    """Refuse bounds that TFMA would report as missing: it finds no float32 equal to the double that a text names.

    Raises:
        ConfigError: a bound is on a slice of a FLOAT column.
    """
    floats = {feature.name for feature in schema.feature if feature.type == schema_pb2.FLOAT}
    for bound in evaluation.thresholds:
        for column in floats & bound.slice.keys():
            raise ConfigError(
                f"evaluation, bound on {bound.metric}, slice {column}={bound.slice[column]}",
                "TFMA cannot find the slice of a number with a fraction", received=f"{column} is a FLOAT column",
                expected="with engine: stock, bounds on slices of INT and BYTES columns",
                next_step="Set evaluation.engine=batch, or remove the bound.",
            )  # fmt: skip


def metric_configs(evaluation: Evaluation, auc: str, label: Label) -> Sequence[config_pb2.MetricConfig]:
    """A config of every metric of the label's task, with the bounds that the workload or the config sets on it."""
    decide = f'"thresholds": [{evaluation.decision_threshold}]'
    arguments = {
        "Precision": decide,
        "Recall": decide,
        "BinaryAccuracy": f'"threshold": {evaluation.decision_threshold}',
        **{name: area_arguments(name, auc) for name in ("AUC", "AUCPrecisionRecall")},
        **{name: group_arguments(name, evaluation) for name in RANKED},
    }
    of_task = sorted(kind.kind for kind in evaluation_of(label).kinds)
    computed = [name for name in of_task if name not in RANKED or evaluation.rank_by]
    return [metric_config(name, arguments.get(name, ""), evaluation) for name in computed]


def group_arguments(name: str, evaluation: Evaluation) -> str:
    """Arguments of a metric of the order within groups."""
    columns = f'"group_by": {json.dumps(evaluation.rank_by)}'
    return columns if name == "GroupAUC" else f'{columns}, "top_k": {evaluation.rank_at}'


def area_arguments(name: str, auc: str) -> str:
    """Arguments of an area metric, which our Evaluator computes exactly unless it is given a number of thresholds.

    For an exact area, the name repeats the default: so its cache key differs from that of earlier releases, which
    summed over thresholds.
    """
    return f'"num_thresholds": {STOCK_THRESHOLDS}' if auc == "stock" else f'"name": "{METRICS[name]}"'


def metric_config(name: str, arguments: str, evaluation: Evaluation) -> config_pb2.MetricConfig:
    """One metric with its bounds, each on its own slice: TFMA applies a bound without slices to every slice."""
    metric = config_pb2.MetricConfig(class_name=name, module=BY_KIND[name].module, config=arguments)
    for bound in evaluation.thresholds:
        if bound.metric == name:
            where = config_pb2.SlicingSpec(feature_values=bound.slice)
            metric.per_slice_thresholds.add(slicing_specs=[where], threshold=value_threshold(bound))
    for change in evaluation.changes:
        if change.metric == name:
            metric.per_slice_thresholds.add(
                slicing_specs=[config_pb2.SlicingSpec()], threshold=change_threshold(change)
            )
    return metric


def value_threshold(bound: Threshold) -> config_pb2.MetricThreshold:
    """A bound on the value, as TFMA's message."""
    threshold = config_pb2.MetricThreshold()
    if bound.lower is not None:
        threshold.value_threshold.lower_bound.value = bound.lower
    if bound.upper is not None:
        threshold.value_threshold.upper_bound.value = bound.upper
    return threshold


def change_threshold(change: Change) -> config_pb2.MetricThreshold:
    """A bound on the difference to the baseline, as TFMA's message."""
    higher = change.better == "higher"
    direction = config_pb2.MetricDirection.HIGHER_IS_BETTER if higher else config_pb2.MetricDirection.LOWER_IS_BETTER
    allowed = -change.tolerance if higher else change.tolerance
    return config_pb2.MetricThreshold(
        change_threshold=config_pb2.GenericChangeThreshold(direction=direction, absolute={"value": allowed})
    )
