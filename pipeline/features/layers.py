"""The parts of a Wide & Deep model, built from a feature table.

Cheng et al., "Wide & Deep Learning for Recommender Systems" (2016), https://arxiv.org/abs/1606.07792.
"""

from collections.abc import Mapping, Sequence

import tensorflow as tf
import tf_keras as keras

from pipeline.features import stateless_random
from pipeline.features.feature import Feature, IdFeature
from pipeline.features.kinds.crossed import Crossed
from pipeline.features.table import transformed_features
from pipeline.label import Label
from pipeline.task.registry import training_of

Tensors = dict[str, tf.Tensor]


class HideIds(keras.layers.Layer):
    """Replace ids by given ones in a random share ``rate`` of the rows, in training only.

    Inputs and outputs are lists of tensors, each (batch, 1) int64.
    """

    def __init__(self, rate: float, replacements: Sequence[int], seed: int = 0, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.rate = rate
        self.replacements = tuple(replacements)
        self.seed = seed

    def call(self, ids: list[tf.Tensor], training: bool = False) -> list[tf.Tensor]:
        """Hide ids in training only."""
        if not training:
            return [tf.identity(tensor) for tensor in ids]
        hidden = stateless_random.uniform(tf.shape(ids[0])[0], 1, seed=self.seed) < self.rate
        pairs = zip(ids, self.replacements, strict=True)
        return [tf.where(hidden, tf.constant(value, tensor.dtype), tensor) for tensor, value in pairs]

    def get_config(self) -> dict[str, object]:
        """Return the arguments that make this layer again."""
        return {**super().get_config(), "rate": self.rate, "replacements": self.replacements, "seed": self.seed}


class FeatureEmbedding(keras.layers.Embedding):
    """The embedding table of a feature, known by its transformed name: row for row what its ids stand for.

    A warm start moves its rows to their new ids; TensorBoard's projector names them.
    """

    def __init__(self, feature: str, input_dim: int, output_dim: int, **kwargs: object) -> None:
        super().__init__(input_dim, output_dim, **kwargs)
        self.feature = feature

    def get_config(self) -> dict[str, object]:
        """Return the arguments that make this layer again."""
        return {**super().get_config(), "feature": self.feature}


class LinearWeights(keras.layers.Dense):
    """A dense layer of the linear part, which weight decay leaves alone."""


def undecayed_weights(model: keras.Model) -> tuple[str, ...]:
    """Return the names of the weights that must not decay: embeddings, biases, and the linear part.

    A row of a table that a batch does not touch must not shrink for it.
    """
    found = []
    for layer in model.submodules:
        if isinstance(layer, keras.layers.Embedding | LinearWeights):
            found += layer.trainable_weights
        elif isinstance(layer, keras.layers.Layer):
            found += variables_in(getattr(layer, "bias", None))
    return tuple(weight.name for weight in found)


def variables_in(value: object) -> list[tf.Variable]:
    """Return the variables that an attribute holds: itself, the parts of one that is sharded, or none."""
    parts = tf.nest.flatten(value, expand_composites=True)
    return [part for part in parts if isinstance(part, tf.Variable)]


def keras_inputs(features: Sequence[Feature]) -> Tensors:
    """Make one Keras input per transformed column, (batch, width)."""
    return {
        output.name: keras.Input((output.width,), name=output.name, dtype=output.dtype)
        for output in transformed_features(features)
    }


class IdWeights(FeatureEmbedding):
    """The weights of a feature in the linear part: one row per id, as wide as the model's output."""


def embed(layer: FeatureEmbedding, ids: tf.Tensor) -> tf.Tensor:
    """Embed (batch, 1) ids as (batch, width)."""
    return keras.layers.Flatten()(layer(ids))


def penalty(l2: float) -> keras.regularizers.L2 | None:
    """Return the penalty on the squares of a table's weights, none for 0."""
    return keras.regularizers.L2(l2) if l2 else None


def id_weights(feature: IdFeature, width: int, l2: float) -> IdWeights:
    """Return the weights of a feature's ids, which begin with 0."""
    return IdWeights(
        feature.transformed_name, feature.id_count, width, embeddings_initializer="zeros",
        embeddings_regularizer=penalty(l2), name=feature.wide_layer,
    )  # fmt: skip


def id_vectors(feature: IdFeature, l2: float) -> FeatureEmbedding:
    """Return the embedding table of a feature, which begins with small random vectors, or zeros of width 1."""
    start = keras.initializers.RandomNormal(stddev=0.05) if feature.embedding > 1 else "zeros"
    return FeatureEmbedding(
        feature.transformed_name, feature.id_count, feature.embedding, embeddings_initializer=start,
        embeddings_regularizer=penalty(l2), name=feature.deep_layer,
    )  # fmt: skip


def wide_logit(
    features: Sequence[Feature], inputs: Mapping[str, tf.Tensor], l2: float = 0.0, cross_l2: float = 0.0,
    width: int = 1,
) -> tf.Tensor:  # fmt: skip
    """Return the linear part, (batch, width): a weight per id of every wide feature and output, and one per number."""
    weights = [
        embed(
            id_weights(feature, width, cross_l2 if isinstance(feature, Crossed) else l2),
            inputs[feature.transformed_name],
        )
        for feature in features
        if isinstance(feature, IdFeature) and feature.wide
    ]
    numbers = dense_inputs(features, inputs)
    if numbers or not weights:
        weights.append(LinearWeights(width, name="wide_numbers")(keras.layers.Concatenate()(numbers)))
    return keras.layers.Add()(weights)


def embeddings(features: Sequence[Feature], inputs: Mapping[str, tf.Tensor], l2: float = 0.0) -> Tensors:
    """Embed every feature that has an embedding; by transformed name, each (batch, width)."""
    return {
        feature.transformed_name: embed(id_vectors(feature, l2), inputs[feature.transformed_name])
        for feature in features
        if isinstance(feature, IdFeature) and feature.embedding
    }


def dense_inputs(features: Sequence[Feature], inputs: Mapping[str, tf.Tensor]) -> list[tf.Tensor]:
    """Return the inputs that are not ids, such as numbers and multi-hot vectors, which the deep part takes as is."""
    return [inputs[output.name] for output in transformed_features(features) if output.dtype == "float32"]


def factorization(vectors: Sequence[tf.Tensor]) -> tf.Tensor:
    """Return the sum of the dot products of all pairs of vectors, (batch, 1), in linear time.

    Rendle, "Factorization Machines" (2010), equation 5.
    """
    total = keras.layers.Add()(list(vectors))
    squares = keras.layers.Add()([keras.layers.Multiply()([vector, vector]) for vector in vectors])
    pairs = keras.layers.Subtract()([keras.layers.Multiply()([total, total]), squares])
    return keras.layers.Lambda(half_sum, name="factorization")(pairs)


def half_sum(values: tf.Tensor) -> tf.Tensor:
    """Return half the sum over the last axis, (batch, width) to (batch, 1)."""
    return 0.5 * tf.reduce_sum(values, axis=-1, keepdims=True)


def mlp(value: tf.Tensor, units: Sequence[int], dropout: float, seed: int = 0) -> tf.Tensor:
    """Apply dense layers with ReLU and dropout, (batch, any) to (batch, units[-1])."""
    for depth, width in enumerate(units):
        value = keras.layers.Dense(width, activation="relu", name=f"deep_{depth}")(value)
        value = stateless_random.Dropout(dropout, seed=seed + depth, name=f"dropout_{depth}")(value)
    return value


def wide_and_deep(
    features: Sequence[Feature], units: Sequence[int], dropout: float, seed: int,
    embedding_l2: float, wide_l2: float, cross_l2: float, label: Label | None = None,
) -> keras.Model:  # fmt: skip
    """Return the standard model of a table: transformed features to the outputs of its task, (batch, width) float32.

    ``label`` is the table's ``target``; without one the model returns ``score``, a probability.
    """
    label = label or Label("")
    inputs = keras_inputs(features)
    vectors = embeddings(features, inputs, embedding_l2)
    parts = [*vectors.values(), *dense_inputs(features, inputs)]
    # Layers draw their initial weights in the order in which they are made.
    deep = mlp(keras.layers.Concatenate()(parts), units=units, dropout=dropout, seed=seed) if parts else None
    logits = wide_logit(features, inputs, wide_l2, cross_l2, label.task.width)
    if deep is not None:
        logits = keras.layers.Add()([logits, keras.layers.Dense(label.task.width, name="deep_logit")(deep)])
    return keras.Model(inputs, training_of(label).head(logits))
