"""The model in training: the result of a step does not depend on how a batch is distributed or split."""

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import tensorflow as tf
import tf_keras as keras

from components.compat.tf_keras import ResumableModel
from pipeline.features import stateless_random

Gradient: TypeAlias = tf.Tensor | tf.IndexedSlices | None
Losses: TypeAlias = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


class TrainingModel(ResumableModel):
    """A functional model with its own training step; its output is (batch, width) float32.

    ``losses`` returns the loss of each row, (batch,), for its label (batch, 1) and the output. The loss of a step is
    the weighted sum of those of the global batch, divided by its number of rows, plus the
    losses of the layers. It is the same for one replica and for several of unequal shares and, with ``parts`` above 1,
    for a batch that is computed part by part: gradients are accumulated before the weights are updated.
    """

    train_function: Callable[[Any], dict[str, tf.Tensor]] | None

    def __init__(self, model: keras.Model, losses: Losses, batch_size: int, parts: int = 1) -> None:
        super().__init__(inputs=model.input, outputs=model.output)
        self.row_losses = losses
        self.batch_size = batch_size
        self.parts = parts
        mean_loss = keras.metrics.Mean(name="loss")
        # In a closure: as an attribute its variables would count as weights, and be averaged and saved.
        self.mean_loss: Callable[[], keras.metrics.Mean] = lambda: mean_loss

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The metrics that ``fit`` resets before each epoch and reports."""
        return [self.mean_loss(), *super().metrics]

    def make_train_function(self, force: bool = False) -> Callable[[Any], dict[str, tf.Tensor]]:
        """Return the function that ``fit`` calls: several steps, then the metrics.

        The one of Keras, which parameter servers still use, traces its loop twice and computes metrics in each step.
        """
        if self.is_coordinated:
            return super().make_train_function(force)
        if self.train_function is None or force:
            self.train_function = tf.function(self.train_steps, reduce_retracing=True, autograph=False)
        return self.train_function

    def train_steps(self, batches: Iterator[Any]) -> dict[str, tf.Tensor]:
        """Make ``steps_per_execution`` steps in one graph."""
        update = tf.function(self.update, jit_compile=True) if self.jit_compile else self.update

        def body(step: tf.Tensor) -> tf.Tensor:
            self.distribute_strategy.run(update, args=(next(batches),))
            self.count_step()
            return step + 1

        tf.while_loop(lambda step: step < self.steps_per_call, body, [tf.zeros_like(self.steps_per_call)])
        return self.get_metrics_result()

    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        """Update the weights once, and return the metrics."""
        self.update(data)
        return self.get_metrics_result()

    def update(self, data: Any) -> None:
        """Update weights and metrics by (features, labels, weights) of this replica."""
        _, labels, weights = data
        rows = tf.shape(labels)[0]
        computed = [self.part_step(data, rows * part // self.parts, rows * (part + 1) // self.parts)
                    for part in range(self.parts)]  # fmt: skip
        gradients = [total(list(parts)) for parts in zip(*(item[0] for item in computed), strict=True)]
        if isinstance(self.optimizer, keras.mixed_precision.LossScaleOptimizer):
            gradients = self.optimizer.get_unscaled_gradients(gradients)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        scores = tf.concat([item[1] for item in computed], axis=0)
        count = tf.cast(rows, tf.float32)
        loss = tf.reduce_sum(self.weighted_losses(labels, scores, weights)) / count + layer_losses(self)
        self.mean_loss().update_state(loss, sample_weight=count)
        self.compiled_metrics.update_state(labels, scores, weights)

    def part_step(self, data: Any, low: tf.Tensor, high: tf.Tensor) -> tuple[list[Gradient], tf.Tensor]:
        """Return gradients, scaled if the optimizer scales the loss, and scores of rows ``low`` to ``high``."""
        features, labels, weights = tf.nest.map_structure(lambda tensor: tensor[low:high], data)
        position = stateless_random.BatchPosition(self.optimizer.iterations, self.first_row() + low, self.batch_size)
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        with stateless_random.at(position), tf.GradientTape() as tape:
            scores = self(features, training=True)
            loss = tf.reduce_sum(self.weighted_losses(labels, scores, weights)) / self.batch_size
            loss += layer_losses(self) / (replicas * self.parts)
            if isinstance(self.optimizer, keras.mixed_precision.LossScaleOptimizer):
                loss = self.optimizer.get_scaled_loss(loss)
        return tape.gradient(loss, self.trainable_variables), scores

    def first_row(self) -> tf.Tensor:
        """Return where the rows of this replica begin in the global batch."""
        context = tf.distribute.get_replica_context()
        return self.batch_size * context.replica_id_in_sync_group // context.num_replicas_in_sync

    def test_step(self, data: Any) -> dict[str, tf.Tensor]:
        """Update the metrics by (features, labels, weights) of this replica."""
        features, labels, weights = data
        scores = self(features, training=False)
        count = tf.reduce_sum(weights)
        mean = tf.math.divide_no_nan(tf.reduce_sum(self.weighted_losses(labels, scores, weights)), count)
        self.mean_loss().update_state(mean + layer_losses(self), sample_weight=count)
        return self.compute_metrics(None, labels, scores, weights)

    def weighted_losses(self, labels: tf.Tensor, scores: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        """Return the loss of each row times its weight, (batch,) float32."""
        return weights * self.row_losses(labels, scores)


def layer_losses(model: keras.Model) -> tf.Tensor:
    """Return the sum of what layers add to the loss, such as weight penalties."""
    return tf.add_n([tf.cast(loss, tf.float32) for loss in model.losses]) if model.losses else tf.constant(0.0)


def total(gradients: list[Gradient]) -> Gradient:
    """Add up gradients of one variable; sparse ones stay sparse."""
    given = [gradient for gradient in gradients if gradient is not None]
    if len(given) < 2:
        return given[0] if given else None
    if all(isinstance(gradient, tf.IndexedSlices) for gradient in given):
        values = tf.concat([gradient.values for gradient in given], axis=0)
        indices = tf.concat([gradient.indices for gradient in given], axis=0)
        return tf.IndexedSlices(values, indices, given[0].dense_shape)
    return tf.add_n([tf.convert_to_tensor(gradient) for gradient in given])
