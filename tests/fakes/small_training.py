"""A small training: synthetic rows, transformed as in the pipeline, and a model of a few layers.

``python small_training.py WORLD OUT SETTINGS [DIE_AT_STEP]`` trains in a process of its own, under TF_CONFIG if set.
"""

import dataclasses
import json
import logging
import os
import socket
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
import tf_keras as keras
from fakes.processes import Forked
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform.tf_metadata import dataset_metadata, metadata_io, schema_utils
from tfx.components.trainer.fn_args_utils import FnArgs

from pipeline.features import layers
from pipeline.features.kinds.bucketized import Bucketized
from pipeline.features.kinds.categorical import Categorical
from pipeline.features.kinds.crossed import Crossed
from pipeline.features.kinds.numeric import Numeric
from pipeline.features.preprocess import transform
from pipeline.features.table import Table
from pipeline.training.loop import train

CITIES = ("ulm", "bonn", "jena", "kiel")
TABLE = Table(
    (
        Numeric("x"),
        Numeric("z"),
        Bucketized("x", buckets=8, embedding=4),
        Categorical("city", vocabulary=len(CITIES), closed=True, embedding=4),
        Crossed(("x_bucket", "city"), hash_buckets=6000),
    ),
    label="y",
)
WEIGHTED = dataclasses.replace(TABLE, weight="w")
RAW = {
    "x": tf.io.FixedLenFeature([1], tf.float32),
    "z": tf.io.FixedLenFeature([1], tf.float32),
    "city": tf.io.FixedLenFeature([1], tf.string),
    "y": tf.io.FixedLenFeature([1], tf.int64),
    "w": tf.io.FixedLenFeature([1], tf.float32),
}
SETTINGS = {
    "epochs": 3, "batch_size": 20, "learning_rate": 0.01, "weight_decay": 1e-4, "weight_averaging": 0.5,
    "histogram_every_epochs": 0, "model": {"dropout": 0.0},
}  # fmt: skip


def rows(count: int, seed: int) -> list[dict]:
    """Rows whose label follows from x, z and the city, with some noise; every other row has weight 0."""
    draw = np.random.default_rng(seed)
    x, z, noise = draw.normal(size=(3, count))
    city = draw.integers(len(CITIES), size=count)
    label = (1.5 * x - z + 0.7 * (city - 1.5) + noise > 0).astype(int)
    return [
        {"x": [x[i]], "z": [z[i]], "city": [CITIES[city[i]].encode()], "y": [int(label[i])], "w": [float(i % 2)]}
        for i in range(count)
    ]


def make_world(folder: Path, train_rows: int = 210, eval_rows: int = 53, shards: int = 3) -> Path:
    """Write transform graph, schema and transformed examples."""
    domains = {"city": schema_pb2.StringDomain(name="city", value=CITIES)}
    spec = schema_utils.schema_from_feature_spec(RAW, domains)
    metadata = dataset_metadata.DatasetMetadata(spec)
    splits = {"train": rows(train_rows, 1), "eval": rows(eval_rows, 2)}
    with tft_beam.Context(temp_dir=str(folder / "tmp")):
        (train_set, transformed), function = (splits["train"], metadata) | tft_beam.AnalyzeAndTransformDataset(
            lambda inputs: transform(WEIGHTED, inputs, {"city": CITIES})
        )
        (eval_set, _) = ((splits["eval"], metadata), function) | tft_beam.TransformDataset()
        function | tft_beam.WriteTransformFn(str(folder / "transform"))
    metadata_io.write_metadata(metadata, str(folder / "transform" / "metadata"))
    (folder / "schema.pbtxt").write_text(text_format.MessageToString(spec))
    coder = tft.coders.ExampleProtoCoder(transformed.schema)
    write_examples(folder / "train", [coder.encode(row) for row in train_set], shards)
    write_examples(folder / "eval", [coder.encode(row) for row in eval_set], 1)
    return folder


