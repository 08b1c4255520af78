"""Evaluator in batches, in place of TFMA's Python code for each row: models score batches, numpy computes metrics."""

import logging
from typing import Any

import tensorflow_model_analysis as tfma
from tfx.dsl.components.base import base_beam_executor
from tfx.types import artifact_utils
from tfx.types import standard_component_specs as specs

from components.batch_evaluator.blessing import has_thresholds, judge_ratios, too_close, write_blessing
from components.batch_evaluator.evaluation import evaluate
from components.batch_evaluator.inputs import (
    Artifacts,
    check_baseline,
    check_inputs,
    example_files,
    find_scorers,
    read_plan,
)
from components.batch_evaluator.plan import check_schema
from components.batch_evaluator.results import sliced_metrics, write_results
from components.batch_evaluator.scoring import multivalent, write_predictions
from components.compat.tensorflow import plain
from components.compat.tfx.executors import beam_pipeline
from components.evaluation.predictions import Predictions
from components.examples.reading import read_schema
from pipeline.errors import DataError

logger = logging.getLogger(__name__)


class Executor(base_beam_executor.BaseBeamExecutor):
    """Runs under the stock Evaluator component: same inputs, outputs and properties."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Write the evaluation, the predictions below it, and, if there are thresholds, the blessing.

        Raises:
            ConfigError: the EvalConfig asks for something unsupported, or an input is missing.
            DataError: there are no examples, or a label or a value is unusable.
            MainlineError: rows were lost, or a score is not in [0, 1].
        """
        check_inputs(input_dict, exec_properties)
        schema = read_schema(artifact_utils.get_single_uri(input_dict[specs.SCHEMA_KEY]))
        plan = read_plan(input_dict, exec_properties, schema)
        check_schema(plan, schema, multivalent(schema))
        evaluation = artifact_utils.get_single_uri(output_dict[specs.EVALUATION_KEY])
        scorers = find_scorers(input_dict, plan.config, plan.label)
        check_baseline(scorers[1:])
        files = example_files(input_dict, exec_properties)
        write_predictions(lambda: beam_pipeline(self), files, scorers, schema, evaluation)
        predictions = Predictions(evaluation)
        if not predictions.num_rows:
            raise DataError(evaluation, "the splits have no rows", next_step="Check data.path and the splits.")
        results = (sliced_metrics(key, values, units, plan) for key, values, units in evaluate(predictions, plan))
        locations = {model.name: scorer.path for model, scorer in zip(plan.models, scorers, strict=True)}
        write_results(evaluation, results, plan.config, locations)
        logger.info("evaluated %d rows, written to %s", predictions.num_rows, evaluation)
        if has_thresholds(plan.config):
            verdict = tfma.load_validation_result(plain(f"{evaluation}/"))
            missed = judge_ratios(evaluation, exec_properties, plan.label)
            passed = verdict.validation_ok and not missed and not too_close(evaluation, exec_properties)
            write_blessing(input_dict, output_dict, exec_properties, passed)
