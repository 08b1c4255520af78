"""What a fitting under parameter servers does otherwise: rows for each worker, and evaluation by the chief alone."""

import numpy as np
import tensorflow as tf
import tf_keras as keras

from pipeline.training.callbacks import Logs, progress
from pipeline.training.checkpoint.best_weights import BestWeights
from pipeline.training.input.batches import Batches, Split, finished, stream


def worker_batches(
    split: Split, batch_size: int, seed: int, epoch: int, class_weights: tuple[float, float]
) -> keras.utils.experimental.DatasetCreator:
    """Full batches for every worker, each in an order of its own over all rows, so that a lost worker loses none.

    Steps go to whoever is free: what an epoch saw is its number of rows, not each of them once.
    """

    def make(_: tf.distribute.InputContext) -> Batches:
        worker = tf.distribute.coordinator.experimental_get_current_worker_index()
        # No seed of one worker is another's for a neighbouring seed of the config.
        own_seed = seed * 4096 + tf.cast(worker, tf.int64)
        return finished(stream(split, batch_size, own_seed, epoch * split.rows), split, class_weights)

    return keras.utils.experimental.DatasetCreator(make)


class ChiefEvaluation(keras.callbacks.Callback):
    """Evaluates the weights of each epoch in the chief, on all eval rows once; workers may come and go meanwhile.

    Must stand first: the callbacks behind find the metrics in the logs of the epoch.
    """

    def __init__(self, copy: keras.Model, batches: Batches, steps: int, best: BestWeights) -> None:
        super().__init__()
        self.copy = copy
        self.batches = batches
        self.steps = steps
        self.best = best

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Adds the metrics, as ``val_*``."""
        self.best.on_test_begin()
        copy_weights(self.model, self.copy)
        found = self.copy.evaluate(self.batches, steps=self.steps, verbose=0, return_dict=True)
        if logs is not None:
            logs.update({f"val_{name}": value for name, value in found.items()})


def copy_weights(source: keras.Model, target: keras.Model) -> None:
    """Copies weights between models of the same layers; those of the source may be partitioned by rows."""
    for giver, taker in zip(source.layers, target.layers, strict=True):
        parts = giver.get_weights()
        for weight in taker.weights:
            whole = parts.pop(0)
            while whole.shape != tuple(weight.shape):
                whole = np.concatenate([whole, parts.pop(0)])
            weight.assign(whole)


def tell_spread(model: keras.Model, servers: int) -> None:
    """Says how many embedding tables are cut by rows, a part for each server; smaller ones lie on one of them."""
    tables = [layer.embeddings for layer in model.layers if isinstance(layer, keras.layers.Embedding)]
    spread = sum(len(getattr(table, "variables", ())) > 1 for table in tables)
    progress.info("%d of %d embedding tables are spread over %d parameter servers", spread, len(tables), servers)
