"""Names each private part of tf_keras that is gone."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from components.compat.tensorflow import exclude_from_autograph
from components.compat.tf_keras import ResumableModel, is_functional, origin_of


@pytest.fixture
def model():
    """One dense layer over the concatenation of two inputs."""
    inputs = [keras.Input((1,), name="a"), keras.Input((2,), name="b")]
    output = keras.layers.Dense(1, name="score")(keras.layers.Concatenate(name="both")(inputs))
    return ResumableModel(inputs, output)


class Steps(keras.callbacks.Callback):
    """The batches that ``fit`` computes, by epoch."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append((self.epoch, batch))


def rows() -> tf.data.Dataset:
    return tf.data.Dataset.from_tensors(((np.ones((4, 1)), np.ones((4, 2))), np.ones((4, 1)))).repeat()


def test_fit_begins_within_an_epoch(model):
    model.compile("sgd", "mse")
    model.steps_done, steps = 7, Steps()
    model.fit(rows(), initial_epoch=1, epochs=3, steps_per_epoch=5, callbacks=[steps], verbose=0)
    assert steps.seen == [(1, 2), (1, 3), (1, 4), (2, 0), (2, 1), (2, 2), (2, 3), (2, 4)]


def test_a_training_function_of_ones_own_counts_its_steps(model):
    model.compile("sgd", "mse", steps_per_execution=2)
    before = int(model._train_counter)
    model.count_step()
    assert (int(model.steps_per_call), int(model._train_counter) - before) == (2, 1)


def test_a_model_without_parameter_servers_is_not_coordinated(model):
    model.compile("sgd", "mse")
    assert not model.is_coordinated


def test_functional_models_are_told_from_others(model):
    class Subclassed(keras.Model):
        """A model of no graph."""

    assert is_functional(model)
    assert not is_functional(Subclassed())


def test_the_layer_that_a_tensor_comes_from_is_found(model):
    layer, index = origin_of(model.output)
    assert (layer.name, index) == ("score", 0)
    assert [origin_of(tensor)[0].name for tensor in origin_of(layer.input)[0].input] == ["a", "b"]


def test_autograph_leaves_keras_as_it_is():
    from tensorflow.python.autograph.core import config
    from tensorflow.python.autograph.impl import conversion

    exclude_from_autograph("tf_keras")
    rules = list(map(str, config.CONVERSION_RULES))
    exclude_from_autograph("tf_keras")
    assert conversion.is_allowlisted(keras.layers.Dense.call)
    assert list(map(str, config.CONVERSION_RULES)) == rules
