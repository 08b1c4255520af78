"""The world of the evaluator's tests, made once, and the executor on it."""

import os
from collections.abc import Callable
from pathlib import Path

import apache_beam as beam
import pytest
from fakes.stock.evaluator_runs import (
    BEAM_ARGS,
    ROWS,
    SCHEMA,
    EvaluatorInputs,
    Linear,
    Run,
    artifact,
    save_model,
    write_examples,
)
from google.protobuf import json_format, text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import artifact_utils, standard_artifacts

from components.batch_evaluator.executor import Executor


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> EvaluatorInputs:
    root = tmp_path_factory.mktemp("world")
    schema = text_format.Parse(SCHEMA, schema_pb2.Schema())
    (root / "schema").mkdir()
    (root / "schema" / "schema.pbtxt").write_text(SCHEMA, encoding="utf-8")
    for start in (0, ROWS // 2):
        write_examples(root / "examples" / "Split-test", schema, start, ROWS // 2)
    write_examples(root / "examples" / "Split-one", schema, 7, 1)
    write_examples(root / "examples" / "Split-none", schema, 0, 0)
    return EvaluatorInputs(
        examples=root / "examples",
        schema=schema,
        schema_dir=root / "schema",
        model=save_model(Linear(0.06), root / "model"),
        baseline=save_model(Linear(0.02), root / "baseline"),
    )


@pytest.fixture
def run_executor(world: EvaluatorInputs, tmp_path: Path) -> Callable[..., Run]:
    """Run the executor alone, as the launcher does."""

    def run(config, model=None, baseline=None, split="test", executor=Executor, **more) -> Run:
        examples = artifact(
            standard_artifacts.Examples, world.examples, split_names=artifact_utils.encode_split_names([split])
        )
        inputs = {
            "examples": [examples],
            "model": [artifact(standard_artifacts.Model, model or world.model)],
            "schema": [artifact(standard_artifacts.Schema, world.schema_dir)],
        }
        if baseline:
            inputs["baseline_model"] = [artifact(standard_artifacts.Model, baseline)]
        evaluation = artifact(standard_artifacts.ModelEvaluation, tmp_path / "evaluation")
        blessing = artifact(standard_artifacts.ModelBlessing, tmp_path / "blessing")
        for folder in (evaluation.uri, blessing.uri):
            os.makedirs(folder)
        # Beam arguments would make TFX build a package of itself, which takes four seconds.
        context = BaseBeamExecutor.Context(make_beam_pipeline_fn=lambda: beam.Pipeline(argv=BEAM_ARGS))
        properties = {"eval_config": json_format.MessageToJson(config), "example_splits": f'["{split}"]', **more}
        executor(context).Do(inputs, {"evaluation": [evaluation], "blessing": [blessing]}, properties)
        return Run(evaluation.uri, blessing)

    return run
