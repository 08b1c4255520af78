"""The plan for an EvalConfig; anything that BatchEvaluator would compute differently from TFMA is refused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow_model_analysis as tfma
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_model_analysis.proto import config_pb2

from components.compat.tfma import MetricKey, metric_specs
from components.evaluation.columns import BASELINE_SCORE, SCORE
from components.evaluation.metric_config import WHERE, make_metric, metric_settings
from components.evaluation.metrics import Metric
from components.evaluation.ranked import tfma_metrics
from components.evaluation.ranked.within_groups import RANKED
from components.evaluation.slices import slice_columns
from components.evaluation.tasks.protocol import EvaluationTask
from components.evaluation.tasks.registry import evaluation_of
from pipeline.errors import ConfigError
from pipeline.label import Label

MODEL_FIELDS = ("name", "is_baseline", "model_type", "signature_name", "label_key", "prediction_key")
SPEC_FIELDS = ("metrics", "model_names", "thresholds", "per_slice_thresholds")
SLICE_FIELDS = ("feature_keys", "feature_values")
OPTION_FIELDS = ("compute_confidence_intervals", "confidence_intervals", "include_default_metrics")


@dataclass(frozen=True)
class Model:
    """A model of the evaluation: its name in metric keys, the column of its scores, and how it is called."""

    name: str
    column: str
    signature: str
    output: str


@dataclass(frozen=True)
class Plan:
    """The metrics, slices and bounds to compute.

    Attributes:
        config: the EvalConfig with its defaults, as it is saved.
        models: the candidate, then the baseline if there is one.
        label: the label column, with its task.
        metrics: each metric by its key, which includes the name of its model.
        no_interval: the keys of metrics without intervals.
        intervals: whether metrics get standard errors.
        cluster_by: the columns that name the units of rows; see ``components.evaluation.units``.
    """

    config: config_pb2.EvalConfig
    models: tuple[Model, ...]
    label: Label
    metrics: Mapping[MetricKey, Metric]
    no_interval: frozenset[MetricKey]
    intervals: bool
    cluster_by: tuple[str, ...] = ()


def make_plan(
    config: config_pb2.EvalConfig, *, has_baseline: bool, cluster_by: Sequence[str] = (), label: Label | None = None
) -> Plan:
    """Return the plan for a config; without a baseline, change thresholds are dropped, as in stock Evaluator.

    Without a ``label``, the column that the config names has the labels 0 and 1.

    Raises:
        ConfigError: a part of the config is not supported.
    """
    config = tfma.utils.update_eval_config_with_defaults(config, has_baseline=has_baseline, rubber_stamp=True)
    tfma.utils.verify_eval_config(config)
    label = label or Label(config.model_specs[0].label_key)
    check_fields(config, evaluation_of(label))
    metrics = {
        key: make_metric(wanted)
        for key, wanted, _ in metric_specs.keys_and_metrics_from_specs(config, config.metrics_specs)
    }
    return Plan(
        config=config,
        models=make_models(config, has_baseline),
        label=label,
        metrics=metrics,
        no_interval=metric_specs.metric_keys_to_skip_for_confidence_intervals(config.metrics_specs, config),
        intervals=config.options.compute_confidence_intervals.value,
        cluster_by=tuple(cluster_by),
    )


def check_fields(config: config_pb2.EvalConfig, task: EvaluationTask) -> None:
    """Refuse unsupported fields, metrics of another task, and unsupported keys of metrics."""
    only(config, ("model_specs", "slicing_specs", "metrics_specs", "options"), WHERE)
    only(config.options, OPTION_FIELDS, f"{WHERE}.options")
    method = config.options.confidence_intervals.method
    if config.options.compute_confidence_intervals.value and method != config_pb2.ConfidenceIntervalOptions.JACKKNIFE:
        raise ConfigError(
            f"{WHERE}.options", "only the jackknife is supported", expected="JACKKNIFE", received=str(method)
        )
    for model in config.model_specs:
        only(model, MODEL_FIELDS, f"{WHERE}.model_specs")
    for slicing in config.slicing_specs:
        only(slicing, SLICE_FIELDS, f"{WHERE}.slicing_specs")
    for spec in config.metrics_specs:
        only(spec, SPEC_FIELDS, f"{WHERE}.metrics_specs")
        for metric in spec.metrics:
            check_metric(metric, task)


def only(message: Any, known: tuple[str, ...], where: str) -> None:
    """Refuse a message with an unsupported field."""
    unknown = [field.name for field, _ in message.ListFields() if field.name not in known]
    if unknown:
        raise ConfigError(where, f"{unknown[0]}: not supported by this evaluator", expected=", ".join(known))


def check_metric(metric: config_pb2.MetricConfig, task: EvaluationTask) -> None:
    """Refuse an unknown metric or key, and a threshold that is not one number in [0, 1]."""
    where = f"{WHERE}.metrics.{metric.class_name}"
    only(metric, ("class_name", "module", "config", "threshold", "per_slice_thresholds"), where)
    allowed = {kind.kind: kind.arguments for kind in task.kinds}
    if metric.class_name not in allowed:
        raise ConfigError(where, "unknown metric", expected=", ".join(sorted(allowed)), received=metric.class_name)
    known = allowed[metric.class_name]
    settings = metric_settings(metric)
    for key in settings:
        if key not in known:
            raise ConfigError(f"{where}.{key}", "unknown key", expected=", ".join(known), received=key)
    check_settings(where, settings)
    if metric.class_name in RANKED:
        check_ranked(where, metric.module, settings)


def check_settings(where: str, settings: Mapping[str, Any]) -> None:
    """Refuse numbers of thresholds, and thresholds, that are out of range."""
    count = settings.get("num_thresholds", 2)
    if not isinstance(count, int) or count < 2:
        raise ConfigError(f"{where}.num_thresholds", "out of range", expected="an integer > 1", received=str(count))
    decide = settings.get("threshold", settings.get("thresholds", 0.5))
    values = decide if isinstance(decide, list) else [decide]
    if len(values) != 1 or not isinstance(values[0], float | int) or not 0 <= values[0] <= 1:
        raise ConfigError(f"{where}.threshold", "out of range", expected="one number in [0, 1]", received=str(decide))


def check_ranked(where: str, module: str, settings: Mapping[str, Any]) -> None:
    """Refuse a metric of groups without columns that name them, with an unusable number of rows, or of TFMA."""
    if module != tfma_metrics.__name__:
        raise ConfigError(f"{where}.module", "not TFMA's", expected=tfma_metrics.__name__, received=repr(module))
    columns, top = settings.get("group_by"), settings.get("top_k", Metric.top)
    if not isinstance(columns, list) or not columns or not all(isinstance(name, str) for name in columns):
        raise ConfigError(f"{where}.group_by", "no groups", expected="names of columns", received=repr(columns))
    if not isinstance(top, int) or top < 1:
        raise ConfigError(f"{where}.top_k", "out of range", expected="an integer > 0", received=repr(top))


def make_models(config: config_pb2.EvalConfig, has_baseline: bool) -> tuple[Model, ...]:
    """Return the candidate, and the baseline if there is one.

    Raises:
        ConfigError: there are other models, or one is not called by a signature.
    """
    specs = sorted(config.model_specs, key=lambda spec: bool(spec.is_baseline))
    roles = [bool(spec.is_baseline) for spec in specs]
    if roles != [False, True][: 1 + has_baseline]:
        raise ConfigError(f"{WHERE}.model_specs", "one candidate and at most one baseline", received=str(roles))
    for spec in specs:
        missing = [name for name in ("signature_name", "label_key", "prediction_key") if not getattr(spec, name)]
        if missing or spec.model_type != tfma.TF_GENERIC or spec.label_key != specs[0].label_key:
            raise ConfigError(
                f"{WHERE}.model_specs",
                f"{missing[0]} is missing" if missing else "models must be generic and share their label",
                expected=f"model_type {tfma.TF_GENERIC}, signature_name, label_key, prediction_key",
                received=str(spec).replace("\n", " "),
            )
    columns = (SCORE, BASELINE_SCORE)
    return tuple(
        Model(spec.name, column, spec.signature_name, spec.prediction_key)
        for spec, column in zip(specs, columns, strict=False)
    )


def check_schema(plan: Plan, schema: schema_pb2.Schema, multivalent: frozenset[str]) -> None:
    """Check the columns of the plan against the schema.

    Raises:
        ConfigError: a column is not in the schema, may have several values, or has the name of a score column.
    """
    names = {feature.name for feature in schema.feature}
    grouping = [name for metric in plan.metrics.values() for name in metric.group_by]
    for name in dict.fromkeys([plan.label.column, *slice_columns(plan.config.slicing_specs), *grouping]):
        if name not in names:
            raise ConfigError(WHERE, f"{name}: not in the schema", expected=", ".join(sorted(names)), received=name)
        if name in multivalent:
            raise ConfigError(WHERE, f"{name}: has several values", expected="a column with one value", received=name)
    for model in plan.models:
        if model.column in names:
            raise ConfigError("schema", f"{model.column}: the name is taken by the scores", next_step="Rename it.")