def write_examples(folder: Path, examples: list[bytes], shards: int) -> None:
    """Write gzipped TFRecords."""
    folder.mkdir(parents=True)
    for shard in range(shards):
        options = tf.io.TFRecordOptions(compression_type="GZIP")
        with tf.io.TFRecordWriter(str(folder / f"examples-{shard}.gz"), options) as writer:
            for example in examples[shard::shards]:
                writer.write(example)


def build_model(table: Table, training) -> keras.Model:
    """Build a Wide & Deep model like those of the workloads."""
    inputs = layers.keras_inputs(table.features)
    vectors = layers.embeddings(table.features, inputs, 1e-5)
    deep = keras.layers.Concatenate()([*vectors.values(), *layers.dense_inputs(table.features, inputs)])
    deep = layers.mlp(deep, units=(16, 8), dropout=training.model.get("dropout", 0.0), seed=training.seed)
    logit = keras.layers.Add()([
        layers.wide_logit(table.features, inputs, 1e-5, 1e-5), keras.layers.Dense(1, name="deep_logit")(deep)
    ])  # fmt: skip
    return keras.Model(inputs, keras.layers.Activation("sigmoid", dtype="float32", name="score")(logit))


def fn_args(world: Path, out: Path, **changes) -> FnArgs:
    """The arguments that TFX would pass."""
    return FnArgs(
        working_dir="",
        train_files=[f"{world}/train/*"],
        eval_files=[f"{world}/eval/*"],
        train_steps=None,
        eval_steps=None,
        schema_path=f"{world}/schema.pbtxt",
        transform_graph_path=f"{world}/transform",
        data_accessor=None,
        serving_model_dir=f"{out}/model",
        eval_model_dir=None,
        model_run_dir=f"{out}/model_run/1",
        base_model=None,
        custom_config={"training": {**SETTINGS, **changes}},
    )


def fit(world: Path, out: Path, table: Table = TABLE, **changes) -> dict:
    """Train in this process and return the record."""
    train(fn_args(world, out, **changes), table, build_model)
    return record(out)  # A worker that is not the chief comes here behind the chief, and finds it.


def record(out: Path) -> dict:
    """``training.json``."""
    return json.loads((out / "model_run" / "1" / "training.json").read_text())


def scores(world: Path, out: Path) -> np.ndarray:
    """Return the scores of the exported model for new rows."""
    model = tf.saved_model.load(str(out / "model"))
    inputs = {
        name: tf.constant([row[name][0] for row in rows(64, 3)], tf.string if name == "city" else tf.float32)
        for name in ("x", "z", "city")
    }
    return model.signatures["predict_raw"](**inputs)["score"].numpy().ravel()


def start(world: Path, out: Path, tf_config: dict | None = None, die_at: int = 0, **changes) -> Forked:
    """Train in another process."""
    return Forked(main, str(world), str(out), json.dumps(changes), str(die_at), tf_config=tf_config)


def start_cluster(
    world: Path, out: Path, roles: dict[str, int], dies: dict[str, int] | None = None, **changes
) -> dict[tuple[str, int], Forked]:
    """Train in one process per task, on free local ports; ``dies`` gives the step at which a task ends."""
    cluster = {role: [f"127.0.0.1:{free_port()}" for _ in range(count)] for role, count in roles.items()}
    return {
        (role, index): start(
            world,
            out,
            {"cluster": cluster, "task": {"type": role, "index": index}},
            (dies or {}).get(f"{role}:{index}", 0),
            **changes,
        )
        for role, addresses in cluster.items()
        for index in range(len(addresses))
    }


def free_port() -> int:
    """Return a free local port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def main(world: str, out: str, changes: str, die_at: str) -> None:
    """Train, and die at a step if one is given."""
    if int(die_at):
        from pipeline.training.callbacks import Journal

        count = Journal.on_train_batch_end

        def count_and_die(self, batch, logs=None):
            count(self, batch, logs)
            if self.step >= int(die_at):
                os._exit(9)

        Journal.on_train_batch_end = count_and_die
    logging.basicConfig(level=logging.INFO, format="%(message)s", force=True)
    settings = json.loads(changes)
    fit(Path(world), Path(out), WEIGHTED if settings.pop("weighted", False) else TABLE, **settings)


if __name__ == "__main__":
    main(*sys.argv[1:])
