"""Reads the inputs of Evaluator: examples, models, and the EvalConfig."""

import json
from typing import Any

from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_model_analysis.proto import config_pb2
from tfx import types
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.types import standard_component_specs as specs
from tfx.utils import json_utils, path_utils, proto_utils

from components.batch_evaluator.plan import Plan, make_plan
from components.batch_evaluator.scoring import Scorer
from components.evaluation.columns import BASELINE_SCORE, SCORE
from components.evaluation.slices import with_values_as_text
from components.examples.reading import check_examples, split_files
from pipeline.errors import ConfigError, DataError, MainlineError
from pipeline.label import Label, label_of

Artifacts = dict[str, list[types.Artifact]]
# Properties that stock Evaluator does not have.
CLUSTER_BY, STRICT_BOUNDS, RATIO_BOUNDS, LABEL = "cluster_by", "strict_bounds", "ratio_bounds", "label"


def check_inputs(inputs: Artifacts, properties: dict[str, Any]) -> None:
    """Refuse inputs that stock Evaluator accepts and this one does not.

    Raises:
        ConfigError: an input is missing, the examples are not tf.Examples in folders of splits, or there is user code.
    """
    for key in (specs.EXAMPLES_KEY, specs.MODEL_KEY, specs.SCHEMA_KEY):
        if not inputs.get(key):
            raise ConfigError("BatchEvaluator", f"{key}: missing", expected="an artifact")
    for examples in inputs[specs.EXAMPLES_KEY]:
        check_examples("BatchEvaluator", examples)
    if not properties.get(specs.EVAL_CONFIG_KEY):
        raise ConfigError("BatchEvaluator", f"{specs.EVAL_CONFIG_KEY}: missing", expected="an EvalConfig")
    for key in (specs.MODULE_FILE_KEY, specs.MODULE_PATH_KEY):
        if properties.get(key):
            raise ConfigError("BatchEvaluator", f"{key}: user code is not supported by this evaluator")


def read_config(properties: dict[str, Any]) -> config_pb2.EvalConfig:
    """Return the EvalConfig that the component was given."""
    config = config_pb2.EvalConfig()
    proto_utils.json_to_proto(properties[specs.EVAL_CONFIG_KEY], config)
    return config


def read_plan(inputs: Artifacts, properties: dict[str, Any], schema: schema_pb2.Schema) -> Plan:
    """Return the plan for the EvalConfig that the component was given."""
    config = with_values_as_text(read_config(properties), schema)
    has_baseline = bool(inputs.get(specs.BASELINE_MODEL_KEY))
    cluster_by = json.loads(properties.get(CLUSTER_BY) or "[]")
    label = read_label(properties, config)
    return make_plan(config, has_baseline=has_baseline, cluster_by=cluster_by, label=label)


def read_label(properties: dict[str, Any], config: config_pb2.EvalConfig) -> Label:
    """Return the label that the component was given; by default, the column of the EvalConfig holds 0 and 1."""
    given = properties.get(LABEL)
    return label_of(json.loads(given)) if given else Label(config.model_specs[0].label_key)


def find_scorers(inputs: Artifacts, config: config_pb2.EvalConfig, label: Label) -> list[Scorer]:
    """Return the candidate, and the baseline if there is one, as the models of the EvalConfig call them."""
    models = sorted(config.model_specs, key=lambda spec: bool(spec.is_baseline))
    return [
        Scorer(column, model_path(inputs[key]), spec.signature_name, spec.prediction_key, label)
        for column, key, spec in zip(
            (SCORE, BASELINE_SCORE), (specs.MODEL_KEY, specs.BASELINE_MODEL_KEY), models, strict=False
        )
        if inputs.get(key)
    ]


def check_baseline(scorers: list[Scorer]) -> None:
    """Check that the files of the baseline exist.

    Raises:
        MainlineError: they do not; without them nothing would be compared.
    """
    missing = next((scorer.path for scorer in scorers if not fileio.exists(scorer.path)), None)
    if missing is not None:
        raise MainlineError(
            missing, "the model to compare with is missing", expected="the model that is served, or was blessed last",
            received="no such folder",
            next_step="Restore it, or serve another model: python -m pipeline.review rollback takes a version away.",
        )  # fmt: skip


def model_path(artifacts: list[types.Artifact]) -> str:
    """Return the path of the SavedModel in a Model artifact."""
    artifact = artifact_utils.get_single_instance(artifacts)
    return path_utils.serving_model_path(artifact.uri, path_utils.is_old_model_artifact(artifact))


def read_splits(properties: dict[str, Any]) -> list[str]:
    """Return the splits that the component was given; ``eval`` if none is, as in stock Evaluator."""
    return json_utils.loads(properties.get(specs.EXAMPLE_SPLITS_KEY, "null")) or ["eval"]


def example_files(inputs: Artifacts, properties: dict[str, Any]) -> list[str]:
    """Return the files of the splits in order.

    Raises:
        DataError: there are none.
    """
    splits = read_splits(properties)
    files = [file for split in splits for file in split_files(inputs[specs.EXAMPLES_KEY], split)]
    if not files:
        where = artifact_utils.get_single_uri(inputs[specs.EXAMPLES_KEY])
        raise DataError(f"{where}, {', '.join(splits)}", "no examples", expected="at least one file of the splits")
    return files
