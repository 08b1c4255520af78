"""What happens beside the fitting: progress, the best weights, histograms, and a stop when the loss is lost."""

import logging
import math
import time

import tensorflow as tf
import tf_keras as keras

from pipeline.errors import MainlineError

progress = logging.getLogger("mainline.progress")


class Progress(keras.callbacks.Callback):
    """Says how far the fitting is, at most once in ``every_s`` seconds, and at each epoch's end."""

    def __init__(self, epochs: int, steps_per_epoch: int, every_s: float = 1.0) -> None:
        super().__init__()
        self.epochs = epochs
        self.steps_per_epoch = steps_per_epoch
        self.every_s = every_s
        self._epoch = 0
        self._said_s = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Remembers the epoch."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Says epoch, step and loss."""
        if time.monotonic() - self._said_s < self.every_s:
            return
        self._said_s = time.monotonic()
        loss = (logs or {}).get("loss", math.nan)
        progress.info("epoch %d/%d, step %d/%d, loss %.4f", self._epoch + 1, self.epochs, batch + 1,
                      self.steps_per_epoch, loss)  # fmt: skip

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Says the metrics of the eval split."""
        seen = {name: value for name, value in (logs or {}).items() if name.startswith("val_")}
        text = ", ".join(f"{name} {value:.4f}" for name, value in seen.items())
        progress.info("epoch %d/%d, %s", epoch + 1, self.epochs, text)


class StopOnNaN(keras.callbacks.Callback):
    """Fails the run as soon as the loss is not a number, instead of training on."""

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Looks at the loss."""
        loss = (logs or {}).get("loss", 0.0)
        if not math.isfinite(loss):
            raise MainlineError(
                "Trainer", f"the loss became {loss} at step {batch + 1}",
                expected="a finite loss",
                next_step="Lower training.learning_rate or set training.clip_norm; look for NaN in the input.",
            )  # fmt: skip


class GradientHistograms(keras.callbacks.Callback):
    """Writes a histogram of the gradient of every variable, on one fixed batch, each ``every_epochs`` epochs."""

    def __init__(self, log_dir: str, batch: tuple[dict[str, tf.Tensor], tf.Tensor], every_epochs: int) -> None:
        super().__init__()
        self.writer = tf.summary.create_file_writer(log_dir)
        self.batch = batch
        self.every_epochs = every_epochs

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Computes the gradients and writes them."""
        if (epoch + 1) % self.every_epochs:
            return
        with self.writer.as_default(step=epoch):
            for variable, gradient in zip(self.model.trainable_variables, self.gradients(), strict=True):
                tf.summary.histogram(f"gradient/{variable.name}", gradient)

    def gradients(self) -> list[tf.Tensor]:
        """The gradient of every trainable variable, as this worker's first replica sees it."""
        strategy = self.model.distribute_strategy
        return [strategy.experimental_local_results(gradient)[0] for gradient in strategy.run(self._compute)]

    def _compute(self) -> list[tf.Tensor]:
        features, labels = self.batch
        variables = self.model.trainable_variables
        with tf.GradientTape() as tape:
            # Not the model's own loss, which also counts for its metrics and refuses to outside of a replica.
            scores = self.model(features, training=True)
            losses = keras.losses.binary_crossentropy(tf.cast(labels, scores.dtype), scores)
            loss = tf.add_n([tf.reduce_mean(losses), *self.model.losses])
        found = tape.gradient(loss, variables, unconnected_gradients="zero")
        return [tf.convert_to_tensor(gradient) for gradient in found]
