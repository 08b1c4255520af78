"""The architecture: a linear side over ids and crosses, a deep side over embeddings and numbers, one logit each."""

import tf_keras as keras

from pipeline.config import Training
from pipeline.features import blocks
from pipeline.features.table import Table


def build_model(table: Table, training: Training) -> keras.Model:
    """Wide & Deep; the deep side also sees the product of the user's and the item's embedding.

    Inputs are the transformed features, (batch, width); the output ``score`` is a probability, (batch, 1) float32.
    """
    features = table.features
    inputs = blocks.keras_inputs(features)
    known = blocks.drop_ids(features, inputs, training.seed)
    vectors = blocks.embeddings(features, known, l2=1e-6)
    match = keras.layers.Multiply(name="user_x_item")([vectors["user_id_xf"], vectors["item_id_xf"]])
    deep = keras.layers.Concatenate()([*vectors.values(), *blocks.dense_inputs(features, known), match])
    deep = blocks.mlp(deep, units=(64, 32), dropout=0.3, seed=training.seed)
    logit = keras.layers.Add()([blocks.wide_logit(features, known, l2=1e-6), keras.layers.Dense(1)(deep)])
    return keras.Model(inputs, keras.layers.Activation("sigmoid", name="score")(logit))
