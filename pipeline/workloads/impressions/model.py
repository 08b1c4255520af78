"""The architecture: a linear side over ids and crosses, a deep side over embeddings and numbers, one logit each."""

from dataclasses import dataclass

import tf_keras as keras

from pipeline.features import blocks
from pipeline.features.table import Table
from pipeline.training_config import Training


@dataclass(frozen=True)
class Settings:
    """What ``training.model`` in a config may set."""

    dropout: float = 0.1
    embedding_l2: float = 1e-4
    wide_l2: float = 3e-5
    cross_l2: float = 1e-5


def build_model(table: Table, training: Training) -> keras.Model:
    """Wide & Deep. Inputs are the transformed features; the output ``score`` is a probability, (batch, 1) float32."""
    settings = Settings(**training.model)
    inputs = blocks.keras_inputs(table.features)
    vectors = blocks.embeddings(table.features, inputs, settings.embedding_l2)
    deep = keras.layers.Concatenate()([*vectors.values(), *blocks.dense_inputs(table.features, inputs)])
    deep = blocks.mlp(deep, units=(64, 32), dropout=settings.dropout, seed=training.seed)
    logit = keras.layers.Add()(
        [
            blocks.wide_logit(table.features, inputs, settings.wide_l2, settings.cross_l2),
            keras.layers.Dense(1, name="deep_logit")(deep),
        ]
    )
    return keras.Model(inputs, keras.layers.Activation("sigmoid", dtype="float32", name="score")(logit))
