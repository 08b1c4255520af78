"""Evaluator in batches, in place of TFMA's Python for each row: scores with the models, counts with numpy."""

import functools
import logging
import os
from pathlib import Path
from typing import Any

import apache_beam as beam
import tensorflow_model_analysis as tfma
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_model_analysis.proto import config_pb2
from tfx import types
from tfx.components.evaluator import constants
from tfx.dsl.components.base import base_beam_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.types import standard_component_specs as specs
from tfx.utils import io_utils, json_utils, path_utils, proto_utils

from components.artifacts.model_digest import JUDGED, content_digest
from components.batch_evaluator.evaluation import evaluate
from components.batch_evaluator.plan import Plan, check_schema, make_plan
from components.batch_evaluator.results import sliced_metrics, write_results
from components.batch_evaluator.scoring import ScoreFile, Scorer, multivalent, score_all
from components.compat.tensorflow import plain
from components.evaluation.predictions import Predictions, list_parts, list_scored
from components.evaluation.saved_model import load_model
from components.evaluation.slices import with_values_as_text
from components.examples.bad_rows import naming_bad_rows
from components.examples.reading import read_schema, split_files
from pipeline.errors import ConfigError, DataError, MainlineError
from pipeline.nodes import EVALUATOR

logger = logging.getLogger(__name__)
Artifacts = dict[str, list[types.Artifact]]


class Executor(base_beam_executor.BaseBeamExecutor):
    """Runs under the stock Evaluator component: same inputs, outputs and properties."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Writes the evaluation, the predictions below it, and, if there are thresholds, the blessing.

        Raises:
            ConfigError: the config asks for what this evaluator does not know, or an input is missing.
            DataError: there are no examples, or a label or a value cannot be used.
            MainlineError: rows were lost, or a score is not in [0, 1].
        """
        check_inputs(input_dict, exec_properties)
        schema = read_schema(artifact_utils.get_single_uri(input_dict[specs.SCHEMA_KEY]))
        plan = read_plan(input_dict, exec_properties, schema)
        check_schema(plan, schema, multivalent(schema))
        evaluation = artifact_utils.get_single_uri(output_dict[specs.EVALUATION_KEY])
        scorers = find_scorers(input_dict, plan)
        check_baseline(scorers[1:])
        self.score(example_files(input_dict, exec_properties), scorers, schema, evaluation)
        predictions = Predictions(evaluation)
        if not predictions.num_rows:
            raise DataError(evaluation, "the splits have no rows", next_step="Check data.path and the splits.")
        results = (
            sliced_metrics(key, values, plan.buckets, empty) for key, values, empty in evaluate(predictions, plan)
        )
        locations = {model.name: scorer.path for model, scorer in zip(plan.models, scorers, strict=True)}
        write_results(evaluation, results, plan.config, locations)
        logger.info("evaluated %d rows, written to %s", predictions.num_rows, evaluation)
        if has_thresholds(plan.config):
            verdict = tfma.load_validation_result(plain(f"{evaluation}/"))
            bless(input_dict, output_dict, exec_properties, verdict.validation_ok)

    def score(self, files: list[str], scorers: list[Scorer], schema: schema_pb2.Schema, evaluation: str) -> None:
        """Writes the predictions, files side by side.

        Raises:
            DataError: a row of which a model has no score.
            MainlineError: files were lost.
        """
        bad = functools.partial(score_all, scorers=scorers)
        with naming_bad_rows(files, bad, EVALUATOR), self._make_beam_pipeline() as pipeline:
            _ = (
                pipeline
                | beam.Create(list(enumerate(files)))
                | beam.Reshuffle()
                | beam.ParDo(ScoreFile(scorers, schema.SerializeToString(), evaluation))
            )
        load_model.cache_clear()
        parts = len(list_parts(evaluation))
        if parts != len(files):
            raise MainlineError(
                evaluation, "files were lost", expected=f"{len(files)} files", received=f"{parts} files"
            )
        list_scored(evaluation)


