"""Examples that an additive model has scored and an evaluation has measured."""

import numpy as np
import tensorflow as tf
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import config_pb2

from components.batch_evaluator.evaluation import evaluate
from components.batch_evaluator.plan import make_plan
from components.batch_evaluator.results import sliced_metrics, write_results
from components.batch_evaluator.scoring import ScoreFile, Scorer
from components.evaluation.predictions import read_predictions
from components.slice_report.sources import Sources

ROWS = 900
SCHEMA = """
  feature { name: "size" type: FLOAT presence { min_fraction: 1.0 } shape { dim { size: 1 } } }
  feature { name: "tags" type: BYTES value_count { min: 0 max: 3 } }
  feature { name: "age" type: INT value_count { min: 1 max: 1 } }
  feature { name: "kind" type: BYTES presence { min_fraction: 1.0 } shape { dim { size: 1 } } }
  feature { name: "user" type: BYTES presence { min_fraction: 1.0 } shape { dim { size: 1 } } }
  feature { name: "label" type: INT presence { min_fraction: 1.0 } shape { dim { size: 1 } } }
"""


class Additive(tf.Module):
    """A score from a number, from how many tags there are, and from an age that may be missing."""

    def __init__(self):
        super().__init__()
        self.weights = tf.Variable([2.0, -0.7, 0.03])

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "examples")])
    def score(self, examples):
        spec = {
            "size": tf.io.FixedLenFeature([1], tf.float32),
            "tags": tf.io.RaggedFeature(tf.string),
            "age": tf.io.FixedLenFeature([1], tf.int64, default_value=[-10]),
        }
        parsed = tf.io.parse_example(examples, spec)
        tags = tf.cast(parsed["tags"].row_lengths(), tf.float32)[:, tf.newaxis]
        inputs = tf.concat([parsed["size"], tags, tf.cast(parsed["age"], tf.float32)], axis=1)
        return {"probability": tf.sigmoid(tf.reduce_sum(inputs * self.weights, axis=1, keepdims=True))}


def scores_of(columns):
    """What the model says, by numpy."""
    ages = np.array([-10 if not age else age[0] for age in columns["age"]])
    logits = 2.0 * np.array([size[0] for size in columns["size"]]) + 0.03 * ages
    return 1 / (1 + np.exp(-(logits - 0.7 * np.array([len(tags or ()) for tags in columns["tags"]]))))


def losses_of(columns):
    score = scores_of(columns)
    return -np.log(np.where(np.array(columns["label"])[:, 0] == 1, score, 1 - score))


def make_columns(rows, seed=0):
    """Columns as lists of values; rows of the kind "odd" have labels that are the model's chances turned around."""
    random = np.random.default_rng(seed)
    columns = {
        "size": [[float(size)] for size in random.normal(size=rows).astype(np.float32)],
        "tags": [[b"a", b"b", b"c"][:count] or None for count in random.integers(0, 4, rows)],
        "age": [
            None if missing else [int(age)]
            for missing, age in zip(random.random(rows) < 0.2, random.integers(0, 90, rows), strict=True)
        ],
        "kind": [[kind] for kind in random.choice([b"odd", b"even", b"plain"], rows).tolist()],
        "user": [[b"user %d" % row] for row in range(rows)],
    }
    chances = np.where([kind == [b"odd"] for kind in columns["kind"]], 1 - scores_of(columns), scores_of(columns))
    return {**columns, "label": [[int(label)] for label in random.random(rows) < chances]}


def write_examples(path, columns, rows):
    def feature(value):
        if isinstance(value[0], bytes):
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=value))
        if isinstance(value[0], int):
            return tf.train.Feature(int64_list=tf.train.Int64List(value=value))
        return tf.train.Feature(float_list=tf.train.FloatList(value=value))

    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path), tf.io.TFRecordOptions(compression_type="GZIP")) as writer:
        for row in rows:
            features = {name: feature(values[row]) for name, values in columns.items() if values[row]}
            writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())


def make_config():
    metrics = [config_pb2.MetricConfig(class_name=name) for name in ("ExampleCount", "BinaryCrossEntropy", "AUC")]
    return config_pb2.EvalConfig(
        model_specs=[
            config_pb2.ModelSpec(
                name=tfma.CANDIDATE_KEY,
                model_type=tfma.TF_GENERIC,
                signature_name="score",
                label_key="label",
                prediction_key="probability",
            )
        ],
        slicing_specs=[config_pb2.SlicingSpec(), config_pb2.SlicingSpec(feature_keys=["kind"])],
        metrics_specs=[config_pb2.MetricsSpec(metrics=metrics)],
    )


def run_evaluation(root, columns, parts):
    """The sources of a run: examples in files, the model, and what the evaluator leaves."""
    for number, rows in enumerate(parts):
        write_examples(root / "examples" / "Split-test" / f"data-{number:05d}.gz", columns, rows)
    (root / "schema").mkdir()
    (root / "schema" / "schema.pbtxt").write_text(SCHEMA, encoding="utf-8")
    model = Additive()
    path = root / "model" / "Format-Serving"
    tf.saved_model.save(model, str(path), signatures={"score": model.score})
    sources = Sources("p", "r", {name: str(root / name) for name in ("examples", "schema", "evaluation", "model")})
    plan = make_plan(make_config(), has_baseline=False)
    scorer = Scorer("score", str(path), plan.models[0].signature, plan.models[0].output, plan.label)
    evaluation = sources.folders["evaluation"]
    score = ScoreFile([scorer], sources.schema.SerializeToString(), evaluation)
    for numbered in enumerate(sources.example_files()["test"]):
        list(score.process(numbered))
    results = (
        [sliced_metrics(*found, plan) for found in evaluate(read_predictions(evaluation), plan)]
        if columns["label"]
        else []
    )
    write_results(evaluation, results, plan.config, {})
    return sources
