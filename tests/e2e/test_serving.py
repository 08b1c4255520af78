"""Scores in the pipeline, of serialized examples and of plain columns are equal."""

from pathlib import Path

import harness
import numpy as np
import pytest
import tensorflow as tf

from components.evaluation.predictions import read_predictions

pytestmark = [pytest.mark.slow, pytest.mark.both_stacks]

TEXT = {
    "workclass", "education", "marital_status", "occupation", "relationship", "race", "sex", "native_country",
}  # fmt: skip
COLUMNS = (*sorted(TEXT), "age", "education_num", "hours_per_week", "capital_gain", "capital_loss")


@pytest.fixture(scope="module")
def model(finished):
    (version, *_) = harness.versions(finished.root)
    return tf.saved_model.load(str(finished.root / "census" / "serving" / version))


@pytest.fixture(scope="module")
def test_rows(finished) -> list[dict[str, str]]:
    return harness.read_rows(finished.rows / "test" / "rows.csv")


def as_example(row: dict[str, str]) -> bytes:
    """A row as a client serializes it, without empty cells."""
    features = {}
    for name in COLUMNS:
        if row[name]:
            text = tf.train.Feature(bytes_list=tf.train.BytesList(value=[row[name].encode()]))
            features[name] = text if name in TEXT else int_feature(row[name])
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def int_feature(value: str) -> tf.train.Feature:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=[int(value)]))


def as_columns(rows: list[dict[str, str]]) -> dict[str, tf.Tensor]:
    """The same rows as plain columns."""
    return {
        name: tf.constant([row[name] if name in TEXT else int(row[name]) for row in rows],
                          tf.string if name in TEXT else tf.int64)
        for name in COLUMNS
    }  # fmt: skip


def test_examples_columns_and_the_pipeline_agree(model, test_rows, finished):
    scored = read_predictions(Path(finished.outcome.facts["evaluation"]))
    in_pipeline = np.sort(scored.column("score").to_numpy().ravel())
    by_example = model.signatures["serving_default"](tf.constant([as_example(row) for row in test_rows]))[
        "score"
    ].numpy()
    by_columns = model.signatures["predict_raw"](**as_columns(test_rows))["score"].numpy()
    np.testing.assert_allclose(by_example, by_columns, atol=1e-6)
    np.testing.assert_allclose(np.sort(by_example.ravel()), in_pipeline, atol=1e-6)
    assert by_example.std() > 0.01


def test_missing_optional_columns_do_not_fail(model, test_rows):
    row = {**test_rows[0], "workclass": "", "occupation": "", "native_country": ""}
    by_example = model.signatures["serving_default"](tf.constant([as_example(row)]))["score"].numpy()
    by_columns = model.signatures["predict_raw"](**as_columns([row]))["score"].numpy()
    np.testing.assert_allclose(by_example, by_columns, atol=1e-6)
    assert 0.0 < by_example.item() < 1.0


def test_a_missing_required_column_is_named(model, test_rows):
    with pytest.raises(tf.errors.InvalidArgumentError, match="age"):
        model.signatures["serving_default"](tf.constant([as_example({**test_rows[0], "age": ""})]))


def test_values_never_seen_are_scored(model, test_rows):
    row = {**test_rows[0], "occupation": "Astronaut", "native_country": "Ünknown 🚀"}
    score = model.signatures["predict_raw"](**as_columns([row]))["score"].numpy().item()
    assert 0.0 < score < 1.0


def test_transform_features_gives_the_transformed_columns(model, test_rows):
    outputs = model.signatures["transform_features"](tf.constant([as_example(test_rows[0])]))
    assert all(name.endswith("_xf") for name in outputs)
    assert "over_50k_xf" not in outputs
