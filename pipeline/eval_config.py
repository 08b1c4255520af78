"""A workload's evaluation, which is data, as TFMA's EvalConfig.

https://www.tensorflow.org/tfx/model_analysis/setup
"""

from collections.abc import Sequence

import tensorflow_model_analysis as tfma

from pipeline import config
from pipeline.workloads.contract import METRICS, Change, Evaluation, Threshold, Workload, with_bounds


def make_eval_config(workload: Workload, settings: config.Evaluation) -> tfma.EvalConfig:
    """Model, slices, metrics with their bounds, and whether intervals are computed."""
    evaluation = with_bounds(workload.evaluation, settings)
    model_specs = [
        tfma.ModelSpec(
            name=name,
            is_baseline=name == tfma.BASELINE_KEY,
            model_type=tfma.TF_GENERIC,
            signature_name="serving_default",
            label_key=workload.table.label,
            prediction_key="score",
        )
        for name in (tfma.CANDIDATE_KEY, tfma.BASELINE_KEY)
    ]
    return tfma.EvalConfig(
        model_specs=model_specs,
        slicing_specs=[tfma.SlicingSpec(), *(tfma.SlicingSpec(feature_keys=keys) for keys in evaluation.slices)],
        metrics_specs=[tfma.MetricsSpec(metrics=list(metric_configs(evaluation)))],
        options=tfma.Options(
            compute_confidence_intervals={"value": settings.confidence_intervals},
            confidence_intervals=tfma.ConfidenceIntervalOptions(
                method=tfma.ConfidenceIntervalOptions.JACKKNIFE,
            ),
        ),
    )


def metric_configs(evaluation: Evaluation) -> Sequence[tfma.MetricConfig]:
    """Every metric, with the bounds that the workload sets on it."""
    decide = f'"thresholds": [{evaluation.decision_threshold}]'
    arguments = {
        "Precision": decide,
        "Recall": decide,
        "BinaryAccuracy": f'"threshold": {evaluation.decision_threshold}',
    }
    return [metric_config(name, arguments.get(name, ""), evaluation) for name in METRICS]


def metric_config(name: str, arguments: str, evaluation: Evaluation) -> tfma.MetricConfig:
    """One metric with its bounds, each on its slice: a bound without slices would hold for every slice there is."""
    metric = tfma.MetricConfig(class_name=name, config=arguments)
    for bound in evaluation.thresholds:
        if bound.metric == name:
            where = tfma.SlicingSpec(feature_values=dict(bound.on))
            metric.per_slice_thresholds.add(slicing_specs=[where], threshold=value_threshold(bound))
    for change in evaluation.changes:
        if change.metric == name:
            metric.per_slice_thresholds.add(slicing_specs=[tfma.SlicingSpec()], threshold=change_threshold(change))
    return metric


def value_threshold(bound: Threshold) -> tfma.MetricThreshold:
    """A bound on the value."""
    threshold = tfma.MetricThreshold()
    if bound.lower is not None:
        threshold.value_threshold.lower_bound.value = bound.lower
    if bound.upper is not None:
        threshold.value_threshold.upper_bound.value = bound.upper
    return threshold


def change_threshold(change: Change) -> tfma.MetricThreshold:
    """A bound on the difference to the baseline."""
    higher = change.better == "higher"
    direction = tfma.MetricDirection.HIGHER_IS_BETTER if higher else tfma.MetricDirection.LOWER_IS_BETTER
    allowed = -change.tolerance if higher else change.tolerance
    return tfma.MetricThreshold(
        change_threshold=tfma.GenericChangeThreshold(direction=direction, absolute={"value": allowed})
    )
