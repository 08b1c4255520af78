"""Writes the blessing as stock Evaluator does, and the digest of the model that was judged."""

import dataclasses
import json
import logging
import os
from pathlib import Path
from typing import Any

import tensorflow_model_analysis as tfma
from pydantic import TypeAdapter
from tensorflow_model_analysis.proto import config_pb2
from tfx import types
from tfx.components.evaluator import constants
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.types import standard_component_specs as specs
from tfx.utils import io_utils

from components.artifacts.model_digest import JUDGED, content_digest
from components.batch_evaluator.inputs import CLUSTER_BY, RATIO_BOUNDS, STRICT_BOUNDS, Artifacts, model_path
from components.evaluation.groups.bounds import RatioBounds, check_ratios, write_checks
from components.evaluation.predictions import Predictions
from components.evaluation.results import read_verdict
from components.evaluation.tasks.registry import METRICS
from components.evaluation.units import units_of
from components.evaluation.verdict import Bounds, Check
from pipeline.label import Label

logger = logging.getLogger(__name__)


def has_thresholds(config: config_pb2.EvalConfig) -> bool:
    """Whether there is anything to validate; without thresholds there is no blessing."""
    return bool(tfma.metrics.metric_thresholds_from_metrics_specs(config.metrics_specs, eval_config=config))


def write_blessing(inputs: Artifacts, outputs: Artifacts, properties: dict[str, Any], passed: bool) -> None:
    """Fill the blessing as tfx/components/evaluator/executor.py does, and add the digest of the model."""
    blessing = artifact_utils.get_single_instance(outputs[specs.BLESSING_KEY])
    model = artifact_utils.get_single_instance(inputs[specs.MODEL_KEY])
    blessing.set_string_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_URI_KEY, model.uri)
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY, model.id)
    add_model_digest(inputs, blessing)
    if inputs.get(specs.BASELINE_MODEL_KEY):
        baseline = artifact_utils.get_single_instance(inputs[specs.BASELINE_MODEL_KEY])
        blessing.set_string_custom_property(constants.ARTIFACT_PROPERTY_BASELINE_MODEL_URI_KEY, baseline.uri)
        blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BASELINE_MODEL_ID_KEY, baseline.id)
    if "current_component_id" in properties:
        blessing.set_string_custom_property("component_id", properties["current_component_id"])
    name, other = constants.BLESSED_FILE_NAME, constants.NOT_BLESSED_FILE_NAME
    if not passed:
        name, other = other, name
    if fileio.exists(os.path.join(blessing.uri, other)):
        fileio.remove(os.path.join(blessing.uri, other))
    io_utils.write_string_file(os.path.join(blessing.uri, name), "")
    blessed = constants.BLESSED_VALUE if passed else constants.NOT_BLESSED_VALUE
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY, blessed)


def judge_ratios(evaluation_dir: str, properties: dict[str, Any], label: Label) -> bool:
    """Measure the bounds on ratios between groups from the predictions, and return True if one is missed."""
    text = properties.get(RATIO_BOUNDS)
    if not text:
        return False
    predictions = Predictions(evaluation_dir)
    units = units_of(predictions, json.loads(properties.get(CLUSTER_BY) or "[]"))
    checks = check_ratios(predictions, label, TypeAdapter(RatioBounds).validate_json(text), units)
    write_checks(evaluation_dir, checks)
    missed = [f"{check.metric} {check.bound}, {check.slice}" for check in checks if not check.passed]
    if missed:
        logger.warning("not blessed, missed: %s", "; ".join(missed))
    return bool(missed)


def bounds_to_json(bounds: Bounds) -> str:
    """Return bounds as the property ``strict_bounds``."""
    return json.dumps(dataclasses.asdict(bounds), sort_keys=True)


def too_close(evaluation_dir: str, properties: dict[str, Any]) -> bool:
    """Return True if a strict bound is kept, but the interval of its metric contains it, or the metric has none."""
    text = properties.get(STRICT_BOUNDS)
    if not text:
        return False
    checks = read_verdict(evaluation_dir, True, TypeAdapter(Bounds).validate_json(text)).checks
    close = [f"{check.metric} {check.bound}, {check.slice}" for check in checks if is_close(check)]
    if close:
        logger.warning("not blessed, too close to call: %s", "; ".join(close))
    return bool(close)


def is_close(check: Check) -> bool:
    """Return True if the rows do not show that a bound is kept; a number of rows is known without an interval."""
    unknown = check.passed and check.risk is None and check.metric in METRICS and check.metric != "ExampleCount"
    return unknown or check.state == "too close"


def add_model_digest(inputs: Artifacts, blessing: types.Artifact) -> None:
    """Record which content was judged, so that Pusher can refuse a model that has changed since."""
    blessing.set_string_custom_property(JUDGED, content_digest(Path(model_path(inputs[specs.MODEL_KEY]))))
