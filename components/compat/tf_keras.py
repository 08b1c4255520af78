"""Private parts of tf_keras.

``ResumableModel``
    ``fit`` can only resume within an epoch through its own backup callback, which saves where we do not. It asks
    ``_maybe_load_initial_counters_from_ckpt`` where to begin; ``_train_counter`` and ``_steps_per_execution`` are what
    a training function of one's own must count and read, and ``_cluster_coordinator`` says that workers of parameter
    servers compute. Upstream: ``tf_keras/src/engine/training.py``. When they go: a resumed training would repeat the
    steps of its epoch, or ``fit`` fails at its first step.
``is_functional``
    Upstream: ``Model._is_graph_network`` in ``tf_keras/src/engine/training.py``. When it goes: models count as not
    functional, so that activations are not logged and a warm start takes over kernels as a whole.
``origin_of``
    Upstream: ``KerasTensor._keras_history`` in ``tf_keras/src/engine/keras_tensor.py``. When it goes: the parts of the
    input of a layer cannot be found, and every training that exports a model fails.
"""

from typing import Any

import tensorflow as tf
import tf_keras as keras


class ResumableModel(keras.Model):
    """A model whose ``fit`` goes on within an epoch: ``steps_done`` is how many steps were made before."""

    steps_done = 0

    def _maybe_load_initial_counters_from_ckpt(self, steps_per_epoch: int, initial_epoch: int) -> tuple[int, int]:
        return initial_epoch, self.steps_done % steps_per_epoch

    @property
    def is_coordinated(self) -> bool:
        """Whether workers of parameter servers compute the steps."""
        return self._cluster_coordinator is not None

    @property
    def steps_per_call(self) -> tf.Variable:
        """How many steps the training function makes when ``fit`` calls it, int64."""
        return self._steps_per_execution

    def count_step(self) -> None:
        """Count a step, as the training function must."""
        self._train_counter.assign_add(1)


def is_functional(model: keras.Model) -> bool:
    """Tell whether a model is a graph of layers, whose inputs and outputs can be looked up."""
    return bool(getattr(model, "_is_graph_network", False))


def origin_of(tensor: Any) -> tuple[keras.layers.Layer, int]:
    """Return the layer that a symbolic tensor comes from, and its place among the outputs of that layer."""
    layer, _, index = tensor._keras_history
    return layer, index
