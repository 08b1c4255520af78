"""Early stopping and weight averaging whose state survives a kill."""

import io
import math
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt
import tf_keras as keras

from components.support import heartbeat
from pipeline.errors import MainlineError
from pipeline.nodes import TRAINER
from pipeline.training.callbacks import Logs, progress
from pipeline.training.checkpoint import sealed_files

Weights = list[npt.NDArray[Any]]


class BestState(TypedDict):
    """The state that a checkpoint stores: the best epoch, whether training stopped early, and the files by name."""

    record: dict[str, float]
    stopped: bool
    best: dict[str, sealed_files.Seal]
    average: dict[str, sealed_files.Seal]


class BestWeights(keras.callbacks.Callback):
    """Early stopping that survives a kill: the best weights and their score are on disk, not in memory.

    With ``average`` above 0, the eval split judges an exponential average of the weights over epochs; training goes on
    from the weights themselves. Must come before any callback that saves the weights to train on. At the end of
    training the model holds the best weights, on the worker that writes.

    Every epoch has its own files, and the checkpoint lists those that count: an epoch that ended after the checkpoint
    is repeated after a resume. All workers but one have ``writes`` false; they keep the same record, because all see
    the same metrics.

    Izmailov et al., "Averaging Weights Leads to Wider Optima and Better Generalization" (2018).
    """

    def __init__(
        self, directory: str, monitor: str, patience: int, average: float = 0.0, writes: bool = True,
        state: BestState | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.directory = directory
        self.monitor = monitor
        self.patience = patience
        self.average = average
        self.writes = writes
        self.state = state or BestState(record={}, stopped=False, best={}, average={})
        self._averaged = self._load(self.state["average"])
        self._raw: Weights | None = None

    @property
    def record(self) -> dict[str, float]:
        """The best ``epoch``, from 0, and its ``value``; empty until an epoch has ended."""
        return self.state["record"]

    def on_test_begin(self, logs: Logs = None) -> None:
        """Evaluate the average."""
        if not self.average:
            return
        self._raw = self.model.get_weights()
        self._averaged = blend(self._averaged, self._raw, self.average)
        self.model.set_weights(self._averaged)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Keep the weights if they are the best so far; stop after ``patience`` epochs without a better one."""
        value = float((logs or {})[self.monitor])
        if not math.isfinite(value):
            # NaN would stay the best: nothing is less.
            raise MainlineError(TRAINER, f"{self.monitor} became {value} in epoch {epoch + 1}")
        state = BestState(**self.state)
        if not self.record or value < self.record["value"]:
            state |= {"record": {"epoch": epoch, "value": value}, "best": self._save("best", epoch)}
        elif epoch - self.record["epoch"] >= self.patience:
            progress.info("%s has not improved since epoch %d: stopping", self.monitor, int(self.record["epoch"]) + 1)
            self.model.stop_training = state["stopped"] = True
        if self._raw is not None:
            state["average"] = self._save("average", epoch)
            self.model.set_weights(self._raw)
        self.state = state

    def on_train_end(self, logs: Logs = None) -> None:
        """Restore the best weights."""
        best = self._load(self.state["best"]) if self.writes else None
        if best is not None:
            self.model.set_weights(best)

    def _save(self, use: str, epoch: int) -> dict[str, sealed_files.Seal]:
        if not self.writes:
            return {}
        name = f"{use}-{epoch + 1:04d}.npz"
        with (
            heartbeat.phase("writing"),
            sealed_files.disk_may_be_full(self.directory, "Free some space and run again: training resumes."),
        ):
            return {name: sealed_files.write(f"{self.directory}/{name}", pack(self.model.get_weights()))}

    def _load(self, files: dict[str, sealed_files.Seal]) -> Weights | None:
        return next((unpack(sealed_files.read(f"{self.directory}/{name}")) for name in files), None)


def blend(averaged: Weights | None, weights: Weights, keep: float) -> Weights:
    """Add the weights of one more epoch to an average, of which the share ``keep`` is kept.

    >>> blend([np.array([2.0])], [np.array([4.0])], keep=0.5)[0].tolist()
    [3.0]
    """
    if averaged is None:
        return [weight.copy() for weight in weights]
    return [keep * old + (1.0 - keep) * new for old, new in zip(averaged, weights, strict=True)]


def pack(weights: Weights) -> bytes:
    """Serialize weights."""
    buffer = io.BytesIO()
    np.savez(buffer, *weights)
    return buffer.getvalue()


def unpack(content: bytes) -> Weights:
    """Deserialize weights, in their order.

    >>> unpack(pack([np.array([1.0]), np.array([2.0])]))[1].tolist()
    [2.0]
    """
    with np.load(io.BytesIO(content)) as arrays:
        return [arrays[f"arr_{index}"] for index in range(len(arrays.files))]
