"""Settings that both sides share: the taxi arguments, the push destination and the pipeline around the nodes.

Does not import ``tfx.v1``, which would load all stock components.
"""

from pathlib import Path
from typing import Any

import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import config_pb2
from tfx.orchestration.metadata import sqlite_metadata_connection_config
from tfx.orchestration.pipeline import Pipeline
from tfx.proto import pusher_pb2, trainer_pb2

from benchmarks.cases import TAXI_LABEL, TAXI_SCHEMA
from pipeline.config.load import CONF, read_yaml

TAXI_PREPROCESSING = "tfx.experimental.templates.taxi.models.preprocessing.preprocessing_fn"
TAXI_RUN_FN = "tfx.experimental.templates.taxi.models.keras_model.model.run_fn"
# Our Transform writes neither of these, so the stock one does not either.
TRANSFORM_OPTIONS = {"disable_statistics": True, "disable_analyzer_cache": True}
TAXI_STEPS = {"train": 1000, "eval": 150}
Settings = dict[str, dict[str, Any]]


def taxi_settings() -> Settings:
    """Return the arguments of the nodes for the taxi rows, the same for both sides."""
    return {
        "schema": {"schema_file": str(TAXI_SCHEMA)},
        "transform": {"preprocessing_fn": TAXI_PREPROCESSING, **TRANSFORM_OPTIONS},
        "trainer": {
            "run_fn": TAXI_RUN_FN,
            "train_args": trainer_pb2.TrainArgs(splits=["train"], num_steps=TAXI_STEPS["train"]),
            "eval_args": trainer_pb2.EvalArgs(splits=["eval"], num_steps=TAXI_STEPS["eval"]),
        },
        "evaluator": {"example_splits": ["eval"], "eval_config": taxi_eval_config()},
    }


def taxi_eval_config() -> config_pb2.EvalConfig:
    """Return the template's slices and metric, with the label read from a column instead of computed from the row."""
    bounds = tfma.MetricThreshold(
        value_threshold=tfma.GenericValueThreshold(lower_bound={"value": 0.5}),
        change_threshold=tfma.GenericChangeThreshold(
            direction=tfma.MetricDirection.HIGHER_IS_BETTER, absolute={"value": -1e-10}
        ),
    )
    return tfma.EvalConfig(
        model_specs=[
            tfma.ModelSpec(
                model_type=tfma.TF_GENERIC, signature_name="serving_default", label_key=TAXI_LABEL,
                prediction_key="outputs",
            )
        ],
        slicing_specs=[tfma.SlicingSpec(), tfma.SlicingSpec(feature_keys=["trip_start_hour"])],
        metrics_specs=[
            tfma.MetricsSpec(metrics=[tfma.MetricConfig(class_name="BinaryAccuracy", threshold=bounds)]),
        ],
    )  # fmt: skip


def push_destination(root: Path) -> pusher_pb2.PushDestination:
    """Return the push destination of both sides."""
    folder = pusher_pb2.PushDestination.Filesystem(base_directory=str(root / "serving"))
    return pusher_pb2.PushDestination(filesystem=folder)


def as_pipeline(nodes: list[Any], root: Path) -> Pipeline:
    """Return a pipeline of the nodes with SQLite metadata, no cache, and the Beam runner of ``--env local``."""
    return Pipeline(
        pipeline_name="measured",
        pipeline_root=str(root / "artifacts"),
        components=nodes,
        enable_cache=False,
        metadata_connection_config=sqlite_metadata_connection_config(str(root / "metadata.db")),
        beam_pipeline_args=read_yaml(CONF / "env" / "local.yaml")["beam_pipeline_args"],
    )
