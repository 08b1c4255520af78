"""The component in a pipeline of its own, as LocalDagRunner runs it."""

import tensorflow_model_analysis as tfma
from tfx.dsl.components.common.importer import Importer
from tfx.orchestration import metadata
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.orchestration.pipeline import Pipeline
from tfx.types import artifact_utils, standard_artifacts

from components.batch_evaluator.component import BatchEvaluator
from components.batch_evaluator.predictions import read_predictions

from .evaluator_world import BEAM_ARGS, ROWS, make_config


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
    assert tfma.load_validation_result(evaluation.uri).validation_ok
    assert read_predictions(evaluation.uri, ["score"]).num_rows == ROWS
