"""Inspection of a model on a fixed batch: gradients, activations, dead units, and the spread of embeddings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tf_keras as keras

from components.compat.tf_keras import is_functional
from pipeline.features import stateless_random
from pipeline.features.layers import IdWeights

Batch: TypeAlias = tuple[Any, ...]
Losses: TypeAlias = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
Array: TypeAlias = npt.NDArray[Any]
Layers: TypeAlias = list[keras.layers.Layer]
T = TypeVar("T")

# Layers that compute nothing of their own, and tables, of which the rows are inspected instead of the outputs.
UNINSPECTED = (
    keras.layers.InputLayer, keras.layers.Embedding, keras.layers.Flatten, keras.layers.Reshape,
    keras.layers.Concatenate, keras.layers.Dropout, stateless_random.Dropout,
)  # fmt: skip


@dataclass(frozen=True)
class EmbeddingSpread:
    """The spread around their mean of the rows of an embedding table that a batch reads.

    ``distance`` is the mean distance to the mean vector, ``mean_norm`` the length of that vector. ``effective_rank``
    is between 1 and the width: the exponential of the entropy of the singular values (Roy & Vetterli, "The Effective
    Rank", 2007).
    """

    rows: int
    distance: float
    mean_norm: float
    effective_rank: float


@dataclass(frozen=True)
class DeadUnits:
    """The number of units of a ReLU layer, of all, that are 0 for every row of the batch."""

    units: int
    of: int


@dataclass(frozen=True)
class Inspection:
    """The state of a model: ``gradients`` by variable; ``activations`` (rows, ...) and the rest by layer.

    ``loss`` is the mean loss of the batch without regularization.
    """

    rows: int
    loss: float
    gradients: Mapping[str, Array]
    activations: Mapping[str, Array]
    dead: Mapping[str, DeadUnits]
    spreads: Mapping[str, EmbeddingSpread]

    @property
    def gradient_norm(self) -> float:
        """The norm of all gradients as one vector."""
        squares = (float(np.sum(np.square(gradient, dtype=np.float64))) for gradient in self.gradients.values())
        return float(np.sqrt(sum(squares)))


class Probe:
    """Inspects a model on a batch: (features, label) or (features, label, sample weight).

    ``losses`` returns the loss of each row, (batch,), for its label (batch, 1) and the output (batch, width).
    The model runs as in serving, without dropout. An inspection waits for no other worker, so that the chief can do it
    alone. Make a probe outside of the scope of a strategy, or its variables would be sent to other workers. Activations
    and the rows that are read of a table are only available in functional models.
    """

    def __init__(self, model: keras.Model, losses: Losses, batch: Batch) -> None:
        self.model = model
        self.losses = losses
        self.features, self.labels, *weights = batch
        self.weights = weights[0] if weights else None
        functional = is_functional(model)
        self._layers = [layer for layer in model.layers if has_activations(layer)] if functional else []
        self._tables = embeddings(model)
        self._inner = self._inner_model() if functional else None

    def inspect(self) -> Inspection:
        """Inspect the model as it is now."""
        strategy = self.model.distribute_strategy
        loss, gradients = on_one_replica(strategy, self._gradients)
        outputs, ids = on_one_replica(strategy, self._outputs) if self._inner else ({}, {})
        activations = {name: output.numpy() for name, output in outputs.items()}
        return Inspection(
            int(self.labels.shape[0]),
            float(loss),
            {name: gradient.numpy() for name, gradient in gradients.items()},
            activations,
            {layer.name: dead_units(activations[layer.name]) for layer in self._layers if is_relu(layer)},
            {layer.name: spread(rows_of(layer, ids.get(layer.name))) for layer in self._tables},
        )

    def _inner_model(self) -> keras.Model:
        """Return a model of the same layers that outputs the activations, and the ids that tables look up."""
        outputs = {layer.name: layer.get_output_at(0) for layer in self._layers}
        ids = {layer.name: layer.get_input_at(0) for layer in self._tables}
        return keras.Model(self.model.input, (outputs, ids))

    def _outputs(self) -> Any:
        return self._inner(self.features, training=False)  # type: ignore[misc]

    def _gradients(self) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        variables = self.model.trainable_variables
        with tf.GradientTape() as tape:
            # Not the model's own loss, which would update its metrics, and fails outside of a replica.
            scores = tf.cast(self.model(self.features, training=False), tf.float32)
            losses = self.losses(tf.reshape(self.labels, [-1, 1]), scores)
            loss = tf.reduce_mean(losses) if self.weights is None else weighted_mean(losses, self.weights)
            whole = tf.add_n([loss, *(tf.cast(extra, tf.float32) for extra in self.model.losses)])
        found = tape.gradient(whole, variables, unconnected_gradients="zero")
        pairs = zip(variables, found, strict=True)
        return loss, {variable.name: tf.convert_to_tensor(gradient) for variable, gradient in pairs}


def on_one_replica(strategy: tf.distribute.Strategy, function: Callable[[], T]) -> T:
    """Call a function on this worker's first replica; a coordinator of parameter servers calls it directly."""
    if isinstance(strategy, tf.distribute.experimental.ParameterServerStrategy):
        return function()
    return tf.nest.map_structure(lambda value: strategy.experimental_local_results(value)[0], strategy.run(function))


def weighted_mean(values: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Return the mean of values (batch,) by weights (batch,) or (batch, 1)."""
    shares = tf.reshape(tf.cast(weights, values.dtype), [-1])
    return tf.math.divide_no_nan(tf.reduce_sum(values * shares), tf.reduce_sum(shares))


def embeddings(model: keras.Model) -> Layers:
    """Return the embedding tables that are wider than 1; a linear part has none."""
    tables = [layer for layer in model.layers if isinstance(layer, keras.layers.Embedding)]
    return [layer for layer in tables if layer.output_dim > 1 and not isinstance(layer, IdWeights)]


def has_activations(layer: keras.layers.Layer) -> bool:
    """Tell whether the output of a layer is worth logging."""
    if isinstance(layer, UNINSPECTED) or not layer.inbound_nodes:
        return False
    output = layer.get_output_at(0)
    return not isinstance(output, list | tuple | dict) and output.dtype.is_floating


def is_relu(layer: keras.layers.Layer) -> bool:
    """Tell whether a layer ends in a ReLU."""
    return isinstance(layer, keras.layers.ReLU) or getattr(layer, "activation", None) is keras.activations.relu


def dead_units(outputs: Array) -> DeadUnits:
    """Count the units of outputs (rows, ..., units) that are 0 for every row.

    >>> dead_units(np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]))
    DeadUnits(units=2, of=3)
    """
    flat = outputs.reshape(-1, outputs.shape[-1])
    return DeadUnits(int(np.sum(~flat.any(axis=0))), flat.shape[1])


def rows_of(layer: keras.layers.Layer, ids: tf.Tensor | None) -> Array:
    """Return the rows (rows, width) of a table that ids read, each once; without ids, all rows."""
    table = tf.convert_to_tensor(layer.embeddings).numpy().astype(np.float64)
    return table if ids is None else table[np.unique(ids.numpy())]


def spread(rows: Array) -> EmbeddingSpread:
    """Compute the spread of rows (rows, width) around their mean.

    >>> spread(np.array([[1.0, 0.0], [-1.0, 0.0]]))
    EmbeddingSpread(rows=2, distance=1.0, mean_norm=0.0, effective_rank=1.0)
    """
    centred = rows - rows.mean(axis=0)
    return EmbeddingSpread(
        len(rows),
        float(np.linalg.norm(centred, axis=1).mean()),
        float(np.linalg.norm(rows.mean(axis=0))),
        effective_rank(centred),
    )


def effective_rank(rows: Array) -> float:
    """Compute in how many directions rows (rows, width) differ; nan if one of them is not finite.

    >>> round(effective_rank(np.eye(3)), 6), effective_rank(np.zeros((3, 2)))
    (3.0, 1.0)
    """
    if not np.isfinite(rows).all():
        return float("nan")
    values = np.linalg.svd(rows, compute_uv=False)
    shares = values[values > 0] / values.sum() if values.sum() else np.ones(1)
    return float(np.exp(-np.sum(shares * np.log(shares))))
