"""The architecture: a linear side over ids and crosses, a deep side over embeddings and numbers, one logit each."""

import tf_keras as keras

from pipeline.config import Training
from pipeline.features import blocks
from pipeline.features.table import Table


def build_model(table: Table, training: Training) -> keras.Model:
    """Wide & Deep. Inputs are the transformed features; the output ``score`` is a probability, (batch, 1) float32."""
    inputs = blocks.keras_inputs(table.features)
    vectors = blocks.embeddings(table.features, inputs)
    deep = keras.layers.Concatenate()([*vectors.values(), *blocks.dense_inputs(table.features, inputs)])
    deep = blocks.mlp(deep, units=(128, 64), dropout=0.2, seed=training.seed)
    logit = keras.layers.Add()([blocks.wide_logit(table.features, inputs), keras.layers.Dense(1)(deep)])
    return keras.Model(inputs, keras.layers.Activation("sigmoid", name="score")(logit))
