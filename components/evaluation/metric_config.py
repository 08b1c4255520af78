"""The settings of a metric in TFMA's ``MetricConfig``."""

import json
from typing import Any

from tensorflow_model_analysis.proto import config_pb2

from components.evaluation.metrics import Metric
from pipeline.errors import ConfigError

WHERE = "eval_config"


def make_metric(metric: config_pb2.MetricConfig) -> Metric:
    """Return the metric with its settings."""
    settings = metric_settings(metric)
    decide = settings.get("threshold", settings.get("thresholds", Metric.threshold))
    threshold = float(decide[0] if isinstance(decide, list) else decide)
    return Metric(
        metric.class_name,
        settings.get("num_thresholds"),
        threshold,
        tuple(settings.get("group_by", ())),
        settings.get("top_k", Metric.top),
    )


def metric_settings(metric: config_pb2.MetricConfig) -> dict[str, Any]:
    """Parse the JSON of a metric, whose braces TFMA leaves out.

    Raises:
        ConfigError: it is not JSON.
    """
    text = metric.config.strip()
    try:
        return dict(json.loads(text if text.startswith("{") else f"{{{text}}}"))
    except ValueError as error:
        raise ConfigError(f"{WHERE}.metrics.{metric.class_name}", "not JSON", received=metric.config) from error
