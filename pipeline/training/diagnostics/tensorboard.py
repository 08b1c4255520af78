"""What TensorBoard is given of a fitting, and what a person should be warned of.

Under ``log_dir``: ``train`` and ``validation`` hold scalars, weight histograms and the conceptual graph, as Keras
writes them, ``plugins/profile`` the traces; ``diagnostics`` the graph of operations, gradients, activations, dead units
and embeddings; the folder itself the settings and the final metrics, for the HParams page.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import tensorflow as tf
import tf_keras as keras

from components.support import heartbeat
from pipeline.config.training import Training
from pipeline.training.diagnostics import findings
from pipeline.training.diagnostics.hparams import best_epoch, write_hparams
from pipeline.training.diagnostics.probe import Batch, Look, Probe

# The first step is mostly tracing.
PROFILE_FROM = 2


@dataclass(frozen=True)
class Watch:
    """What watches one fitting; the callbacks must stand behind the one that puts the best weights in place."""

    log_dir: str = ""
    training: Training | None = None
    callbacks: Sequence[keras.callbacks.Callback] = ()

    def finish(self, history: Mapping[str, Sequence[float]], monitor: str = "val_log_loss") -> list[str]:
        """Writes settings and final metrics for comparisons; gives what a person should be warned of.

        ``history`` holds the metrics of all epochs; the best one is that with the lowest ``monitor``.
        """
        if self.training is None:
            return []
        write_hparams(self.log_dir, self.training, best_epoch(history, monitor))
        seen = [callback.seen for callback in self.callbacks if isinstance(callback, Diagnostics)]
        return [*(warning for warnings in seen for warning in warnings), *findings.in_history(history)]


def watch(
    log_dir: str, model: keras.Model, training: Training, make_batch: Callable[[], Batch], chief: bool = True
) -> Watch:
    """What to watch a fitting with; nothing on a worker that is not the chief. Call it outside of a strategy's scope.

    Args:
        log_dir: where TensorBoard will look.
        model: the one that will be fitted.
        training: ``histogram_every_epochs`` says how often to look into the model, 0 never; ``profile_steps`` how
            many steps to trace, 0 none.
        make_batch: one batch of the eval rows, called only if it is needed.
        chief: whether this process writes logs.
    """
    if not chief:
        return Watch()
    every = training.histogram_every_epochs
    scalars = EpochScalars(log_dir, histogram_freq=every, profile_batch=profiled_batches(training))
    inner = [Diagnostics(f"{log_dir}/diagnostics", Probe(model, make_batch()), every)] if every else []
    return Watch(log_dir, training, (scalars, *inner))


def profiled_batches(training: Training) -> int | tuple[int, int]:
    """First and last batch of the trace, as Keras counts them: calls of the train function; 0 for none."""
    calls = -(-training.profile_steps // training.steps_per_execution)
    return (PROFILE_FROM, PROFILE_FROM + calls - 1) if calls else 0


class EpochScalars(keras.callbacks.TensorBoard):
    """TensorBoard's callback, which makes scalars of every batch, too, though it writes those of epochs alone."""

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Writes, which takes long where there are many weights."""
        with heartbeat.phase("writing"):
            super().on_epoch_end(epoch, logs)

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Ends a trace when it is time to, which takes long where it has many operations."""
        with heartbeat.phase("writing"):
            super().on_train_batch_end(batch)


class Diagnostics(keras.callbacks.Callback):
    """Looks into the model each ``every_epochs`` epochs, and at the end, and writes what it sees.

    ``seen`` is what the last look found wrong.
    """

    def __init__(self, log_dir: str, probe: Probe, every_epochs: int) -> None:
        super().__init__()
        self.writer = tf.summary.create_file_writer(log_dir)
        self.probe = probe
        self.every_epochs = every_epochs
        self.seen: list[str] = []
        self._epoch = 0

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Writes the graph: Keras would, but looks for an attribute that tf.function has no more since TF 2.16."""
        traced = tf.function(lambda features: self.model(features, training=False), autograph=False)
        with self.writer.as_default(step=0):
            tf.summary.graph(traced.get_concrete_function(self.probe.features).graph)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Looks when it is time to."""
        self._epoch = epoch
        if (epoch + 1) % self.every_epochs == 0:
            self._look(epoch)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Looks at the weights that were chosen, as if they were those of one more epoch."""
        self._look(self._epoch + 1)
        self.writer.close()

    def _look(self, step: int) -> None:
        with heartbeat.phase("tracing"):
            look = self.probe.look()
        self.seen = findings.in_look(look)
        with self.writer.as_default(step=step):
            write(look)
        self.writer.flush()


def write(look: Look) -> None:
    """A look as summaries of the default writer."""
    tf.summary.scalar("gradient_norm", look.gradient_norm)
    for name, gradient in look.gradients.items():
        tf.summary.histogram(f"gradient/{name}", gradient)
    for name, outputs in look.activations.items():
        tf.summary.histogram(f"activation/{name}", outputs)
    for name, dead in look.dead.items():
        tf.summary.scalar(f"dead_units/{name}", dead.units / dead.of)
    for name, spread in look.spreads.items():
        tf.summary.scalar(f"embedding_distance/{name}", spread.distance)
        tf.summary.scalar(f"embedding_rank/{name}", spread.effective_rank)
