"""Batches of transformed examples: an endless shuffled stream for training, to enter at any step, and eval batches.

The order depends on the seed alone: epoch ``e`` is shuffled by (seed, e), and batches are always full and continue
across the end of an epoch. So step ``s`` always begins at row ``s * batch size``, on any worker and after any number of
restarts. Another version of this file may shuffle differently.

A split of up to ``split_rows.HELD_BYTES`` is parsed once and kept in memory. A larger one is read again in each epoch:
its parts in a shuffled order, and their rows shuffled window by window. The parts are parsed blocks on the local disk
if there is room for them, else the files themselves.
"""

import dataclasses
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import tensorflow as tf

from pipeline.errors import ConfigError
from pipeline.training.input.columns import Matrices, pick, unpack
from pipeline.training.input.split_rows import Batches, Split, count_records, hold, in_blocks

progress = logging.getLogger("mainline.progress")

Example: TypeAlias = tuple[dict[str, tf.Tensor], tf.Tensor, tf.Tensor]
FOREVER = 2**62
# Shuffles the parts; windows have the numbers from 0 on.
PARTS = -1


@dataclass(frozen=True)
class Share:
    """The replicas that this process computes: ``count`` from ``first`` on, out of ``total``."""

    first: int = 0
    count: int = 1
    total: int = 1

    @property
    def worker(self) -> int:
        """The index of this process."""
        return self.first // self.count

    @property
    def workers(self) -> int:
        """The number of processes."""
        return self.total // self.count

    def cuts(self, rows: int) -> list[tuple[int, int]]:
        """Return where each replica of this process begins and ends in a batch; sizes differ by at most one.

        >>> [Share(worker, 1, 3).cuts(10) for worker in range(3)]
        [[(0, 3)], [(3, 6)], [(6, 10)]]
        """
        replicas = range(self.first, self.first + self.count)
        return [(rows * index // self.total, rows * (index + 1) // self.total) for index in replicas]


def training_batches(
    split: Split,
    batch_size: int,
    seed: int,
    first_step: int = 0,
    share: Share | None = None,
    class_weights: Sequence[float] | None = None,
    sharding: Literal["record", "file"] = "record",
    folder: Path | None = None,
) -> Batches:
    """Return batches of (features, label, weight) for this process, one per replica and step, from ``first_step`` on.

    Args:
        split: the rows of all workers.
        batch_size: rows in a global batch.
        seed: for the order of the rows.
        first_step: the number of global batches that were read before.
        share: the replicas of this process; by default, all.
        class_weights: factors for rows of label 0, of label 1, and so on; by default, all rows count the same.
        sharding: ``record`` reads a share of every global batch, ``file`` reads this worker's own files.
        folder: for parsed blocks, for as long as the batches are read.

    Raises:
        ConfigError: a global batch has fewer rows than there are replicas.
        MainlineError: the files do not have the rows of the split.
    """
    share = share or Share()
    if batch_size < share.total:
        raise ConfigError(
            "training.batch_size", "fewer rows in a global batch than workers that share it",
            expected=f"at least {share.total}", received=str(batch_size),
        )  # fmt: skip
    cuts = share.cuts(batch_size)
    if sharding == "file" and (own := own_files(split, share)) is not None:
        offset, end = cuts[0][0], cuts[-1][1]
        split, seed, batch_size = own, seed + share.worker, end - offset
        cuts = [(low - offset, high - offset) for low, high in cuts]
    split = in_blocks(split, folder)
    return finished(stream(split, batch_size, seed, first_step * batch_size, cuts), split, class_weights)


def own_files(split: Split, share: Share) -> Split | None:
    """Return the split with this worker's files only, or None if there are fewer files than workers."""
    if len(split.files) < share.workers:
        progress.info("%d files are too few for %d workers: sharding by record", len(split.files), share.workers)
        return None
    files = split.files[share.worker :: share.workers]
    known = split.rows_by_file
    rows = sum(known[path] for path in files) if known.keys() >= set(files) else count_records(files)
    if not rows:
        raise ConfigError("training.sharding", f"the files of worker {share.worker} have no rows", expected="record")
    return dataclasses.replace(split, files=files, rows=rows)


def stream(
    split: Split, batch_size: int, seed: int | tf.Tensor, first_row: int, cuts: Sequence[tuple[int, int]] | None = None
) -> Batches:
    """Return the endless shuffled stream from ``first_row`` on, as matrices of full batches or of ``cuts`` of them."""
    cuts = cuts or [(0, batch_size)]
    if not split.is_held():
        return cut(windows(split, seed, first_row).rebatch(batch_size, drop_remainder=True), cuts, batch_size)
    held = hold(split)
    numbers = cut(orders(split.rows, seed, first_row).rebatch(batch_size, drop_remainder=True), cuts, batch_size)
    return numbers.map(lambda rows: pick(held, rows), num_parallel_calls=tf.data.AUTOTUNE)


def orders(rows: int, seed: int | tf.Tensor, first_row: int) -> Batches:
    """Return the row numbers in the order of each epoch, one element per epoch; the first is the rest of its epoch."""
    epoch, skipped = divmod(first_row, rows)
    begun = tf.data.Dataset.from_tensors(shuffled(rows, seed, epoch)[skipped:])
    later = tf.data.Dataset.range(epoch + 1, FOREVER).map(lambda index: shuffled(rows, seed, index))
    return begun.concatenate(later).prefetch(1)


def windows(split: Split, seed: int | tf.Tensor, first_row: int) -> Batches:
    """Return the rows of each epoch as matrices, one element per window; the first epoch is the rest of it."""
    epoch, skipped = divmod(first_row, split.rows)
    window, parts = split.window(), tf.constant(list(split.parts), tf.string)

    def read(index: tf.Tensor) -> Batches:
        gone = tf.where(index == epoch, tf.constant(skipped, tf.int64), 0)
        order = shuffled(len(split.parts), seed, index, PARTS)

        def left(number: tf.Tensor, matrices: Matrices) -> Matrices:
            rows = shuffled(tf.shape(matrices[0])[0], seed, index, number)
            return pick(matrices, rows[tf.maximum(gone - number * window, 0) :])

        whole = split.read(tf.gather(parts, order)).rebatch(window)
        return whole.enumerate().skip(gone // window).map(left)

    return tf.data.Dataset.range(epoch, FOREVER).flat_map(read).prefetch(1)


def shuffled(rows: int | tf.Tensor, seed: int | tf.Tensor, *position: int | tf.Tensor) -> tf.Tensor:
    """Return the numbers below ``rows`` in an order that depends on the seed and on ``position``, such as an epoch."""
    key = tf.stack([tf.cast(seed, tf.int64), tf.constant(0, tf.int64)])
    for part in position:
        key = tf.random.experimental.stateless_fold_in(key, tf.cast(part, tf.int64))
    return tf.random.experimental.stateless_shuffle(tf.range(tf.cast(rows, tf.int64)), key)


def cut(batched: Batches, cuts: Sequence[tuple[int, int]], batch_size: int) -> Batches:
    """Return the parts of each batch that the replicas of this process compute, one after another."""
    if list(cuts) == [(0, batch_size)]:
        return batched
    lows, highs = (tf.constant(bounds, tf.int64) for bounds in zip(*cuts, strict=True))

    def parts(*batch: tf.Tensor) -> Batches:
        replicas = tf.data.Dataset.range(len(cuts))
        return replicas.map(lambda index: tuple(tensor[lows[index] : highs[index]] for tensor in batch))

    return batched.flat_map(parts)


def eval_batches(
    split: Split, batch_size: int, share: Share | None = None, folder: Path | None = None
) -> tuple[Batches, int]:
    """Return batches of (features, label, weight), and how many each replica gets, which is the same for all.

    Batches are full: after the last row the first ones follow again, with a weight of 0. ``folder`` is for blocks.
    """
    share = share or Share()
    size = -(-min(batch_size, split.rows) // share.total)
    steps = -(-split.rows // (size * share.total))
    count = steps * share.count
    numbers = tf.data.Dataset.range(share.worker * count, (share.worker + 1) * count)
    numbers = numbers.map(lambda index: index * size + tf.range(size, dtype=tf.int64))
    if split.is_held():
        held = hold(split)
        rows = numbers.map(lambda wanted: pick(held, wanted % split.rows), num_parallel_calls=tf.data.AUTOTUNE)
    else:
        split = in_blocks(split, folder)
        rows = split.read(tf.constant(list(split.parts), tf.string)).repeat().rebatch(size).skip(share.worker * count)
    counted = numbers.map(lambda wanted: tf.cast(wanted < split.rows, tf.float32))
    pairs = tf.data.Dataset.zip((rows, counted))
    return pairs.map(finisher(split), num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE), steps


def first_batch(split: Split, batch_size: int) -> Example:
    """Return up to ``batch_size`` first rows of a split as (features, label, weight)."""
    rows = split.read(tf.constant(list(split.parts), tf.string)).rebatch(batch_size)
    return finisher(split)(next(iter(rows)))


def finished(batched: Batches, split: Split, class_weights: Sequence[float] | None) -> Batches:
    """Turn an endless stream of matrices into batches of (features, label, weight), prefetched."""
    finish = finisher(split, class_weights)
    batches = batched.map(lambda *matrices: finish(matrices), num_parallel_calls=tf.data.AUTOTUNE)
    endless = batches.apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY))
    return endless.prefetch(tf.data.AUTOTUNE)


def finisher(split: Split, class_weights: Sequence[float] | None = None) -> Callable[..., Example]:
    """Return a function from matrices to (features, label (batch, 1), weight (batch,) float32)."""

    def finish(matrices: Matrices, counted: tf.Tensor | None = None) -> Example:
        features = unpack(matrices, split.spec)
        label = features.pop(split.label)
        by_class = label_weights(tf.reshape(label, [-1]), class_weights)
        weight = by_class if counted is None else by_class * counted
        return features, label, weight * tf.reshape(features.pop(split.weight), [-1]) if split.weight else weight

    return finish


def label_weights(label: tf.Tensor, class_weights: Sequence[float] | None) -> tf.Tensor:
    """Return the weights of rows by their label (batch,), each 1 without weights of classes; (batch,) float32."""
    if class_weights is None:
        return tf.ones_like(label, tf.float32)
    return tf.gather(tf.constant(class_weights, tf.float32), tf.cast(label, tf.int32))
