"""Transformed examples as batches: training rows as one endless stream that can be entered anywhere, eval rows once.

A stream is a matter of the seed alone: epoch ``e`` is a shuffle seeded by (seed, e), batches are always full and run
over the border of an epoch. Step ``s`` therefore begins at row ``s * batch size``, whoever reads, and however often the
reading began anew. The order is that of one version of this file: another may shuffle otherwise.

A split that fits in ``HELD_BYTES`` is parsed once, and a batch is a gather from memory. A larger one is read anew in
each epoch, its parts in an order of the epoch, and shuffled window by window. The parts are blocks on the local disk,
parsed once, where there is a folder with room for them, else the files themselves.
"""

import dataclasses
import logging
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import tensorflow as tf

from components.support.folders import all_files
from components.support.heartbeat import beat
from pipeline.errors import ConfigError
from pipeline.training.input.columns import Matrices, Spec, pick, read_matrices, read_serialized, row_bytes, unpack
from pipeline.training.input.disk_cache import has_room, read_blocks, write_blocks

progress = logging.getLogger("mainline.progress")

Batches: TypeAlias = tf.data.Dataset
Example: TypeAlias = tuple[dict[str, tf.Tensor], tf.Tensor, tf.Tensor]
HELD_BYTES = 128 * 2**20
WINDOW_BYTES = 32 * 2**20
FOREVER = 2**62
# How many are counted between two words on how far the counting is.
BATCHES_AT_ONCE = 64
# What is shuffled, where it is not a window of rows.
PARTS = -1


