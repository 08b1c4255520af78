"""What training and serving ask of a task; each task is one module beside this one."""

from typing import Protocol

import tensorflow as tf
import tf_keras as keras

from pipeline.config.training import Training

Tensors = dict[str, tf.Tensor]


class TrainingTask(Protocol):
    """A task in TensorFlow. The model's outputs are (batch, width) float32, labels in transformed rows (batch, 1)."""

    @property
    def monitor(self) -> str:
        """The metric that the best epoch is chosen by, lower is better; of eval rows ``fit`` calls it ``val_…``."""
        ...

    def target(self, column: tf.Tensor) -> tf.Tensor:
        """Return the label as the model learns it, (batch, 1); computing it fails where a row has none that is valid.

        Not by an assertion, which would become part of the graph that serves, where there is no label.

        Args:
            column: (batch, 1) string, ``"\\0"`` where a row has no value, or float32, NaN where it has none. Where the
                graph serves, TensorFlow Transform gives ``""`` or 0 in its place, which must not fail.
        """
        ...

    def head(self, logits: tf.Tensor) -> tf.Tensor:
        """Apply the last layer, named ``score``, to the result of a Keras model's other layers, (batch, width)."""
        ...

    def losses(self, labels: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
        """Return the loss of each row, (batch,) float32."""
        ...

    def metrics(self) -> list[keras.metrics.Metric]:
        """Return new metrics of an epoch, the one of ``monitor`` among them."""
        ...

    def outputs(self, output: tf.Tensor) -> Tensors:
        """Return what the signatures that score give for the model's output."""
        ...

    def class_weights(self, training: Training) -> tuple[float, ...] | None:
        """Return a factor for rows by label, or None if the labels are not classes."""
        ...
