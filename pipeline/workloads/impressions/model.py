"""The architecture: a linear side over ids and crosses, a deep side over embeddings and numbers, one logit each."""

from dataclasses import dataclass

import tf_keras as keras

from pipeline.config.training import Training
from pipeline.features import layers
from pipeline.features.table import Table


@dataclass(frozen=True)
class Settings:
    """The keys of ``training.model`` in a config."""

    dropout: float = 0.1
    embedding_l2: float = 1e-4
    wide_l2: float = 3e-5
    cross_l2: float = 1e-5


def build_model(table: Table, training: Training) -> keras.Model:
    """Wide & Deep. Inputs are the transformed features; the output ``score`` is a probability, (batch, 1) float32."""
    settings = Settings(**training.model)
    return layers.wide_and_deep(
        table.features, units=(64, 32), dropout=settings.dropout, seed=training.seed,
        embedding_l2=settings.embedding_l2, wide_l2=settings.wide_l2, cross_l2=settings.cross_l2,
        label=table.target,
    )  # fmt: skip
