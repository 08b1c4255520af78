"""One look into a model on one fixed batch: gradients, activations, dead units, and how embeddings are spread."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tf_keras as keras

from components.compat.tf_keras import is_functional
from pipeline.features import stateless_random

Batch: TypeAlias = tuple[Any, ...]
Array: TypeAlias = npt.NDArray[Any]
Layers: TypeAlias = list[keras.layers.Layer]
T = TypeVar("T")

# Layers that compute nothing of their own, or whose rows are looked at instead of their outputs.
SILENT = (
    keras.layers.InputLayer, keras.layers.Embedding, keras.layers.Flatten, keras.layers.Reshape,
    keras.layers.Concatenate, keras.layers.Dropout, stateless_random.Dropout,
)  # fmt: skip


@dataclass(frozen=True)
class Spread:
    """How the rows of an embedding table that a batch reads lie around their mean.

    ``distance`` is the mean distance to the mean vector, ``mean_norm`` the length of that vector. ``effective_rank``
    is between 1 and the width: the exponential of the entropy of the singular values (Roy & Vetterli, "The Effective
    Rank", 2007).
    """

    rows: int
    distance: float
    mean_norm: float
    effective_rank: float


@dataclass(frozen=True)
class Dead:
    """How many units of a ReLU layer give 0 for every row of the batch."""

    units: int
    of: int


@dataclass(frozen=True)
class Look:
    """What was seen: ``gradients`` by variable, ``activations`` (rows, ...) by layer, the rest by layer too.

    ``loss`` is the log loss of the batch without regularization.
    """

    rows: int
    loss: float
    gradients: Mapping[str, Array]
    activations: Mapping[str, Array]
    dead: Mapping[str, Dead]
    spreads: Mapping[str, Spread]

    @property
    def gradient_norm(self) -> float:
        """The length of all gradients taken as one vector."""
        squares = (float(np.sum(np.square(gradient, dtype=np.float64))) for gradient in self.gradients.values())
        return float(np.sqrt(sum(squares)))


class Probe:
    """Looks into a model on a batch: (features, label) or (features, label, sample weight).

    The model runs as it serves, without dropout. Looking waits for no other worker, so that one of them may do it
    alone; a probe must be made outside of the scope of a strategy, or it would send its variables to the others.
    Activations and the rows that a table is asked for are seen in functional models only.
    """

    def __init__(self, model: keras.Model, batch: Batch) -> None:
        self.model = model
        self.features, self.labels, *weights = batch
        self.weights = weights[0] if weights else None
        functional = is_functional(model)
        self._layers = [layer for layer in model.layers if is_watched(layer)] if functional else []
        self._tables = embeddings(model)
        self._inner = self._inner_model() if functional else None

    def look(self) -> Look:
        """Everything, now."""
        strategy = self.model.distribute_strategy
        loss, gradients = on_one_replica(strategy, self._gradients)
        outputs, ids = on_one_replica(strategy, self._outputs) if self._inner else ({}, {})
        activations = {name: output.numpy() for name, output in outputs.items()}
        return Look(
            int(self.labels.shape[0]),
            float(loss),
            {name: gradient.numpy() for name, gradient in gradients.items()},
            activations,
            {layer.name: dead_units(activations[layer.name]) for layer in self._layers if is_relu(layer)},
            {layer.name: spread(rows_of(layer, ids.get(layer.name))) for layer in self._tables},
        )

    def _inner_model(self) -> keras.Model:
        """The same layers, with all that is watched as outputs: activations, and the ids that tables are asked for."""
        outputs = {layer.name: layer.get_output_at(0) for layer in self._layers}
        ids = {layer.name: layer.get_input_at(0) for layer in self._tables}
        return keras.Model(self.model.input, (outputs, ids))

    def _outputs(self) -> Any:
        return self._inner(self.features, training=False)  # type: ignore[misc]

    def _gradients(self) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        variables = self.model.trainable_variables
        with tf.GradientTape() as tape:
            # Not the model's own loss, which also counts for its metrics and refuses to outside of a replica.
            scores = tf.cast(self.model(self.features, training=False), tf.float32)
            labels = tf.reshape(tf.cast(self.labels, tf.float32), tf.shape(scores))
            losses = keras.losses.binary_crossentropy(labels, scores)
            loss = tf.reduce_mean(losses) if self.weights is None else weighted_mean(losses, self.weights)
            whole = tf.add_n([loss, *(tf.cast(extra, tf.float32) for extra in self.model.losses)])
        found = tape.gradient(whole, variables, unconnected_gradients="zero")
        pairs = zip(variables, found, strict=True)
        return loss, {variable.name: tf.convert_to_tensor(gradient) for variable, gradient in pairs}


def on_one_replica(strategy: tf.distribute.Strategy, function: Callable[[], T]) -> T:
    """What a function gives on this worker's first replica; a coordinator of parameter servers calls it itself."""
    if isinstance(strategy, tf.distribute.experimental.ParameterServerStrategy):
        return function()
    return tf.nest.map_structure(lambda value: strategy.experimental_local_results(value)[0], strategy.run(function))


def weighted_mean(values: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """(batch,) values by (batch,) or (batch, 1) weights."""
    shares = tf.reshape(tf.cast(weights, values.dtype), [-1])
    return tf.math.divide_no_nan(tf.reduce_sum(values * shares), tf.reduce_sum(shares))


def embeddings(model: keras.Model) -> Layers:
    """The embedding tables with more than one number a row."""
    return [layer for layer in model.layers if isinstance(layer, keras.layers.Embedding) and layer.output_dim > 1]


def is_watched(layer: keras.layers.Layer) -> bool:
    """Whether a layer's output says something that no other one's does."""
    if isinstance(layer, SILENT) or not layer.inbound_nodes:
        return False
    output = layer.get_output_at(0)
    return not isinstance(output, list | tuple | dict) and output.dtype.is_floating


def is_relu(layer: keras.layers.Layer) -> bool:
    """Whether a layer ends in max(x, 0)."""
    return isinstance(layer, keras.layers.ReLU) or getattr(layer, "activation", None) is keras.activations.relu


def dead_units(outputs: Array) -> Dead:
    """Units of outputs (rows, ..., units) that are 0 for every row.

    >>> dead_units(np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]))
    Dead(units=2, of=3)
    """
    flat = outputs.reshape(-1, outputs.shape[-1])
    return Dead(int(np.sum(~flat.any(axis=0))), flat.shape[1])


def rows_of(layer: keras.layers.Layer, ids: tf.Tensor | None) -> Array:
    """The rows (rows, width) of a table that some ids read, each once; all of them where no ids are known."""
    table = tf.convert_to_tensor(layer.embeddings).numpy().astype(np.float64)
    return table if ids is None else table[np.unique(ids.numpy())]


def spread(rows: Array) -> Spread:
    """How rows (rows, width) lie around their mean.

    >>> spread(np.array([[1.0, 0.0], [-1.0, 0.0]]))
    Spread(rows=2, distance=1.0, mean_norm=0.0, effective_rank=1.0)
    """
    centred = rows - rows.mean(axis=0)
    return Spread(
        len(rows),
        float(np.linalg.norm(centred, axis=1).mean()),
        float(np.linalg.norm(rows.mean(axis=0))),
        effective_rank(centred),
    )


def effective_rank(rows: Array) -> float:
    """In how many directions rows (rows, width) differ; nan where one of them is not finite.

    >>> round(effective_rank(np.eye(3)), 6), effective_rank(np.zeros((3, 2)))
    (3.0, 1.0)
    """
    if not np.isfinite(rows).all():
        return float("nan")
    values = np.linalg.svd(rows, compute_uv=False)
    shares = values[values > 0] / values.sum() if values.sum() else np.ones(1)
    return float(np.exp(-np.sum(shares * np.log(shares))))
