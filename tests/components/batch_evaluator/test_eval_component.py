"""The component in a pipeline of its own, as LocalDagRunner runs it."""

import pytest
import tensorflow_model_analysis as tfma
from fakes.stock.evaluator_runs import BEAM_ARGS, ROWS, make_config
from tfx.dsl.components.common.importer import Importer
from tfx.orchestration import metadata
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.orchestration.pipeline import Pipeline
from tfx.types import artifact_utils, standard_artifacts

from components.artifacts.model_digest import JUDGED, content_digest
from components.batch_evaluator.component import BatchEvaluator
from components.evaluation.predictions import read_predictions
from pipeline.errors import MainlineError


def test_the_component_runs_in_a_pipeline_and_blesses(world, tmp_path):
    config = make_config("AUC", slices=({}, {"feature_keys": ["sex"]}))
    config.metrics_specs[0].metrics[0].threshold.value_threshold.lower_bound.value = 0.5
    examples = Importer(
        source_uri=str(world.examples),
        artifact_type=standard_artifacts.Examples,
        properties={"split_names": artifact_utils.encode_split_names(["test"])},
    ).with_id("examples")
    model = Importer(source_uri=str(world.model), artifact_type=standard_artifacts.Model).with_id("model")
    schema = Importer(source_uri=str(world.schema_dir), artifact_type=standard_artifacts.Schema).with_id("schema")
    evaluator = BatchEvaluator(
        examples=examples.outputs["result"],
        example_splits=["test"],
        model=model.outputs["result"],
        schema=schema.outputs["result"],
        eval_config=config,
    )
    store = metadata.sqlite_metadata_connection_config(str(tmp_path / "metadata.db"))
    LocalDagRunner().run(
        Pipeline(
            pipeline_name="evaluation",
            pipeline_root=str(tmp_path / "root"),
            components=[examples, model, schema, evaluator],
            metadata_connection_config=store,
            beam_pipeline_args=BEAM_ARGS,
        )
    )
    with metadata.Metadata(store) as handle:
        (blessing,) = handle.store.get_artifacts_by_type("ModelBlessing")
        (evaluation,) = handle.store.get_artifacts_by_type("ModelEvaluation")
    assert blessing.custom_properties["blessed"].int_value == 1
    assert blessing.custom_properties["current_model"].string_value == str(world.model)
    (serving,) = (path.parent for path in world.model.rglob("saved_model.pb"))
    assert blessing.custom_properties[JUDGED].string_value == content_digest(serving)
    assert tfma.load_validation_result(evaluation.uri).validation_ok
    assert read_predictions(evaluation.uri, ["score"]).num_rows == ROWS


def test_a_missing_baseline_is_named_before_anything_is_scored(world, run_executor, tmp_path):
    gone = tmp_path / "gone"
    with pytest.raises(MainlineError, match="the model to compare with is missing") as caught:
        run_executor(make_config("AUC"), baseline=gone)
    assert caught.value.where.startswith(str(gone))
