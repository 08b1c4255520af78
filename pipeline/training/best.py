"""Which weights are kept: averaged over epochs if asked, the best of them on the eval split, safe from a kill."""

import io
import json
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tf_keras as keras

from pipeline.training.callbacks import progress

Weights = list[npt.NDArray[Any]]


class BestWeights(keras.callbacks.Callback):
    """Early stopping that survives a kill: the best weights and their score lie on disk, not in memory.

    With ``average`` above 0, an exponential average over epochs is what the eval split judges; training itself goes
    on from the weights as they were. Must stand before any callback that saves the weights to train on. At the end of
    training the model holds the best weights.

    Izmailov et al., "Averaging Weights Leads to Wider Optima and Better Generalization" (2018).
    """

    def __init__(self, directory: str, monitor: str, patience: int, average: float = 0.0) -> None:
        super().__init__()
        self.directory = directory
        self.monitor = monitor
        self.patience = patience
        self.average = average
        self.best: dict[str, float] = {}
        self._averaged: Weights | None = None
        self._raw: Weights | None = None

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Takes up what a run that was cut short has left."""
        if tf.io.gfile.exists(self._path("best.json")):
            self.best = json.loads(self._read("best.json"))
        if tf.io.gfile.exists(self._path("average.npz")):
            self._averaged = unpack(self._read("average.npz"))

    def on_test_begin(self, logs: dict[str, float] | None = None) -> None:
        """Puts the average in place, so that it is what is judged."""
        if not self.average:
            return
        self._raw = self.model.get_weights()
        self._averaged = blend(self._averaged, self._raw, self.average)
        self.model.set_weights(self._averaged)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Keeps the weights if they are the best so far; stops when ``patience`` epochs brought nothing."""
        value = float((logs or {})[self.monitor])
        if not self.best or value < self.best["value"]:
            self.best = {"epoch": epoch, "value": value}
            self._write("best.npz", pack(self.model.get_weights()))
            self._write("best.json", json.dumps(self.best).encode())
        elif epoch - self.best["epoch"] >= self.patience:
            progress.info("no better %s since epoch %d: stopping", self.monitor, int(self.best["epoch"]) + 1)
            self.model.stop_training = True
        if self._raw is not None and self._averaged is not None:
            self.model.set_weights(self._raw)
            self._write("average.npz", pack(self._averaged))

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Puts the best weights in place."""
        if self.best:
            self.model.set_weights(unpack(self._read("best.npz")))

    def _path(self, name: str) -> str:
        return f"{self.directory}/{name}"

    def _read(self, name: str) -> bytes:
        with tf.io.gfile.GFile(self._path(name), "rb") as file:
            return bytes(file.read())

    def _write(self, name: str, content: bytes) -> None:
        partial = self._path(f"{name}.partial")
        with tf.io.gfile.GFile(partial, "wb") as file:
            file.write(content)
        tf.io.gfile.rename(partial, self._path(name), overwrite=True)


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