def check_inputs(input_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
    """Refuses what stock Evaluator takes and this one does not."""
    for key in (specs.EXAMPLES_KEY, specs.MODEL_KEY, specs.SCHEMA_KEY):
        if not input_dict.get(key):
            raise ConfigError("BatchEvaluator", f"{key}: missing", expected="an artifact")
    if not exec_properties.get(specs.EVAL_CONFIG_KEY):
        raise ConfigError("BatchEvaluator", f"{specs.EVAL_CONFIG_KEY}: missing", expected="an EvalConfig")
    for key in (specs.MODULE_FILE_KEY, specs.MODULE_PATH_KEY):
        if exec_properties.get(key):
            raise ConfigError("BatchEvaluator", f"{key}: user code is not known to this evaluator")


def read_plan(input_dict: Artifacts, exec_properties: dict[str, Any], schema: schema_pb2.Schema) -> Plan:
    """The plan for the config that the component was given."""
    config = config_pb2.EvalConfig()
    proto_utils.json_to_proto(exec_properties[specs.EVAL_CONFIG_KEY], config)
    return make_plan(with_values_as_text(config, schema), has_baseline=bool(input_dict.get(specs.BASELINE_MODEL_KEY)))


def find_scorers(input_dict: Artifacts, plan: Plan) -> list[Scorer]:
    """The models of the plan, where they are."""
    return [
        Scorer(model.column, model_path(input_dict[key]), model.signature, model.output)
        for model, key in zip(plan.models, (specs.MODEL_KEY, specs.BASELINE_MODEL_KEY), strict=False)
    ]


def check_baseline(scorers: list[Scorer]) -> None:
    """Whether the model to compare with is still there.

    Raises:
        MainlineError: it is gone; without it, nothing would be compared.
    """
    gone = next((scorer.path for scorer in scorers if not fileio.exists(scorer.path)), None)
    if gone is not None:
        raise MainlineError(
            gone, "the model that this one is to be compared with is gone", expected="the latest blessed model",
            received="no such folder", next_step="Put it back, or reject its report with pipeline.review: the "
            "blessed model before it is then compared with.",
        )  # fmt: skip


def model_path(artifacts: list[types.Artifact]) -> str:
    """The SavedModel of a Model artifact."""
    artifact = artifact_utils.get_single_instance(artifacts)
    return path_utils.serving_model_path(artifact.uri, path_utils.is_old_model_artifact(artifact))


def example_files(input_dict: Artifacts, exec_properties: dict[str, Any]) -> list[str]:
    """The files of the splits, in order; ``eval`` when no split is named, as in stock Evaluator.

    Raises:
        DataError: there are none.
    """
    splits = json_utils.loads(exec_properties.get(specs.EXAMPLE_SPLITS_KEY, "null")) or ["eval"]
    files = [file for split in splits for file in split_files(input_dict[specs.EXAMPLES_KEY], split)]
    if not files:
        where = artifact_utils.get_single_uri(input_dict[specs.EXAMPLES_KEY])
        raise DataError(f"{where}, {', '.join(splits)}", "no examples", expected="at least one file of the splits")
    return files


def has_thresholds(config: config_pb2.EvalConfig) -> bool:
    """Whether there is anything to validate; without thresholds nothing is blessed, nor refused."""
    return bool(tfma.metrics.metric_thresholds_from_metrics_specs(config.metrics_specs, eval_config=config))


def bless(input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any], passed: bool) -> None:
    """Fills the blessing as stock Evaluator does (tfx/components/evaluator/executor.py), with the model's digest."""
    blessing = artifact_utils.get_single_instance(output_dict[specs.BLESSING_KEY])
    model = artifact_utils.get_single_instance(input_dict[specs.MODEL_KEY])
    blessing.set_string_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_URI_KEY, model.uri)
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY, model.id)
    blessing.set_string_custom_property(JUDGED, content_digest(Path(model_path(input_dict[specs.MODEL_KEY]))))
    if input_dict.get(specs.BASELINE_MODEL_KEY):
        baseline = artifact_utils.get_single_instance(input_dict[specs.BASELINE_MODEL_KEY])
        blessing.set_string_custom_property(constants.ARTIFACT_PROPERTY_BASELINE_MODEL_URI_KEY, baseline.uri)
        blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BASELINE_MODEL_ID_KEY, baseline.id)
    if "current_component_id" in exec_properties:
        blessing.set_string_custom_property("component_id", exec_properties["current_component_id"])
    name = constants.BLESSED_FILE_NAME if passed else constants.NOT_BLESSED_FILE_NAME
    io_utils.write_string_file(os.path.join(blessing.uri, name), "")
    blessed = constants.BLESSED_VALUE if passed else constants.NOT_BLESSED_VALUE
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY, blessed)
