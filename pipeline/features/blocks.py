"""The parts of a Wide & Deep model that follow from a feature table.

Cheng et al., "Wide & Deep Learning for Recommender Systems" (2016), https://arxiv.org/abs/1606.07792.
"""

from collections.abc import Mapping, Sequence

import tensorflow as tf
import tf_keras as keras

from pipeline.features.table import (
    Bucketized,
    Categorical,
    Crossed,
    Feature,
    MultiHot,
    Numeric,
    cardinality,
    missing_name,
    transformed_features,
    transformed_name,
)

Tensors = dict[str, tf.Tensor]


class IdDropout(keras.layers.Layer):
    """Replaces an id by an out-of-vocabulary one with a given rate, in training only.

    Shapes: (batch, 1) int64 in and out.
    """

    def __init__(self, rate: float, replacement: int, seed: int = 0, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.rate = rate
        self.replacement = replacement
        self.seed = seed

    def call(self, ids: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Drops ids in training, passes them otherwise."""
        if not training:
            return ids
        dropped = tf.random.uniform(tf.shape(ids), seed=self.seed) < self.rate
        return tf.where(dropped, tf.constant(self.replacement, ids.dtype), ids)

    def get_config(self) -> dict[str, object]:
        """The arguments that make this layer again."""
        return {**super().get_config(), "rate": self.rate, "replacement": self.replacement, "seed": self.seed}


def keras_inputs(features: Sequence[Feature]) -> Tensors:
    """One Keras input per transformed feature, (batch, width)."""
    return {
        output.name: keras.Input((output.width,), name=output.name, dtype=output.dtype)
        for output in transformed_features(features)
    }


def drop_ids(features: Sequence[Feature], inputs: Mapping[str, tf.Tensor], seed: int) -> Tensors:
    """The inputs, with ids dropped in training where the table says so."""
    outputs = dict(inputs)
    for feature in features:
        if isinstance(feature, Categorical) and feature.dropout:
            name = transformed_name(feature)
            layer = IdDropout(
                feature.dropout, replacement=feature.vocabulary, seed=seed, name=f"{feature.name}_dropout"
            )
            outputs[name] = layer(inputs[name])
    return outputs


def embed(
    feature: Categorical | Bucketized | Crossed, ids: tf.Tensor, width: int, l2: float, prefix: str = ""
) -> tf.Tensor:
    """An embedding of a sparse feature: (batch, 1) ids to (batch, width)."""
    layer = keras.layers.Embedding(
        cardinality(feature),
        width,
        embeddings_initializer=keras.initializers.RandomNormal(stddev=0.05) if width > 1 else "zeros",
        embeddings_regularizer=BatchL2(l2) if l2 else None,
        name=f"{prefix}{transformed_name(feature)}",
    )
    return keras.layers.Flatten()(layer(ids))


class BatchL2(keras.regularizers.Regularizer):
    """L2 over a table of weights, ``factor * sum(w ** 2)``."""

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def __call__(self, weights: tf.Tensor) -> tf.Tensor:
        """The penalty, a scalar."""
        return self.factor * tf.reduce_sum(tf.square(weights))

    def get_config(self) -> dict[str, float]:
        """The arguments that make this regularizer again."""
        return {"factor": self.factor}


def wide_logit(features: Sequence[Feature], inputs: Mapping[str, tf.Tensor], l2: float = 0.0) -> tf.Tensor:
    """The linear side, (batch, 1): a weight per id of every feature marked wide and of every cross."""
    weights = [
        embed(feature, inputs[transformed_name(feature)], 1, l2, prefix="wide_")
        for feature in features
        if isinstance(feature, Crossed) or (isinstance(feature, Categorical | Bucketized) and feature.wide)
    ]
    weights += [inputs[transformed_name(feature)] for feature in features if isinstance(feature, MultiHot)]
    return keras.layers.Dense(1, name="wide_logit")(keras.layers.Concatenate()(weights))


def embeddings(features: Sequence[Feature], inputs: Mapping[str, tf.Tensor], l2: float = 0.0) -> Tensors:
    """Every feature with an embedding, by its raw name, each (batch, width)."""
    return {
        transformed_name(feature): embed(feature, inputs[transformed_name(feature)], feature.embedding, l2, "deep_")
        for feature in features
        if isinstance(feature, Categorical | Bucketized) and feature.embedding
    }


def dense_inputs(features: Sequence[Feature], inputs: Mapping[str, tf.Tensor]) -> list[tf.Tensor]:
    """Numbers, their missing flags and multi-hot vectors: what goes into the deep side as it is."""
    names: list[str] = []
    for feature in features:
        if isinstance(feature, Numeric | MultiHot):
            names.append(transformed_name(feature))
        if isinstance(feature, Numeric) and feature.optional:
            names.append(missing_name(feature))
    return [inputs[name] for name in names]


def mlp(value: tf.Tensor, units: Sequence[int], dropout: float, seed: int = 0) -> tf.Tensor:
    """A tower of dense layers with activations, (batch, any) to (batch, units[-1])."""
    for depth, width in enumerate(units):
        value = keras.layers.Dense(width, activation="relu", name=f"deep_{depth}")(value)
        value = keras.layers.Dropout(dropout, seed=seed + depth)(value)
    return value
