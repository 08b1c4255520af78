"""Callbacks for progress, heartbeats, and a stop when the loss is not finite."""

import logging
import math
import time

import tf_keras as keras

from components.support.heartbeat import Phase, beat
from pipeline.errors import MainlineError
from pipeline.nodes import TRAINER

progress = logging.getLogger("mainline.progress")

History = dict[str, list[float]]
Logs = dict[str, float] | None


class EpochJournal(keras.callbacks.Callback):
    """The number of global batches since the beginning of the training, and the metrics of all epochs.

    Both survive a kill in the manifest of a checkpoint. In an epoch that was resumed, train metrics cover the steps
    after the resume, eval metrics the whole split.
    """

    def __init__(self, steps_per_epoch: int, step: int = 0, history: History | None = None) -> None:
        super().__init__()
        self.steps_per_epoch = steps_per_epoch
        self.step = step
        self.history: History = {name: list(values) for name, values in (history or {}).items()}
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Note the epoch."""
        self._epoch = epoch

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Add the metrics of an epoch."""
        self.step = (epoch + 1) * self.steps_per_epoch
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(float(value))


class Journal(EpochJournal):
    """An epoch journal that also counts every batch."""

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Count the steps; several at once with ``steps_per_execution``."""
        self.step = self._epoch * self.steps_per_epoch + batch + 1


class EpochHeartbeat(keras.callbacks.Callback):
    """Report the phase of the training to the heartbeat; must come before callbacks that take long.

    A coordinator sees no single steps.
    """

    fitting: Phase = "leading"

    def on_train_begin(self, logs: Logs = None) -> None:
        """The first step is preceded by tracing."""
        beat("tracing")

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Nothing is traced from the second epoch on."""
        beat(self.fitting if epoch else "tracing")

    def on_train_end(self, logs: Logs = None) -> None:
        """The best weights are restored."""
        beat("reading weights")


class Heartbeat(EpochHeartbeat):
    """Report every step and every batch of the evaluation, too."""

    fitting: Phase = "training"

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Tracing belongs to the first step, whatever the epoch of a resume."""
        beat()

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Report a step."""
        beat("training")

    def on_test_begin(self, logs: Logs = None) -> None:
        """The first evaluation is traced, and each may begin by skipping rows of other workers."""
        beat("tracing")

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Report a batch."""
        beat("validating")

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Callbacks at the end of an epoch count as training."""
        beat("training")


class EpochProgress(keras.callbacks.Callback):
    """Log the progress at the end of each epoch."""

    def __init__(self, epochs: int) -> None:
        super().__init__()
        self.epochs = epochs

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Log the metrics of the eval split."""
        shown = {name: value for name, value in (logs or {}).items() if name.startswith("val_")}
        text = ", ".join(f"{name} {value:.4f}" for name, value in shown.items())
        progress.info("epoch %d/%d, %s", epoch + 1, self.epochs, text)


class Progress(EpochProgress):
    """Also log the progress after a batch, at most once in ``every_s`` seconds."""

    def __init__(self, epochs: int, journal: EpochJournal, every_s: float = 1.0) -> None:
        super().__init__(epochs)
        self.journal = journal
        self.every_s = every_s
        self._logged_s = 0.0

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Log epoch, step and loss."""
        if time.monotonic() - self._logged_s < self.every_s:
            return
        self._logged_s = time.monotonic()
        epoch, step = divmod(self.journal.step - 1, self.journal.steps_per_epoch)
        loss = (logs or {}).get("loss", math.nan)
        progress.info("epoch %d/%d, step %d/%d, loss %.4f", epoch + 1, self.epochs, step + 1,
                      self.journal.steps_per_epoch, loss)  # fmt: skip


def not_finite(what: str, step: int) -> MainlineError:
    """Return the error of a training that diverged; rows with numbers that are not finite fail earlier."""
    return MainlineError(
        TRAINER, f"{what} at step {step}",
        expected="a finite number",
        next_step="Lower training.learning_rate or set training.clip_norm.",
    )  # fmt: skip


def check_logs(logs: Logs, step: int) -> None:
    """Check metrics of the train rows and, as ``val_``, of the eval rows.

    Raises:
        MainlineError: one is not finite, and could not be compared with other epochs.
    """
    for name, value in (logs or {}).items():
        if not math.isfinite(value):
            raise not_finite(f"{name} became {value}", step)


class StopOnNaNEpoch(keras.callbacks.Callback):
    """Fail the run at the end of an epoch with a metric that is not finite."""

    def __init__(self, journal: EpochJournal) -> None:
        super().__init__()
        self.journal = journal

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Check the metrics."""
        check_logs(logs, self.journal.step)


class StopOnNaN(StopOnNaNEpoch):
    """Fail the run at the first step whose loss is not finite."""

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Check the loss."""
        check_logs(logs, self.journal.step)
