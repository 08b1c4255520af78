import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from fakes import transformed_rows
from fakes.processes import Forked
from tensorflow.python.distribute.sharded_variable import ShardedVariable

from pipeline.config.training import Training
from pipeline.features.layers import FeatureEmbedding, undecayed_weights
from pipeline.training.optimizer import make_optimizer, schedule

PEAK = 0.01


def decay_on_two_devices(path: str) -> None:
    """Write the weights of both copies of a model after three steps; without gradients only decay changes a weight."""
    (cpu,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with strategy.scope():
        ids = keras.Input((1,), dtype="int64")
        vector = keras.layers.Flatten()(FeatureEmbedding("a", 2, 1, embeddings_initializer="ones", name="deep_a")(ids))
        made = keras.layers.Dense(1, kernel_initializer="ones", bias_initializer="ones", name="deep_0")
        model = keras.Model(ids, made(vector))
        settings = Training(epochs=1, batch_size=2, learning_rate=0.1, weight_decay=1.0, warmup_share=0.0)
        optimizer = make_optimizer(settings, 10, undecayed_weights(model))
        optimizer.build(model.trainable_variables)

    @tf.function
    def step():
        optimizer.apply_gradients([(tf.zeros(weight.shape), weight) for weight in model.trainable_variables])

    for _ in range(3):
        strategy.run(step)
    copies = {weight.name: strategy.experimental_local_results(weight) for weight in model.trainable_variables}
    found = {name: [copy.numpy().ravel().tolist() for copy in values] for name, values in copies.items()}
    Path(path).write_text(json.dumps(found), encoding="utf-8")


def training(**changes) -> Training:
    return Training(**{"epochs": 1, "batch_size": 8, "learning_rate": PEAK, "warmup_share": 0.1, **changes})


def rates(settings, total_steps, *steps) -> list[float]:
    rate = schedule(settings, total_steps)
    return [float(rate(step)) for step in steps]


def test_the_rate_climbs_from_zero_to_the_peak_and_falls_to_zero():
    assert rates(training(), 1000, 0, 50, 100, 1000) == pytest.approx([0.0, PEAK / 2, PEAK, 0.0], abs=1e-8)


def test_the_fall_is_a_cosine():
    steps = (325, 550, 775)
    expected = [PEAK * (1 + np.cos(np.pi * (step - 100) / 900)) / 2 for step in steps]
    assert rates(training(), 1000, *steps) == pytest.approx(expected, rel=1e-4)


def test_the_rate_stays_at_zero_after_the_end():
    assert rates(training(), 1000, 1001, 5000) == pytest.approx([0.0, 0.0], abs=1e-8)


def test_no_warm_up_still_has_one_step_of_it():
    assert rates(training(warmup_share=0.0), 10, 0, 1) == pytest.approx([0.0, PEAK])


def test_all_warm_up_reaches_the_peak_at_the_end():
    assert rates(training(warmup_share=1.0), 10, 5, 10) == pytest.approx([PEAK / 2, PEAK])


@pytest.mark.parametrize("total_steps", [1, 2, 3])
def test_a_run_of_few_steps_has_finite_rates(total_steps):
    assert np.isfinite(rates(training(), total_steps, *range(total_steps + 1))).all()


def test_adam_and_adamw_by_name():
    adam = make_optimizer(training(optimizer="adam"), 100)
    adamw = make_optimizer(training(optimizer="adamw", weight_decay=0.1), 100)
    assert type(adam) is keras.optimizers.Adam
    assert type(adamw) is keras.optimizers.AdamW
    assert (adam.weight_decay, adamw.weight_decay) == (None, 0.1)


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_the_norm_of_all_gradients_is_clipped(name):
    optimizer = make_optimizer(training(optimizer=name, clip_norm=1.0), 100)
    variables = [tf.Variable([0.0, 0.0]), tf.Variable([0.0])]
    gradients = [tf.constant([30.0, 0.0]), tf.constant([40.0])]
    optimizer.build(variables)
    clipped = optimizer._clip_gradients(gradients)
    assert [gradient.numpy().tolist() for gradient in clipped] == [pytest.approx([0.6, 0.0]), pytest.approx([0.8])]


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_nothing_is_clipped_unless_asked(name):
    assert make_optimizer(training(optimizer=name), 100).global_clipnorm is None


def test_kernels_decay_and_embeddings_biases_and_the_wide_side_do_not():
    names = ("deep_0/kernel:0", "deep_0/bias:0", "city_xf/embeddings:0", "wide_numbers/kernel:0")
    variables = [tf.Variable([1.0], name=name.removesuffix(":0")) for name in names]
    optimizer = make_optimizer(training(weight_decay=0.5, warmup_share=0.0), 10, names[1:])
    optimizer.build(variables)
    for _ in range(3):
        optimizer.apply_gradients([(tf.zeros([1]), variable) for variable in variables])
    kernel, *others = (float(variable[0]) for variable in variables)
    assert kernel < 1.0
    assert others == [1.0, 1.0, 1.0]


def test_of_a_wide_and_deep_model_only_the_kernels_of_the_deep_part_decay():
    model = transformed_rows.build_model()
    names = {weight.name for weight in model.trainable_weights}
    assert names - set(undecayed_weights(model)) == {"deep_0/kernel:0", "deep_1/kernel:0", "deep_logit/kernel:0"}
    assert set(undecayed_weights(model)) < names


def test_copies_on_further_devices_decay_as_the_first(tmp_path):
    process = Forked(decay_on_two_devices, str(tmp_path / "copies.json"))
    printed, _ = process.communicate(timeout=180)
    assert process.returncode == 0, printed[-2000:]
    copies = json.loads((tmp_path / "copies.json").read_text(encoding="utf-8"))
    assert copies["deep_0/bias:0"] == [[1.0], [1.0]]
    assert copies["deep_a/embeddings:0"] == [[1.0, 1.0], [1.0, 1.0]]
    (first,), (second,) = copies["deep_0/kernel:0"]
    assert first == second < 1.0


class Biased(keras.layers.Layer):
    """A layer of a user, whose ``bias`` may be anything."""

    def __init__(self, bias, **kwargs) -> None:
        super().__init__(**kwargs)
        self.bias = bias


@pytest.mark.parametrize("bias", [True, "zeros", 0.5, None, ["a"]])
def test_a_bias_that_is_no_variable_is_passed_over(bias):
    model = keras.Sequential([keras.Input((2,)), Biased(bias), keras.layers.Dense(1, name="last")])
    assert undecayed_weights(model) == ("last/bias:0",)


def test_a_bias_in_parts_does_not_decay():
    parts = [tf.Variable([1.0], name=f"own/bias/part_{index}") for index in range(2)]
    model = keras.Sequential([Biased(ShardedVariable(parts, name="own/bias"))])
    assert undecayed_weights(model) == ("own/bias/part_0:0", "own/bias/part_1:0")


def test_the_optimizer_follows_the_schedule():
    optimizer = make_optimizer(training(optimizer="adam", warmup_share=0.5), 4)
    variable = tf.Variable([0.0])
    steps = []
    for _ in range(4):
        before = float(variable[0])
        optimizer.apply_gradients([(tf.ones([1]), variable)])
        steps.append(before - float(variable[0]))
    assert steps == pytest.approx([0.0, PEAK / 2, PEAK, PEAK / 2], abs=1e-5)
