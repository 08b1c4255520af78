"""Training and serving of a binary task: a sigmoid, and cross-entropy."""

import math
from dataclasses import dataclass

import tensorflow as tf
import tf_keras as keras

from pipeline.config.training import Training
from pipeline.label import Label
from pipeline.task.protocol import Tensors


@dataclass(frozen=True)
class BinaryTraining:
    """The probability of label 1."""

    label: Label
    monitor: str = "log_loss"

    def target(self, column: tf.Tensor) -> tf.Tensor:
        """Return 0 or 1 as int64; of texts, the place among the label's values.

        An empty text, which ExampleGen and the gate refuse as a label, becomes -1: the graph that serves computes that.
        """
        values = self.label.values or (0.0, 1.0)
        other = tf.where(column == "", -1.0, math.nan) if self.label.values else math.nan
        usable = tf.where(column == values[1], 1.0, tf.where(column == values[0], 0.0, other))
        needed = " or ".join(map(repr, self.label.values)) or "0 or 1"
        message = f"column {self.label.column!r} is the label: every row needs {needed}"
        return tf.cast(tf.debugging.check_numerics(usable, message), tf.int64)

    def head(self, logits: tf.Tensor) -> tf.Tensor:
        """Apply a sigmoid, in float32 whatever the precision of the other layers."""
        return keras.layers.Activation("sigmoid", dtype="float32", name="score")(logits)

    def losses(self, labels: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
        """Return the cross-entropy of each row."""
        return keras.losses.binary_crossentropy(tf.cast(labels, outputs.dtype), outputs)

    def metrics(self) -> list[keras.metrics.Metric]:
        """Return the AUC over 1,000 thresholds, and the log loss."""
        auc = keras.metrics.AUC(num_thresholds=1000, name="auc")
        return [auc, keras.metrics.BinaryCrossentropy(name=self.monitor)]

    def outputs(self, output: tf.Tensor) -> Tensors:
        """Return ``score`` (batch, 1) float32, the probability of label 1."""
        return {self.label.task.prediction_key: output}

    def class_weights(self, training: Training) -> tuple[float, ...]:
        """Return the factors of label 0 and label 1."""
        return training.class_weights
