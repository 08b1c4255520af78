"""The phases that a training reports while the other callbacks work."""

import numpy as np
import tf_keras as keras

from components.support import heartbeat
from pipeline.training.callbacks import EpochHeartbeat, Heartbeat


class Watcher(keras.callbacks.Callback):
    """Return the phase at each event of Keras, once."""

    def __init__(self):
        super().__init__()
        self.seen = {}

    def see(self, name):
        self.seen.setdefault(name, []).append(heartbeat.snapshot().phase)

    def on_train_begin(self, logs=None):
        self.see("train begin")

    def on_test_begin(self, logs=None):
        self.see("test begin")

    def on_test_batch_end(self, batch, logs=None):
        self.see("test batch")

    def on_epoch_end(self, epoch, logs=None):
        self.see("epoch end")

    def on_train_end(self, logs=None):
        self.see("train end")


def fitted(pulse):
    model = keras.Sequential([keras.layers.Dense(1, activation="sigmoid")])
    model.compile(loss="binary_crossentropy")
    rows, labels, watcher = np.ones((8, 2)), np.ones(8), Watcher()
    model.fit(
        rows, labels, batch_size=4, epochs=2, validation_data=(rows, labels), callbacks=[pulse, watcher], verbose=0
    )
    return watcher.seen


def test_weights_are_read_at_the_end_and_each_evaluation_may_have_rows_to_pass_over():
    assert fitted(Heartbeat()) == {
        "train begin": ["tracing"],
        "test begin": ["tracing"] * 2,
        "test batch": ["validating"] * 4,
        "epoch end": ["training"] * 2,
        "train end": ["reading weights"],
    }


def test_a_chief_of_others_reads_weights_at_the_end_too():
    assert fitted(EpochHeartbeat())["train end"] == ["reading weights"]
