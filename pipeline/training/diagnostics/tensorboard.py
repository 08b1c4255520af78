"""Logs of a training for TensorBoard, and warnings for a person.

Below ``log_dir``, ``train`` and ``validation`` hold what Keras writes: scalars, weight histograms and the conceptual
graph. ``plugins/profile`` holds traces, ``diagnostics`` the graph of operations, gradients, activations, dead units and
embeddings. The settings and final metrics for the HParams page are in the folder itself.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import tensorflow as tf
import tf_keras as keras

from components.support import heartbeat
from pipeline.config.training import Training
from pipeline.training.diagnostics import findings
from pipeline.training.diagnostics.hparams import best_epoch, write_hparams
from pipeline.training.diagnostics.probe import Batch, Inspection, Losses, Probe

# The first batch is mostly tracing.
PROFILE_FROM = 2


@dataclass(frozen=True)
class Watch:
    """The diagnostics of one training; the callbacks must come after the one that restores the best weights."""

    log_dir: str = ""
    training: Training | None = None
    callbacks: Sequence[keras.callbacks.Callback] = ()

    def finish(self, history: Mapping[str, Sequence[float]], monitor: str) -> list[str]:
        """Write settings and final metrics for comparisons, and return warnings.

        ``history`` holds the metrics of all epochs; the best one is that with the lowest ``monitor`` on eval rows.
        """
        if self.training is None:
            return []
        write_hparams(self.log_dir, self.training, best_epoch(history, f"val_{monitor}"))
        found = [callback.warnings for callback in self.callbacks if isinstance(callback, Diagnostics)]
        return [*(warning for warnings in found for warning in warnings), *findings.in_history(history, monitor)]


def watch(
    log_dir: str, model: keras.Model, losses: Losses, training: Training, make_batch: Callable[[], Batch],
    chief: bool = True,
) -> Watch:  # fmt: skip
    """Set up the diagnostics of a training; none on a worker that is not the chief. Call outside of a strategy's scope.

    Args:
        log_dir: the folder for TensorBoard.
        model: the model that will be trained.
        losses: the loss of each row, as ``Probe`` takes it.
        training: ``histogram_every_epochs`` says how often to inspect the model, 0 never; ``profile_steps``, how many
            steps to trace, 0 none.
        make_batch: returns a batch of eval rows; only called if needed.
        chief: whether this process writes logs.
    """
    if not chief:
        return Watch()
    every = training.histogram_every_epochs
    scalars = EpochScalars(log_dir, histogram_freq=every, profile_batch=profiled_batches(training))
    inner = [Diagnostics(f"{log_dir}/diagnostics", Probe(model, losses, make_batch()), every)] if every else []
    return Watch(log_dir, training, (scalars, *inner))


def profiled_batches(training: Training) -> int | tuple[int, int]:
    """Return first and last batch of the trace, as Keras counts: calls of the train function; 0 for no trace."""
    calls = -(-training.profile_steps // training.steps_per_execution)
    return (PROFILE_FROM, PROFILE_FROM + calls - 1) if calls else 0


class EpochScalars(keras.callbacks.TensorBoard):
    """TensorBoard's callback without the scalars of each batch, which it computes but does not write."""

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Write; this takes long with many weights."""
        with heartbeat.phase("writing"):
            super().on_epoch_end(epoch, logs)

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """End the trace when it is time; this takes long with many operations."""
        with heartbeat.phase("writing"):
            super().on_train_batch_end(batch)


class Diagnostics(keras.callbacks.Callback):
    """Inspect the model every ``every_epochs`` epochs and at the end, and write the results.

    ``warnings`` are those of the last inspection.
    """

    def __init__(self, log_dir: str, probe: Probe, every_epochs: int) -> None:
        super().__init__()
        self.writer = tf.summary.create_file_writer(log_dir)
        self.probe = probe
        self.every_epochs = every_epochs
        self.warnings: list[str] = []
        self._epoch = 0

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Write the graph; Keras looks for an attribute that tf.function no longer has since TF 2.16."""
        traced = tf.function(lambda features: self.model(features, training=False), autograph=False)
        with self.writer.as_default(step=0):
            tf.summary.graph(traced.get_concrete_function(self.probe.features).graph)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Inspect when it is time."""
        self._epoch = epoch
        if (epoch + 1) % self.every_epochs == 0:
            self._inspect(epoch)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Inspect the best weights, logged as one more epoch."""
        self._inspect(self._epoch + 1)
        self.writer.close()

    def _inspect(self, step: int) -> None:
        with heartbeat.phase("tracing"):
            inspection = self.probe.inspect()
        self.warnings = findings.in_inspection(inspection)
        with self.writer.as_default(step=step):
            write(inspection)
        self.writer.flush()


def write(inspection: Inspection) -> None:
    """Write an inspection as summaries of the default writer."""
    tf.summary.scalar("gradient_norm", inspection.gradient_norm)
    for name, gradient in inspection.gradients.items():
        tf.summary.histogram(f"gradient/{name}", gradient)
    for name, outputs in inspection.activations.items():
        tf.summary.histogram(f"activation/{name}", outputs)
    for name, dead in inspection.dead.items():
        tf.summary.scalar(f"dead_units/{name}", dead.units / dead.of)
    for name, spread in inspection.spreads.items():
        tf.summary.scalar(f"embedding_distance/{name}", spread.distance)
        tf.summary.scalar(f"embedding_rank/{name}", spread.effective_rank)
