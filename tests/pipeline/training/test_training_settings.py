"""A model can be trained with every setting, and the export does not depend on it."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from fakes import small_training

from pipeline.config.training import Training
from pipeline.errors import MainlineError
from pipeline.features import stateless_random
from pipeline.features.stateless_random import BatchPosition, Dropout
from pipeline.task.registry import training_of
from pipeline.training import loop
from pipeline.training.optimizer import layers_compute_in
from pipeline.training.training_model import TrainingModel, total

DROPPING = {"model": {"dropout": 0.3}}


@dataclass(frozen=True)
class Traced:
    """A training's record and scores, and how often its step was traced."""

    record: dict
    scores: np.ndarray
    traces: int


@pytest.fixture(scope="module")
def traced(world, tmp_path_factory) -> dict[int, Traced]:
    """Trainings with the default settings, by the number of steps per execution."""
    return {steps: fit_and_count(world, tmp_path_factory.mktemp("traced"), steps) for steps in (1, 4)}


def fit_and_count(world, out, steps) -> Traced:
    traces, update = [], TrainingModel.update
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TrainingModel, "update", lambda model, data: traces.append(model.name) or update(model, data))
        record = small_training.fit(world, out, **DROPPING, steps_per_execution=steps)
    return Traced(record, small_training.scores(world, out), len(traces))


@pytest.fixture(scope="module")
def plain(traced) -> Traced:
    """A training with the default settings."""
    return traced[1]


@pytest.mark.parametrize(
    ("knobs", "within"),
    [
        ({"accumulation_steps": 3}, 1e-5),
        ({"steps_per_execution": 7}, 1e-5),
        ({"strategy": "mirrored"}, 1e-5),
        ({"jit_compile": True}, 0.1),
        ({"precision": "bfloat16"}, 0.05),
        ({"precision": "float16"}, 0.05),
        ({"precision": "float16", "accumulation_steps": 2, "steps_per_execution": 3, "clip_norm": 5.0}, 0.1),
    ],
    ids=str,
)
def test_a_knob_trains_nearly_the_same_model_and_exports_a_plain_one(world, tmp_path, plain, knobs, within):
    small_training.fit(world, tmp_path, **DROPPING, **knobs)
    np.testing.assert_allclose(small_training.scores(world, tmp_path), plain.scores, atol=within)
    assert keras.mixed_precision.global_policy().name == "float32"
    saved = tf.saved_model.load(str(tmp_path / "model"))
    assert {variable.dtype for variable in saved.weights} == {tf.float32}
    assert set(saved.signatures) == {"serving_default", "predict_raw", "transform_features"}
    output = saved.signatures["serving_default"].structured_outputs["score"]
    assert (output.dtype, output.shape.as_list()) == (tf.float32, [None, 1])


@pytest.mark.parametrize("steps", [1, 4])
def test_a_step_is_traced_once(traced, steps):
    assert traced[steps].traces == 1


def test_several_steps_a_call_count_every_row_into_the_metrics(traced):
    for name, values in traced[1].record["history"].items():
        assert traced[4].record["history"][name] == pytest.approx(values, rel=1e-4), name


def test_a_compiled_step_computes_the_same(world, tmp_path):
    """Without dropout, for which XLA draws other numbers."""
    for name, compiled in (("plain", False), ("compiled", True)):
        small_training.fit(world, tmp_path / name, jit_compile=compiled)
    scores = [small_training.scores(world, tmp_path / name) for name in ("plain", "compiled")]
    np.testing.assert_allclose(*scores, atol=1e-4)


def batch(rows=20) -> tuple:
    draw = np.random.default_rng(0)
    features = {
        "x_xf": draw.normal(size=(rows, 1)).astype(np.float32),
        "z_xf": draw.normal(size=(rows, 1)).astype(np.float32),
        "x_bucket_xf": draw.integers(9, size=(rows, 1)),
        "city_xf": draw.integers(4, size=(rows, 1)),
        "x_bucket_x_city_xf": draw.integers(6000, size=(rows, 1)),
    }
    weights = draw.random(rows).astype(np.float32)
    return tf.nest.map_structure(tf.constant, (features, draw.integers(2, size=(rows, 1)), weights))


def stepped(parts, precision="float32", steps=3) -> list[np.ndarray]:
    keras.utils.set_random_seed(0)
    settings = Training(**{**small_training.SETTINGS, **DROPPING})
    with layers_compute_in(precision):
        model = small_training.build_model(small_training.TABLE, settings)
        model = TrainingModel(model, training_of(small_training.TABLE.target).losses, 20, parts)
    model.compile(keras.optimizers.SGD(0.1), weighted_metrics=[])
    for _ in range(steps):
        model.train_step(batch())
    return model.get_weights()


@pytest.mark.parametrize("parts", [3, 20, 25])
def test_gradient_accumulation_gives_the_same_weights(parts):
    """Also with more parts than rows, so that some are empty, and with dropout."""
    for cut, whole in zip(stepped(parts), stepped(1), strict=True):
        np.testing.assert_allclose(cut, whole, atol=1e-6)


