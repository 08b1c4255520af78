"""The architecture: a linear side over ids and crosses, a deep side over embeddings and numbers, and all pairs."""

from dataclasses import dataclass

import tf_keras as keras

from pipeline.config.training import Training
from pipeline.features import layers
from pipeline.features.kinds.categorical import Categorical
from pipeline.features.kinds.crossed import Crossed
from pipeline.features.table import Table
from pipeline.workloads.recommender.features import WIDTH

# The model is built around these columns, so no config may leave them out.
REQUIRED_COLUMNS = ("user_id", "item_id", "genres")


@dataclass(frozen=True)
class Settings:
    """The keys of ``training.model`` in a config.

    ``user_dropout`` is the share of training rows whose user is hidden, so that the model learns to score new users.
    """

    user_dropout: float = 0.0
    dropout: float = 0.2
    embedding_l2: float = 1e-4
    side_l2: float = 5e-5
    wide_l2: float = 2e-5
    cross_l2: float = 1e-4


def build_model(table: Table, training: Training) -> keras.Model:
    """Wide & Deep with a factorization machine over the wide embeddings (Guo et al., DeepFM, 2017).

    Inputs are the transformed features, (batch, width); the output ``score`` is a probability, (batch, 1) float32.
    """
    settings = Settings(**training.model)
    inputs = layers.keras_inputs(table.features)
    known = hide_users(table, inputs, settings.user_dropout, training.seed)
    vectors = embeddings(table, known, settings)
    genres = keras.layers.Dense(WIDTH, use_bias=False, name="genres")(known["genres_xf"])
    pairs = [vector for vector in vectors.values() if vector.shape[-1] == WIDTH]
    user, item = vectors["user_id_xf"], vectors["item_id_xf"]
    matches = [keras.layers.Multiply()([user, item]), keras.layers.Multiply()([user, genres])]
    deep = keras.layers.Concatenate()([*vectors.values(), *layers.dense_inputs(table.features, known), *matches])
    deep = layers.mlp(deep, units=(64, 32), dropout=settings.dropout, seed=training.seed)
    logit = keras.layers.Add()([
        layers.wide_logit(table.features, known, settings.wide_l2, settings.cross_l2),
        layers.factorization([*pairs, genres]),
        keras.layers.Dense(1, name="deep_logit")(deep),
    ])  # fmt: skip
    return keras.Model(inputs, keras.layers.Activation("sigmoid", dtype="float32", name="score")(logit))


def embeddings(table: Table, inputs: layers.Tensors, settings: Settings) -> layers.Tensors:
    """Embed the features; ids are regularized more than features of few values."""
    ids = [feature for feature in table.features if isinstance(feature, Categorical) and not feature.closed]
    others = [feature for feature in table.features if feature not in ids]
    return {
        **layers.embeddings(ids, inputs, settings.embedding_l2),
        **layers.embeddings(others, inputs, settings.side_l2),
    }


def hide_users(table: Table, inputs: layers.Tensors, rate: float, seed: int) -> layers.Tensors:
    """Replace the user's id and its crosses by an unknown one in a share ``rate`` of the training rows."""
    if not rate:
        return inputs
    ids = {
        feature.transformed_name: feature.vocabulary if isinstance(feature, Categorical) else 0
        for feature in table.features
        if (isinstance(feature, Categorical) and feature.name == "user_id")
        or (isinstance(feature, Crossed) and "user_id" in feature.names)
    }
    hidden = layers.HideIds(rate, tuple(ids.values()), seed=seed, name="hide_users")([inputs[name] for name in ids])
    return {**inputs, **dict(zip(ids, hidden, strict=True))}