@dataclass(frozen=True)
class Split:
    """The transformed rows of one split, gzipped TFRecords of tf.Example, and how to read one.

    ``spec`` parses an example, label and weight included. ``blocks`` are the same rows once more, parsed.
    """

    files: tuple[str, ...]
    rows: int
    spec: Spec
    label: str
    weight: str | None = None
    blocks: tuple[str, ...] = ()

    @property
    def parsed_bytes(self) -> int:
        """What all rows take as numbers."""
        return self.rows * row_bytes(self.spec)

    def is_held(self) -> bool:
        """Whether all rows fit in memory."""
        return self.parsed_bytes <= HELD_BYTES

    def window(self) -> int:
        """How many rows are shuffled at a time where not all of them are held."""
        return max(1, WINDOW_BYTES // row_bytes(self.spec))

    @property
    def parts(self) -> tuple[str, ...]:
        """What is read where not all rows are held."""
        return self.blocks or self.files

    def read(self, parts: tf.Tensor) -> Batches:
        """The rows of some parts, in order, as matrices."""
        return read_blocks(parts, self.spec) if self.blocks else read_matrices(parts, self.spec)


@dataclass(frozen=True)
class Share:
    """The replicas that this process computes: ``count`` from ``first`` on, out of ``total``."""

    first: int = 0
    count: int = 1
    total: int = 1

    @property
    def worker(self) -> int:
        """Which of the processes this is."""
        return self.first // self.count

    @property
    def workers(self) -> int:
        """How many processes there are."""
        return self.total // self.count

    def cuts(self, rows: int) -> list[tuple[int, int]]:
        """Where each replica of this process begins and ends in a batch; sizes differ by at most one.

        >>> [Share(worker, 1, 3).cuts(10) for worker in range(3)]
        [[(0, 3)], [(3, 6)], [(6, 10)]]
        """
        replicas = range(self.first, self.first + self.count)
        return [(rows * index // self.total, rows * (index + 1) // self.total) for index in replicas]


def list_files(patterns: Sequence[str]) -> tuple[str, ...]:
    """The files that some places stand for, in order: each is a file, or all of a folder if it ends with ``/*``."""
    return tuple(all_files(patterns))


def count_records(file_patterns: Sequence[str]) -> int:
    """How many records the files hold."""
    sizes = read_serialized(list_files(file_patterns)).map(tf.size).batch(BATCHES_AT_ONCE)
    total = 0
    for some in sizes.as_numpy_iterator():
        total += int(some.sum())
        beat()
    return total


def training_batches(
    split: Split,
    batch_size: int,
    seed: int,
    first_step: int = 0,
    share: Share | None = None,
    class_weights: tuple[float, float] = (1.0, 1.0),
    sharding: Literal["record", "file"] = "record",
    folder: Path | None = None,
) -> Batches:
    """Batches of (features, label, weight) for this process, one per replica and step, from ``first_step`` on.

    Args:
        split: the rows of all workers.
        batch_size: rows in a global batch.
        seed: decides the order of the rows.
        first_step: how many global batches have been read before.
        share: what this process computes; all, when not given.
        class_weights: what a row of label 0 and one of label 1 counts, beside its own weight.
        sharding: ``record``: the share of every global batch; ``file``: batches of this worker's own files.
        folder: where blocks may lie as long as the batches are read.

    Raises:
        ConfigError: a batch of fewer rows than replicas.
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


def in_blocks(split: Split, folder: Path | None) -> Split:
    """The split with blocks in a new folder below another one, if it is not held and there is room for them."""
    if folder is None or split.is_held():
        return split
    gigabytes = split.parsed_bytes / 1e9
    if not has_room(folder, split.parsed_bytes):
        progress.info("no room in %s for %.1f GB of rows: they are parsed anew in each epoch", folder, gigabytes)
        return split
    progress.info("%d rows are parsed once, %.1f GB in %s", split.rows, gigabytes, folder)
    own = Path(tempfile.mkdtemp(dir=folder))
    return dataclasses.replace(split, blocks=write_blocks(split.files, split.spec, own))


def own_files(split: Split, share: Share) -> Split | None:
    """The split with this worker's files alone, or None where there are not enough for all workers."""
    if len(split.files) < share.workers:
        progress.info("%d files are too few for %d workers: sharding by record", len(split.files), share.workers)
        return None
    files = split.files[share.worker :: share.workers]
    rows = count_records(files)
    if not rows:
        raise ConfigError("training.sharding", f"the files of worker {share.worker} have no rows", expected="record")
    return dataclasses.replace(split, files=files, rows=rows)


def stream(
    split: Split, batch_size: int, seed: int | tf.Tensor, first_row: int, cuts: Sequence[tuple[int, int]] | None = None
) -> Batches:
    """The endless stream from one row on, shuffled anew in each epoch: matrices of full batches or of cuts of them."""
    cuts = cuts or [(0, batch_size)]
    if not split.is_held():
        return cut(windows(split, seed, first_row).rebatch(batch_size, drop_remainder=True), cuts, batch_size)
    held = hold(split)
    numbers = cut(orders(split.rows, seed, first_row).rebatch(batch_size, drop_remainder=True), cuts, batch_size)
    return numbers.map(lambda rows: pick(held, rows), num_parallel_calls=tf.data.AUTOTUNE)


def hold(split: Split) -> Matrices:
    """All rows, in memory."""
    whole: Matrices = read_matrices(split.files, split.spec).rebatch(split.rows).get_single_element()
    return whole


def orders(rows: int, seed: int | tf.Tensor, first_row: int) -> Batches:
    """The numbers of all rows as each epoch has them, one element an epoch; the first one is what is left of it."""
    epoch, skipped = divmod(first_row, rows)
    begun = tf.data.Dataset.from_tensors(shuffled(rows, seed, epoch)[skipped:])
    later = tf.data.Dataset.range(epoch + 1, FOREVER).map(lambda index: shuffled(rows, seed, index))
    return begun.concatenate(later).prefetch(1)


def windows(split: Split, seed: int | tf.Tensor, first_row: int) -> Batches:
    """All rows of each epoch as matrices, a window an element; the first epoch is what is left of it."""
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


def shuffled(rows: int | tf.Tensor, seed: int | tf.Tensor, *place: int | tf.Tensor) -> tf.Tensor:
    """The numbers below ``rows`` in an order of seed and place, such as an epoch, alone."""
    key = tf.stack([tf.cast(seed, tf.int64), tf.constant(0, tf.int64)])
    for part in place:
        key = tf.random.experimental.stateless_fold_in(key, tf.cast(part, tf.int64))
    return tf.random.experimental.stateless_shuffle(tf.range(tf.cast(rows, tf.int64)), key)


def cut(batched: Batches, cuts: Sequence[tuple[int, int]], batch_size: int) -> Batches:
    """The parts of each batch that the replicas of this process get, one after another."""
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
    """Batches of (features, label, weight), and how many of them each replica gets: as many as any other.

    Batches are full: behind the last row the first ones follow again, with a weight of 0. Blocks may lie in ``folder``.
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
    """The first rows of a split, at most so many, as (features, label, weight)."""
    rows = split.read(tf.constant(list(split.parts), tf.string)).rebatch(batch_size)
    return finisher(split)(next(iter(rows)))


def finished(batched: Batches, split: Split, class_weights: tuple[float, float]) -> Batches:
    """An endless stream of matrices as batches of (features, label, weight), prefetched."""
    finish = finisher(split, class_weights)
    batches = batched.map(lambda *matrices: finish(matrices), num_parallel_calls=tf.data.AUTOTUNE)
    endless = batches.apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY))
    return endless.prefetch(tf.data.AUTOTUNE)


def finisher(split: Split, class_weights: tuple[float, float] = (1.0, 1.0)) -> Callable[..., Example]:
    """A function from matrices to (features, label (batch, 1), weight (batch,) float32)."""

    def finish(matrices: Matrices, counted: tf.Tensor | None = None) -> Example:
        features = unpack(matrices, split.spec)
        label = features.pop(split.label)
        by_class = tf.gather(tf.constant(class_weights, tf.float32), tf.reshape(tf.cast(label, tf.int32), [-1]))
        weight = by_class if counted is None else by_class * counted
        return features, label, weight * tf.reshape(features.pop(split.weight), [-1]) if split.weight else weight

    return finish
