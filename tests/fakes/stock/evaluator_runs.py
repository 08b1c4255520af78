"""Real census rows as examples, tiny models that read them, and stock TFMA on both."""

from dataclasses import dataclass
from pathlib import Path

import apache_beam as beam
import pyarrow as pa
import tensorflow as tf
import tensorflow_model_analysis as tfma
from pyarrow import csv as arrow_csv
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_model_analysis.proto import config_pb2
from tfx.types import standard_artifacts

from components.examples.shards import write_shards
from data.fetch import DEFAULT_CACHE
from data.prepare import prepare

BEAM_ARGS = ["--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner"]
ROWS = 2000
SCHEMA = """
  feature { name: "age" type: INT presence { min_fraction: 1.0 } shape { dim { size: 1 } } }
  feature { name: "hours_per_week" type: INT presence { min_fraction: 1.0 } shape { dim { size: 1 } } }
  feature { name: "workclass" type: BYTES value_count { min: 1 max: 1 } }
  feature { name: "sex" type: BYTES presence { min_fraction: 1.0 } shape { dim { size: 1 } } }
  feature { name: "race" type: BYTES presence { min_fraction: 1.0 } shape { dim { size: 1 } } }
  feature { name: "over_50k" type: INT presence { min_fraction: 1.0 } shape { dim { size: 1 } } }
"""


@dataclass(frozen=True)
class EvaluatorInputs:
    examples: Path
    schema: schema_pb2.Schema
    schema_dir: Path
    model: Path
    baseline: Path


class Linear(tf.Module):
    """A score from two columns; ``broken`` divides by zero for the young."""

    def __init__(self, weight: float, broken: bool = False):
        super().__init__()
        self.weight = tf.Variable([weight, 0.04])
        self.broken = broken

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "examples")])
    def score(self, examples):
        spec = {name: tf.io.FixedLenFeature([1], tf.int64) for name in ("age", "hours_per_week")}
        parsed = tf.io.parse_example(examples, spec)
        inputs = tf.cast(tf.concat([parsed["age"], parsed["hours_per_week"]], axis=1), tf.float32)
        score = tf.sigmoid(tf.reduce_sum(inputs * self.weight, axis=1, keepdims=True) - 5.0)
        return {"score": score / tf.cast(parsed["age"] >= 20, tf.float32) if self.broken else score}


def save_model(model: Linear, artifact: Path) -> Path:
    tf.saved_model.save(model, str(artifact / "Format-Serving"), signatures={"serving_default": model.score})
    return artifact


def write_examples(folder: Path, schema: schema_pb2.Schema, start: int, rows: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    census = prepare("census", "given", 0, DEFAULT_CACHE).path / "train" / "rows.csv"
    options = arrow_csv.ConvertOptions(
        include_columns=[feature.name for feature in schema.feature], strings_can_be_null=True
    )
    table = arrow_csv.read_csv(census, convert_options=options).slice(start, rows).combine_chunks()
    empty = pa.RecordBatch.from_pylist([], schema=table.schema)
    write_shards(((str(folder), batch) for batch in table.to_batches() or [empty]), f"data_tfrecord-{start:05d}")


def make_config(*metrics: str, slices: tuple[dict, ...] = ({},), intervals: bool = False) -> config_pb2.EvalConfig:
    specs = [
        config_pb2.ModelSpec(
            name=name,
            is_baseline=name == tfma.BASELINE_KEY,
            model_type=tfma.TF_GENERIC,
            signature_name="serving_default",
            label_key="over_50k",
            prediction_key="score",
        )
        for name in (tfma.CANDIDATE_KEY, tfma.BASELINE_KEY)
    ]
    config = config_pb2.EvalConfig(
        model_specs=specs,
        slicing_specs=[config_pb2.SlicingSpec(**spec) for spec in slices],
        metrics_specs=[config_pb2.MetricsSpec(metrics=[config_pb2.MetricConfig(class_name=name) for name in metrics])],
    )
    config.options.compute_confidence_intervals.value = intervals
    return config


@dataclass(frozen=True)
class Run:
    """The folders of a run, and the blessing as an artifact."""

    evaluation: str
    blessing: standard_artifacts.ModelBlessing


def artifact(kind, uri, **properties):
    made = kind()
    made.uri = str(uri)
    for name, value in properties.items():
        setattr(made, name, value)
    return made


def run_stock(world: EvaluatorInputs, config: config_pb2.EvalConfig, out: str, has_baseline: bool) -> None:
    """Evaluate by TFMA, as stock Evaluator does."""
    from tfx_bsl.public import tfxio

    config = tfma.utils.update_eval_config_with_defaults(config, has_baseline=has_baseline, rubber_stamp=True)
    paths = {spec.name: world.baseline if spec.is_baseline else world.model for spec in config.model_specs}
    models = [
        tfma.default_eval_shared_model(str(path / "Format-Serving"), model_name=name, eval_config=config)
        for name, path in paths.items()
    ]
    source = tfxio.TFExampleRecord(
        f"{world.examples}/Split-test/*", schema=world.schema, raw_record_column_name=tfma.ARROW_INPUT_COLUMN
    )
    adapter = tfxio.TensorAdapterConfig(source.ArrowSchema(), source.TensorRepresentations())
    with beam.Pipeline(runner="apache_beam.runners.portability.fn_api_runner.FnApiRunner") as pipeline:
        _ = (
            pipeline
            | source.BeamSource()
            | tfma.ExtractEvaluateAndWriteResults(
                eval_shared_model=models if len(models) > 1 else models[0],
                eval_config=config,
                output_path=out,
                tensor_adapter_config=adapter,
            )
        )
