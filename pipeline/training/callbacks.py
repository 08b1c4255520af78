"""What happens beside the fitting: where it stands, what it says of itself, and a stop when the loss is lost."""

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
    """Where the fitting stands, in global batches since its very beginning, and the metrics of all epochs.

    Both outlive a kill: they are in the manifest of a checkpoint. The metrics of an epoch that was resumed in the
    middle are, for the train split, over the steps after the resume; those of the eval split are over all of it.
    """

    def __init__(self, steps_per_epoch: int, step: int = 0, history: History | None = None) -> None:
        super().__init__()
        self.steps_per_epoch = steps_per_epoch
        self.step = step
        self.history: History = {name: list(values) for name, values in (history or {}).items()}
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Remembers the epoch."""
        self._epoch = epoch

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Adds the metrics of an epoch."""
        self.step = (epoch + 1) * self.steps_per_epoch
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(float(value))


class Journal(EpochJournal):
    """The same, up to date after every batch."""

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Counts; with several steps per execution, several at once."""
        self.step = self._epoch * self.steps_per_epoch + batch + 1


class EpochPulse(keras.callbacks.Callback):
    """Says at which phase the fitting is; must stand before all that may take long. Under a chief, no step is seen."""

    fitting: Phase = "leading"

    def on_train_begin(self, logs: Logs = None) -> None:
        """Before the first step, all is traced."""
        beat("tracing")

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """From the second epoch on, nothing is traced any more."""
        beat(self.fitting if epoch else "tracing")

    def on_train_end(self, logs: Logs = None) -> None:
        """The best weights are read again."""
        beat("reading weights")


class Pulse(EpochPulse):
    """The same, and that every step and every batch of the evaluation is one further."""

    fitting: Phase = "training"

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """The first step of all is traced, in whatever epoch a resume begins."""
        beat()

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """One further."""
        beat("training")

    def on_test_begin(self, logs: Logs = None) -> None:
        """The first one is traced, and each may begin with rows of other workers, which are passed over."""
        beat("tracing")

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        """One further."""
        beat("validating")

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """What the callbacks do at the end of an epoch belongs to the training."""
        beat("training")


class EpochProgress(keras.callbacks.Callback):
    """Says at each epoch's end how far the fitting is."""

    def __init__(self, epochs: int) -> None:
        super().__init__()
        self.epochs = epochs

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Says the metrics of the eval split."""
        seen = {name: value for name, value in (logs or {}).items() if name.startswith("val_")}
        text = ", ".join(f"{name} {value:.4f}" for name, value in seen.items())
        progress.info("epoch %d/%d, %s", epoch + 1, self.epochs, text)


class Progress(EpochProgress):
    """Says it after a batch too, at most once in ``every_s`` seconds."""

    def __init__(self, epochs: int, journal: EpochJournal, every_s: float = 1.0) -> None:
        super().__init__(epochs)
        self.journal = journal
        self.every_s = every_s
        self._said_s = 0.0

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Says epoch, step and loss."""
        if time.monotonic() - self._said_s < self.every_s:
            return
        self._said_s = time.monotonic()
        epoch, step = divmod(self.journal.step - 1, self.journal.steps_per_epoch)
        loss = (logs or {}).get("loss", math.nan)
        progress.info("epoch %d/%d, step %d/%d, loss %.4f", epoch + 1, self.epochs, step + 1,
                      self.journal.steps_per_epoch, loss)  # fmt: skip


def not_finite(what: str, step: int) -> MainlineError:
    """The error of a fitting that lost itself; rows with numbers that are not finite do not come so far."""
    return MainlineError(
        TRAINER, f"{what} at step {step}",
        expected="a finite number",
        next_step="Lower training.learning_rate or set training.clip_norm.",
    )  # fmt: skip


def check_logs(logs: Logs, step: int) -> None:
    """Looks at what was measured, of the train rows and, as ``val_``, of the eval rows.

    Raises:
        MainlineError: it is no number, and no epoch would ever be better or worse.
    """
    for name, value in (logs or {}).items():
        if not math.isfinite(value):
            raise not_finite(f"{name} became {value}", step)


class StopOnNaNEpoch(keras.callbacks.Callback):
    """Fails the run at the end of an epoch whose losses, of train or of eval rows, are not numbers."""

    def __init__(self, journal: EpochJournal) -> None:
        super().__init__()
        self.journal = journal

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Looks at all that was measured."""
        check_logs(logs, self.journal.step)


class StopOnNaN(StopOnNaNEpoch):
    """Fails the run as soon as the loss is not a number, instead of training on."""

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Looks at the loss."""
        check_logs(logs, self.journal.step)
