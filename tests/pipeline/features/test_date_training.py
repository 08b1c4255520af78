"""A model is trained on dates, exported, and serves what it was trained on."""

import datetime

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from fakes import small_training
from google.protobuf import text_format
from tensorflow_transform.tf_metadata import dataset_metadata, metadata_io, schema_utils

from pipeline.features.contract import check_transformed
from pipeline.features.kinds.date import Date
from pipeline.features.layers import wide_and_deep
from pipeline.features.preprocess import transform
from pipeline.features.table import Table
from pipeline.training.loop import train

TABLE = Table((Date("at", reference="2024-06-01"), Date("seen_s", reference="2024-06-01")), label="y")
RAW = {
    "at": tf.io.VarLenFeature(tf.string),
    "seen_s": tf.io.VarLenFeature(tf.int64),
    "y": tf.io.FixedLenFeature([1], tf.int64),
}
START = datetime.datetime(1960, 1, 1)


def make_rows(count: int, seed: int) -> list[dict]:
    """Rows with label 1 at weekends; every tenth has no date, or a text that is not one."""
    draw = np.random.default_rng(seed)
    moments = [START + datetime.timedelta(hours=int(hours)) for hours in draw.integers(0, 24 * 30_000, count)]
    rows = []
    for index, moment in enumerate(moments):
        row = {"at": [moment.isoformat()], "seen_s": [int(draw.integers(0, 2**31))], "y": [int(moment.weekday() > 4)]}
        rows.append(row | {10: {"at": []}, 20: {"at": ["soon"], "seen_s": []}}.get(index % 30, {}))
    return rows


def preprocessing_fn(inputs):
    outputs = transform(TABLE, inputs, {})
    check_transformed(TABLE, outputs)
    return outputs


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Transformed rows and a fitted model."""
    folder = tmp_path_factory.mktemp("dates")
    schema = schema_utils.schema_from_feature_spec(RAW)
    metadata = dataset_metadata.DatasetMetadata(schema)
    with tft_beam.Context(temp_dir=str(folder / "tmp")):
        (data, found), function = (make_rows(600, 1), metadata) | tft_beam.AnalyzeAndTransformDataset(preprocessing_fn)
        function | tft_beam.WriteTransformFn(str(folder / "transform"))
    metadata_io.write_metadata(metadata, str(folder / "transform" / "metadata"))
    (folder / "schema.pbtxt").write_text(text_format.MessageToString(schema))
    examples = [tft.coders.ExampleProtoCoder(found.schema).encode(row) for row in data]
    small_training.write_examples(folder / "train", examples[:500], 2)
    small_training.write_examples(folder / "eval", examples[500:], 1)
    train(
        small_training.fn_args(folder, folder / "out", epochs=30, learning_rate=0.03, early_stopping_patience=30),
        TABLE,
        lambda table, training: wide_and_deep(table.features, (16,), 0.0, training.seed, 0.0, 0.0, 0.0),
    )
    return folder, data


def served(folder):
    return tf.saved_model.load(str(folder / "out" / "model")).signatures


def test_dates_are_learned(world):
    folder, _ = world
    history = small_training.record(folder / "out")["history"]
    assert max(history["val_auc"]) > 0.9


def test_what_is_served_is_what_was_trained_on(world):
    folder, data = world
    coder = tft.coders.ExampleProtoCoder(schema_utils.schema_from_feature_spec(RAW))
    examples = tf.constant([coder.encode(row) for row in make_rows(600, 1)])
    found = served(folder)["transform_features"](examples=examples)
    for name in ("at_date_xf", "at_date_missing_xf", "seen_s_date_xf", "seen_s_date_missing_xf"):
        np.testing.assert_allclose(found[name].numpy(), np.stack([row[name] for row in data]), atol=1e-6)


def test_a_request_may_lack_a_date(world):
    folder, _ = world
    columns = {
        "at": tf.constant(["2024-06-01", "2024-06-03", "", "soon"]),
        "seen_s": tf.constant([0, 0, tf.int64.min, tf.int64.min], tf.int64),
    }
    saturday, monday, nothing, no_date = served(folder)["predict_raw"](**columns)["score"].numpy().ravel()
    assert saturday > 0.5 > monday
    assert nothing == no_date
