"""Training with parameter servers: each worker reads its own stream of rows, and the chief evaluates alone."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf
import tf_keras as keras

from pipeline.training.callbacks import Logs, progress
from pipeline.training.checkpoint.best_weights import BestWeights
from pipeline.training.input.batches import finished, stream
from pipeline.training.input.split_rows import Batches, Split, check_count, count_records


def worker_batches(
    split: Split, batch_size: int, seed: int, epoch: int, class_weights: Sequence[float] | None
) -> keras.utils.experimental.DatasetCreator:
    """Return full batches for every worker, each from all rows in its own order, so that a lost worker loses none.

    Steps go to the next free worker: an epoch is a number of rows, not each row once. So a worker cannot see whether
    rows are missing, and they are counted here, on the chief.

    Raises:
        MainlineError: the files do not have the rows of the split.
    """
    check_count(split, count_records(split.files))

    def make(_: tf.distribute.InputContext) -> Batches:
        worker = tf.distribute.coordinator.experimental_get_current_worker_index()
        # Far apart, so that neighbouring seeds of a config share no worker's seed.
        own_seed = seed * 4096 + tf.cast(worker, tf.int64)
        return finished(stream(split, batch_size, own_seed, epoch * split.rows), split, class_weights)

    return keras.utils.experimental.DatasetCreator(make)


class ChiefEvaluation(keras.callbacks.Callback):
    """Evaluate the weights of each epoch on the chief, on every eval row once; workers may come and go meanwhile.

    Must come first: the callbacks after it find the metrics in the logs of the epoch.
    """

    def __init__(self, copy: keras.Model, batches: Batches, steps: int, best: BestWeights) -> None:
        super().__init__()
        self.copy = copy
        self.batches = batches
        self.steps = steps
        self.best = best

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Add the metrics as ``val_*``."""
        self.best.on_test_begin()
        copy_weights(self.model, self.copy)
        found = self.copy.evaluate(self.batches, steps=self.steps, verbose=0, return_dict=True)
        if logs is not None:
            logs.update({f"val_{name}": value for name, value in found.items()})


def copy_weights(source: keras.Model, target: keras.Model) -> None:
    """Copy weights between models of the same layers; those of the source may be partitioned by rows."""
    for from_layer, to_layer in zip(source.layers, target.layers, strict=True):
        parts = from_layer.get_weights()
        for weight in to_layer.weights:
            whole = parts.pop(0)
            while whole.shape != tuple(weight.shape):
                whole = np.concatenate([whole, parts.pop(0)])
            weight.assign(whole)


def log_partitioned_tables(model: keras.Model, servers: int) -> None:
    """Log how many embedding tables are partitioned by rows; a smaller table is on a single server."""
    tables = [layer.embeddings for layer in model.layers if isinstance(layer, keras.layers.Embedding)]
    partitioned = sum(len(getattr(table, "variables", ())) > 1 for table in tables)
    progress.info(
        "%d of %d embedding tables are partitioned over %d parameter servers", partitioned, len(tables), servers
    )