def test_sparse_gradients_stay_sparse():
    part = tf.IndexedSlices(tf.ones((1, 2)), tf.constant([3]), tf.constant([5, 2]))
    found = total([part, part])
    assert isinstance(found, tf.IndexedSlices)
    np.testing.assert_array_equal(tf.convert_to_tensor(found)[3], [2.0, 2.0])
    assert total([None, None]) is None
    np.testing.assert_array_equal(total([part, tf.ones((5, 2))])[3], [2.0, 2.0])


def test_a_model_whose_score_is_not_float32_is_refused(world, tmp_path, monkeypatch):
    build_model = small_training.build_model

    def build(table, training):
        inner = build_model(table, training)
        return keras.Model(inner.input, keras.layers.Dense(1, activation="sigmoid")(inner.output))

    monkeypatch.setattr(small_training, "build_model", build)
    with pytest.raises(MainlineError, match="the score is not float32") as caught:
        small_training.fit(world, tmp_path, precision="float16")
    assert caught.value.received == "float16"
    assert keras.mixed_precision.global_policy().name == "float32"


def test_class_weights_lift_the_scores_of_their_class(world, tmp_path, plain):
    small_training.fit(world, tmp_path, **DROPPING, class_weights=[1.0, 5.0])
    assert small_training.scores(world, tmp_path).mean() > plain.scores.mean() + 0.05


@pytest.fixture(scope="module")
def weighted(world, tmp_path_factory):
    """The folder and the record of a training on weighted rows, all in one file."""
    folder = tmp_path_factory.mktemp("weighted")
    return folder, small_training.fit(in_one_file(world, folder / "rows"), folder, small_training.WEIGHTED)


def in_one_file(world, copy, change=lambda serialized: serialized):
    """Copy rows and what belongs to them, and change each row."""
    for split in ("train", "eval"):
        examples = [change(example) for path in sorted((world / split).iterdir()) for example in read(path)]
        small_training.write_examples(copy / split, examples, shards=1)
    for name in ("transform", "schema.pbtxt"):
        (copy / name).symlink_to(world / name)
    return copy


def test_rows_of_weight_zero_do_not_count(world, tmp_path, weighted):
    """Inverting the labels of rows of weight 0 must not change the model."""
    spoilt = in_one_file(world, tmp_path / "rows", turned)
    record = small_training.fit(spoilt, tmp_path, small_training.WEIGHTED)
    assert record["history"] == {name: pytest.approx(curve) for name, curve in weighted[1]["history"].items()}
    scores = [small_training.scores(world, folder) for folder in (tmp_path, weighted[0])]
    np.testing.assert_allclose(*scores, atol=1e-6)


def read(path) -> list[bytes]:
    return list(tf.data.TFRecordDataset(str(path), compression_type="GZIP").as_numpy_iterator())


def turned(serialized) -> bytes:
    example = tf.train.Example.FromString(serialized)
    if example.features.feature["w_xf"].float_list.value[0] == 0:
        label = example.features.feature["y_xf"].int64_list
        label.value[0] = 1 - label.value[0]
    return example.SerializeToString()


def test_the_weight_is_no_input_of_what_serves(weighted):
    signature = tf.saved_model.load(str(weighted[0] / "model")).signatures["predict_raw"]
    assert set(signature.structured_input_signature[1]) == {"x", "z", "city"}


def test_the_val_loss_is_that_of_the_rows_whatever_the_padding(world, tmp_path):
    """53 eval rows in batches of 20: seven rows are padding."""
    history = small_training.fit(world, tmp_path, epochs=1)["history"]
    (loss,), (log_loss,) = history["val_loss"], history["val_log_loss"]
    assert loss == pytest.approx(log_loss, abs=1e-3)


def test_an_empty_split_is_reported(world, tmp_path):
    arguments = small_training.fn_args(world, tmp_path)
    arguments.eval_files = []
    with pytest.raises(MainlineError, match="the eval split has no rows"):
        loop.train(arguments, small_training.TABLE, small_training.build_model)


def test_dropout_draws_by_seed_step_and_row():
    layer, ones = Dropout(0.4, seed=3), tf.ones((6, 50))

    def drawn(values, step=0, first=0):
        with stateless_random.at(BatchPosition(tf.constant(step), tf.constant(first), 6)):
            return layer(values, training=True).numpy()

    whole = drawn(ones)
    np.testing.assert_array_equal(drawn(ones), whole)
    np.testing.assert_array_equal(drawn(ones[:2], first=4), whole[4:])
    assert (drawn(ones, step=1) != whole).any()
    assert (whole[0] != whole[1]).any()
    assert set(np.unique(whole)) == {np.float32(0.0), np.float32(1 / 0.6)}
    assert whole.mean() == pytest.approx(1.0, abs=0.2)
    np.testing.assert_array_equal(layer(ones), ones)


def test_layers_of_neighbouring_seeds_draw_apart():
    draws = [stateless_random.uniform(tf.constant(4), 500, seed).numpy().ravel() for seed in (0, 1)]
    assert abs(np.corrcoef(*draws)[0, 1]) < 4 / math.sqrt(2000)
