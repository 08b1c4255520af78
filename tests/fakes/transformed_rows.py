"""Rows, the real output of TensorFlow Transform for them, and a Wide & Deep model."""

import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import apache_beam as beam
import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
import tf_keras as keras
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform import beam as tft_beam
from tensorflow_transform.tf_metadata import dataset_metadata

from components.compat.tensorflow import exclude_from_autograph
from pipeline.features import layers
from pipeline.features.kinds.bucketized import Bucketized
from pipeline.features.kinds.categorical import Categorical
from pipeline.features.kinds.crossed import Crossed
from pipeline.features.kinds.exact import Exact
from pipeline.features.kinds.multi_hot import MultiHot
from pipeline.features.kinds.numeric import Numeric
from pipeline.features.preprocess import transform
from pipeline.features.table import Table

COLOURS = ("blue", "green", "red")
CITIES = ("Oslo", "Łódź", "Lima", "Rome", "Cork")
WIDTH = 4
TABLE = Table(
    (
        Categorical("city", vocabulary=12, oov=2, embedding=WIDTH),
        Categorical("colour", vocabulary=5, oov=1, closed=True, embedding=WIDTH),
        Exact("gain", vocabulary=6, min_count=1, embedding=WIDTH),
        Bucketized("age", buckets=4, embedding=WIDTH),
        Numeric("age"),
        Numeric("gain", log=True),
        MultiHot("tags", vocabulary=5, domain_of="colour"),
        Crossed(("city", "colour"), hash_buckets=16),
    ),
    label="label",
)
TYPES = {"city": "BYTES", "colour": "BYTES", "tags": "BYTES", "age": "FLOAT", "gain": "INT", "label": "INT"}
DOMAIN = 'domain: "colours"'
Rows = dict[str, np.ndarray]
FOLDERS: list[tempfile.TemporaryDirectory[str]] = []


def make_rows(rows: int = 400, seed: int = 1, cities: Sequence[str] = CITIES, colours: Sequence[str] = COLOURS) -> Rows:
    """Make columns (rows,); the label follows from city, colour and age. Earlier cities are more frequent."""
    draw = np.random.default_rng(seed)
    shares = np.arange(len(cities), 0, -1) / np.arange(len(cities) + 1).sum()
    city, colour = draw.choice(len(cities), rows, p=shares), draw.choice(len(colours), rows)
    age, gain = draw.normal(40, 12, rows), draw.choice([0, 10, 500], rows)
    logit = 1.5 * (city % 2) - 1.0 * (colour == 0) + 0.05 * (age - 40)
    return {
        "city": np.array(cities)[city],
        "colour": np.array(colours)[colour],
        "tags": np.array([f"{colours[index]}|{colours[index - 1]}" for index in colour]),
        "age": age.astype(np.float32),
        "gain": gain,
        "label": (draw.random(rows) < 1 / (1 + np.exp(-logit))).astype(np.int64),
    }


def make_schema(domain: Sequence[str]) -> schema_pb2.Schema:
    """Return a schema of required columns; ``colour`` has a domain, by reference as in a schema that TFDV infers."""
    values = "".join(f'value: "{value}" ' for value in domain)
    features = (
        f'feature {{ name: "{name}" type: {kind} presence {{ min_fraction: 1.0 }} shape {{ dim {{ size: 1 }} }} '
        f"{DOMAIN if name == 'colour' else ''} }}"
        for name, kind in TYPES.items()
    )
    return text_format.Parse(f'{"".join(features)} string_domain {{ name: "colours" {values} }}', schema_pb2.Schema())


def make_transform(
    folder: Path, rows: Rows, table: Table = TABLE, domain: Sequence[str] = COLOURS
) -> tft.TFTransformOutput:
    """Write Transform's output for some rows to ``folder``."""
    metadata = dataset_metadata.DatasetMetadata(make_schema(domain))
    records = [{name: [values[index]] for name, values in rows.items()} for index in range(len(rows["label"]))]

    def preprocessing_fn(inputs):
        return transform(table, inputs, {"colour": list(domain)})

    with tft_beam.Context(temp_dir=str(folder / "temp")), beam.Pipeline(FnApiRunner()) as pipeline:
        data = pipeline | beam.Create(records)
        transform_fn = (data, metadata) | tft_beam.AnalyzeDataset(preprocessing_fn)
        transform_fn | tft_beam.WriteTransformFn(str(folder))
        metadata | tft_beam.WriteMetadata(str(folder / "metadata"), pipeline)
    return tft.TFTransformOutput(str(folder))


@cache
def shared_transform() -> tft.TFTransformOutput:
    """Return Transform's output for ``make_rows()``, made once for all tests."""
    FOLDERS.append(tempfile.TemporaryDirectory())
    return make_transform(Path(FOLDERS[-1].name) / "transform", make_rows())


def batch_of(output: tft.TFTransformOutput, rows: Rows) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
    """Return all rows as one batch: features (rows, width), labels (rows, 1)."""
    columns = {name: tf.constant(values)[:, tf.newaxis] for name, values in rows.items()}
    features = dict(output.transform_features_layer()(columns))
    return features, features.pop("label_xf")


def build_model(table: Table = TABLE, units: Sequence[int] = (16, 8)) -> keras.Model:
    """Build a Wide & Deep model with every kind of input."""
    inputs = layers.keras_inputs(table.features)
    vectors = layers.embeddings(table.features, inputs)
    deep = keras.layers.Concatenate()([*vectors.values(), *layers.dense_inputs(table.features, inputs)])
    deep = layers.mlp(deep, units, dropout=0.1)
    wide = layers.wide_logit(table.features, inputs)
    logit = keras.layers.Add()([wide, keras.layers.Dense(1, name="deep_logit")(deep)])
    return keras.Model(inputs, keras.layers.Activation("sigmoid", name="score")(logit))


def compiled(model: keras.Model, rate: float = 1e-2) -> keras.Model:
    """Compile a model with the loss and the metrics of a training."""
    exclude_from_autograph("tf_keras")
    losses = [keras.metrics.BinaryCrossentropy(name="log_loss")]
    model.compile(keras.optimizers.Adam(rate), keras.losses.BinaryCrossentropy(), losses)
    return model


def randomized(model: keras.Model, seed: int = 0) -> keras.Model:
    """Draw every weight of a model at random, so that none is 0 or equal to another."""
    draw = np.random.default_rng(seed)
    for weight in model.weights:
        weight.assign(draw.normal(0, 0.3, weight.shape))
    return model
