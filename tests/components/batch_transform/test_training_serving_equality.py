"""Every serving signature transforms a row exactly as Transform did for training, also for difficult values."""

import itertools

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from fakes.stock.transform_runs import run, write_examples
from fakes.transformed_rows import build_model, randomized
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform.tf_metadata import schema_utils

from pipeline.features.table import raw_columns, transformed_features
from pipeline.task.registry import training_of
from pipeline.training.signatures import ServingModel

from .preprocessing import EVERY_KIND

WHOLES = (0, 1, -1, 2**24, 2**24 + 1, 2**53, 2**53 + 1, 2**63 - 1, 2**63 - 2, -(2**63), 1_609_459_200_123_456_789)
REALS = (0.0, -0.0, 0.1, 1e-45, 16777216.0, -1e17, 3.5)
TEXTS = ("", " ", "é", "\U0001f680", "ü" * 5000, "a\nb", "a\x00b", "NaN", "plain", "é|plain", "|", "plain|unknown")
KINDS = {"whole": "INT", "real": "FLOAT", "amount": "FLOAT", "text": "BYTES", "kind": "BYTES", "kinds": "BYTES"}
TYPES = {"INT": pa.int64(), "FLOAT": pa.float32(), "BYTES": pa.string()}
# In an optional column, by type: what a plain column says for no value.
MISSING = {"INT": -(2**63), "FLOAT": float("nan"), "BYTES": ""}


def kind_of(name: str) -> str:
    return "INT" if name == "y" else KINDS[name.removesuffix("_opt")]


def is_optional(name: str) -> bool:
    return name.endswith("_opt") or name == "kinds"


def rows() -> pa.Table:
    """Return rows that cover every value of each column, with missing values where they are allowed."""
    names, count = [*raw_columns(EVERY_KIND.features), "y"], 140
    columns = {}
    for place, name in enumerate(names):
        values = {"INT": WHOLES, "FLOAT": REALS, "BYTES": TEXTS}[kind_of(name)]
        values = [abs(value) for value in values] if name == "amount" else values
        optional = [None, MISSING[kind_of(name)]] if is_optional(name) else []
        # By steps without a common divisor, so that the values of two columns meet in many ways.
        cycle = itertools.islice(itertools.cycle([*values, *optional]), place, None)
        columns[name] = pa.array(itertools.islice(cycle, count), TYPES[kind_of(name)])
    columns["y"] = pa.array([row % 2 for row in range(count)], pa.int64())
    return pa.table(columns)


def schema() -> schema_pb2.Schema:
    found = schema_pb2.Schema()
    for name in rows().column_names:
        feature = found.feature.add(name=name, type=schema_pb2.FeatureType.Value(kind_of(name)))
        if is_optional(name):
            feature.value_count.min = feature.value_count.max = 1
        else:
            feature.presence.min_fraction = 1.0
            feature.shape.dim.add(size=1)
    return found


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("equality")
    examples = write_examples(folder / "examples", {"train": rows(), "eval": rows()})
    return run("ours", examples, folder, "batch_transform.preprocessing.every_kind", schema())


@pytest.fixture(scope="module")
def model():
    return randomized(build_model(EVERY_KIND))


@pytest.fixture(scope="module")
def served(made, model, tmp_path_factory):
    """The model as a server loads it."""
    folder = str(tmp_path_factory.mktemp("served"))
    spec = schema_utils.schema_as_feature_spec(schema()).feature_spec
    raw = {name: spec[name] for name in raw_columns(EVERY_KIND.features)}
    ServingModel(model, made.transform, raw, training_of(EVERY_KIND.target).outputs).save(folder)
    return tf.saved_model.load(folder)


def offline(made) -> dict[str, np.ndarray]:
    """The eval rows as Transform wrote them, for training."""
    names = [output.name for output in transformed_features(EVERY_KIND.features)]
    found = {}
    for name in names:
        values = [row.features.feature[name] for row in made.rows("eval")]
        found[name] = np.array([getattr(value, value.WhichOneof("kind")).value for value in values])
    return found


def as_examples() -> tf.Tensor:
    """The rows as a client serializes them; a value that is none is left out."""
    return tf.constant([as_example(row) for row in rows().to_pylist()])


def as_example(row: dict) -> bytes:
    example = tf.train.Example()
    for name in raw_columns(EVERY_KIND.features):
        if row[name] is not None:
            feature, kind = example.features.feature[name], kind_of(name)
            values = {"INT": feature.int64_list, "FLOAT": feature.float_list, "BYTES": feature.bytes_list}[kind]
            values.value.append(row[name].encode() if kind == "BYTES" else row[name])
    return example.SerializeToString()


def as_columns() -> dict[str, tf.Tensor]:
    """The rows as plain columns."""
    types = {"INT": tf.int64, "FLOAT": tf.float32, "BYTES": tf.string}
    table = rows()
    return {
        name: tf.constant(
            [MISSING[kind_of(name)] if value is None else value for value in table[name].to_pylist()],
            types[kind_of(name)],
        )
        for name in raw_columns(EVERY_KIND.features)
    }


def test_serving_transforms_rows_as_training_did(made, served):
    by_server = served.signatures["transform_features"](as_examples())
    by_training = offline(made)
    assert by_server.keys() == by_training.keys()
    for name, values in by_training.items():
        np.testing.assert_array_equal(
            by_server[name].numpy(), values.astype(by_server[name].dtype.as_numpy_dtype), name
        )


def test_all_signatures_score_rows_as_in_training(made, model, served):
    by_example = served.signatures["serving_default"](as_examples())["score"].numpy()
    by_columns = served.signatures["predict_raw"](**as_columns())["score"].numpy()
    np.testing.assert_array_equal(by_example, by_columns)
    kinds = {output.name: output.dtype for output in transformed_features(EVERY_KIND.features)}
    given = {name: tf.constant(values, kinds[name]) for name, values in offline(made).items()}
    np.testing.assert_allclose(by_columns, model(given, training=False).numpy(), rtol=1e-5)
    assert np.isfinite(by_columns).all()


def test_integers_beyond_float_precision_are_distinguished(made):
    found = offline(made)["whole_value_xf"].ravel()
    ids = dict(zip(rows()["whole"].to_pylist(), found.tolist(), strict=True))
    assert len(set(ids.values())) == len(WHOLES) == len(ids)


def test_the_inputs_have_the_types_of_the_columns(served):
    _, inputs = served.signatures["predict_raw"].structured_input_signature
    types = {"INT": tf.int64, "FLOAT": tf.float32, "BYTES": tf.string}
    assert {name: spec.dtype for name, spec in inputs.items()} == {
        name: types[kind_of(name)] for name in raw_columns(EVERY_KIND.features)
    }


@pytest.mark.parametrize(
    ("column", "value"),
    [("real", np.nan), ("real", np.inf), ("real_opt", -np.inf), ("amount", -1.0), ("amount", np.nan), ("amount", -7.0)],
)
def test_every_signature_refuses_an_unusable_number(column, value, served):
    row = {**rows().slice(3, 1).to_pylist()[0], column: value}
    columns = {name: tensor[3:4] for name, tensor in as_columns().items()} | {column: tf.constant([value], tf.float32)}
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"column '{column}'"):
        served.signatures["serving_default"](tf.constant([as_example(row)]))
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"column '{column}'"):
        served.signatures["predict_raw"](**columns)
