"""Which weights are kept: averaged over epochs if asked, the best of them on the eval split, safe from a kill."""

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
    """What a checkpoint must remember: the best epoch, whether patience has ended, and the files, by use and name."""

    record: dict[str, float]
    stopped: bool
    best: dict[str, sealed_files.Seal]
    average: dict[str, sealed_files.Seal]


class BestWeights(keras.callbacks.Callback):
    """Early stopping that survives a kill: the best weights and their score lie on disk, not in memory.

    With ``average`` above 0, an exponential average over epochs is what the eval split judges; training itself goes
    on from the weights as they were. Must stand before any callback that saves the weights to train on. At the end of
    training the model of the worker that writes holds the best weights.

    Every epoch has files of its own, and only a checkpoint says which of them count: an epoch that ended after the
    checkpoint from which a training resumes has never been, and ends again. Where ``writes`` is false, as in all
    workers but one, nothing is written; their record is the same, since all see the same metrics.

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
        """The best ``epoch``, from 0, and its ``value``; empty before the first epoch has ended."""
        return self.state["record"]

    def on_test_begin(self, logs: Logs = None) -> None:
        """Puts the average in place, so that it is what is judged."""
        if not self.average:
            return
        self._raw = self.model.get_weights()
        self._averaged = blend(self._averaged, self._raw, self.average)
        self.model.set_weights(self._averaged)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Keeps the weights if they are the best so far; stops when ``patience`` epochs brought nothing."""
        value = float((logs or {})[self.monitor])
        if not math.isfinite(value):
            # Nothing is less than NaN, which would stay the best for ever.
            raise MainlineError(TRAINER, f"{self.monitor} became {value} in epoch {epoch + 1}")
        state = BestState(**self.state)
        if not self.record or value < self.record["value"]:
            state |= {"record": {"epoch": epoch, "value": value}, "best": self._save("best", epoch)}
        elif epoch - self.record["epoch"] >= self.patience:
            progress.info("no better %s since epoch %d: stopping", self.monitor, int(self.record["epoch"]) + 1)
            self.model.stop_training = state["stopped"] = True
        if self._raw is not None:
            state["average"] = self._save("average", epoch)
            self.model.set_weights(self._raw)
        self.state = state

    def on_train_end(self, logs: Logs = None) -> None:
        """Puts the best weights in place, where they were written."""
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
    """The average so far, with one more epoch in it.

    >>> blend([np.array([2.0])], [np.array([4.0])], keep=0.5)[0].tolist()
    [3.0]
    """
    if averaged is None:
        return [weight.copy() for weight in weights]
    return [keep * old + (1.0 - keep) * new for old, new in zip(averaged, weights, strict=True)]


def pack(weights: Weights) -> bytes:
    """Weights as bytes."""
    buffer = io.BytesIO()
    np.savez(buffer, *weights)
    return buffer.getvalue()


def unpack(content: bytes) -> Weights:
    """Weights from bytes, in their order.

    >>> unpack(pack([np.array([1.0]), np.array([2.0])]))[1].tolist()
    [2.0]
    """
    with np.load(io.BytesIO(content)) as arrays:
        return [arrays[f"arr_{index}"] for index in range(len(arrays.files))]
