"""The binary task is what models did before there were tasks: a sigmoid on one logit, and its cross-entropy."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from fakes import small_training

from pipeline.config.training import Training
from pipeline.errors import MainlineError
from pipeline.features import layers
from pipeline.features.layers import IdWeights, wide_and_deep
from pipeline.label import Label
from pipeline.task.registry import training_of
from pipeline.training.diagnostics.probe import embeddings
from pipeline.training.input.batches import label_weights
from pipeline.training.loop import check_output

LABEL = Label("y")
TASK = training_of(LABEL)
FEATURES = small_training.TABLE.features
PENALTIES = {"embedding_l2": 1e-5, "wide_l2": 1e-4, "cross_l2": 1e-3}


def built_by_hand() -> keras.Model:
    """Wide & Deep for one probability, written out."""
    inputs = layers.keras_inputs(FEATURES)
    vectors = [
        table(feature, feature.embedding, 1e-5, feature.deep_layer)(inputs[feature.transformed_name])
        for feature in FEATURES
        if getattr(feature, "embedding", 0)
    ]
    parts = keras.layers.Concatenate()([*map(flat, vectors), inputs["x_xf"], inputs["z_xf"]])
    deep = layers.mlp(parts, units=(8,), dropout=0.2, seed=3)
    weights = [
        table(feature, 1, 1e-3 if feature.transformed_name == "x_bucket_x_city_xf" else 1e-4, feature.wide_layer)(
            inputs[feature.transformed_name]
        )
        for feature in FEATURES
        if getattr(feature, "wide", False)
    ]
    numbers = keras.layers.Concatenate()([inputs["x_xf"], inputs["z_xf"]])
    wide = keras.layers.Add()([*map(flat, weights), layers.LinearWeights(1, name="wide_numbers")(numbers)])
    logit = keras.layers.Add()([wide, keras.layers.Dense(1, name="deep_logit")(deep)])
    return keras.Model(inputs, keras.layers.Activation("sigmoid", dtype="float32", name="score")(logit))


def table(feature, width: int, l2: float, name: str) -> keras.layers.Layer:
    start = keras.initializers.RandomNormal(stddev=0.05) if width > 1 else "zeros"
    return keras.layers.Embedding(
        feature.id_count, width, embeddings_initializer=start, embeddings_regularizer=keras.regularizers.L2(l2),
        name=name,
    )  # fmt: skip


def flat(value: tf.Tensor) -> tf.Tensor:
    return keras.layers.Flatten()(value)


def standard(**label) -> keras.Model:
    keras.utils.set_random_seed(7)
    return wide_and_deep(FEATURES, (8,), 0.2, 3, **PENALTIES, **label)


def test_the_standard_model_has_the_weights_and_scores_of_one_written_out():
    keras.utils.set_random_seed(7)
    expected = built_by_hand()
    for model in (standard(), standard(label=LABEL)):
        assert [weight.name for weight in model.weights] == [weight.name for weight in expected.weights]
        for one, other in zip(model.get_weights(), expected.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)
        rows = {name: tf.ones((3, 1), tensor.dtype) for name, tensor in layers.keras_inputs(FEATURES).items()}
        np.testing.assert_array_equal(model(rows), expected(rows))
        assert float(tf.add_n(model.losses)) == float(tf.add_n(expected.losses))


def test_losses_are_those_of_keras():
    labels, scores = tf.constant([[0], [1], [1]], tf.int64), tf.constant([[0.2], [0.9], [0.0]])
    expected = keras.losses.binary_crossentropy(tf.cast(labels, tf.float32), scores)
    np.testing.assert_array_equal(TASK.losses(labels, scores), expected)


def test_the_monitor_is_one_of_the_metrics():
    assert [metric.name for metric in TASK.metrics()] == ["auc", "log_loss"]
    assert TASK.monitor == "log_loss"
    assert TASK.metrics()[0] is not TASK.metrics()[0]


def test_the_signature_returns_the_output_under_the_name_that_evaluation_reads():
    output = tf.constant([[0.25]])
    assert TASK.outputs(output)[LABEL.task.prediction_key] is output


def test_rows_weigh_by_their_class_or_alike():
    weights = TASK.class_weights(Training(epochs=1, batch_size=1, learning_rate=0.1, class_weights=(1.0, 3.0)))
    assert label_weights(tf.constant([1, 0], tf.int64), weights).numpy().tolist() == [3.0, 1.0]
    assert label_weights(tf.constant([7.5, 0.0]), None).numpy().tolist() == [1.0, 1.0]


def test_a_model_of_another_width_is_refused_before_it_is_trained():
    inputs = keras.Input((1,))
    two = keras.Model(inputs, keras.layers.Dense(2)(inputs))
    with pytest.raises(MainlineError, match="the model does not fit a binary label") as caught:
        check_output(two, LABEL)
    assert (caught.value.expected, caught.value.received) == ("an output of the shape (None, 1)", "(None, 2)")


def test_weights_of_a_linear_part_of_several_outputs_are_no_embeddings():
    inputs = layers.keras_inputs(FEATURES)
    model = keras.Model(inputs, layers.wide_logit(FEATURES, inputs, width=3))
    wide = [layer for layer in model.layers if isinstance(layer, IdWeights)]
    assert model.output.shape[1] == 3
    assert {layer.output_dim for layer in wide} == {3}
    assert not any(layer.get_weights()[0].any() for layer in wide)
    assert embeddings(model) == []
