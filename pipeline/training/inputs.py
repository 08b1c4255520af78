"""Transformed examples as batches: training rows as one endless stream that can be entered anywhere, eval rows once.

A stream is a matter of the seed alone: epoch ``e`` is a shuffle seeded by (seed, e), batches are always full and run
over the border of an epoch. Step ``s`` therefore begins at row ``s * batch size``, whoever reads, and however often the
reading began anew.
"""

import dataclasses
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import tensorflow as tf

from pipeline.errors import ConfigError

progress = logging.getLogger("mainline.progress")

Batches: TypeAlias = tf.data.Dataset
Example: TypeAlias = tuple[dict[str, tf.Tensor], tf.Tensor, tf.Tensor]
# As many rows are held in memory: the shuffle of a larger split is within a window of this size.
SHUFFLED_ROWS = 200_000
CACHED_ROWS = 2_000_000
FOREVER = 2**62


@dataclass(frozen=True)
class Split:
    """The transformed rows of one split, gzipped TFRecords of tf.Example, and how to read one.

    ``spec`` parses an example, label and weight included.
    """

    files: tuple[str, ...]
    rows: int
    spec: Mapping[str, object]
    label: str
    weight: str | None = None


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
    """The files that globs match, in order."""
    return tuple(sorted(name for pattern in patterns for name in tf.io.gfile.glob(pattern)))


def count_records(file_patterns: Sequence[str]) -> int:
    """How many records the files hold."""
    return sum(int(tf.size(batch)) for batch in read(list_files(file_patterns)).batch(8192))


def read(files: Sequence[str]) -> Batches:
    """Serialized examples, in an order that is always the same."""
    return tf.data.Dataset.from_tensor_slices(tf.constant(list(files), tf.string)).interleave(
        lambda name: tf.data.TFRecordDataset(name, compression_type="GZIP"),
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )


def training_batches(
    split: Split,
    batch_size: int,
    seed: int,
    first_step: int = 0,
    share: Share | None = None,
    class_weights: tuple[float, float] = (1.0, 1.0),
    sharding: Literal["record", "file"] = "record",
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
    stream = rows_from(split, seed, first_step * batch_size).batch(batch_size, drop_remainder=True)
    return finished(cut(stream, cuts, batch_size), split, class_weights, endless=True)


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


def rows_from(split: Split, seed: int | tf.Tensor, first_row: int) -> Batches:
    """The endless stream of serialized rows from one of them on, shuffled anew in each epoch."""
    records = kept(read(split.files), split.rows)
    epoch, skipped = divmod(first_row, split.rows)
    epochs = tf.data.Dataset.range(epoch, FOREVER).flat_map(
        lambda index: shuffled(records, min(split.rows, SHUFFLED_ROWS), seed, index)
    )
    return epochs.skip(skipped)


def kept(records: Batches, rows: int) -> Batches:
    """Records in memory after the first pass, unless they are too many."""
    return records.cache() if rows <= CACHED_ROWS else records


def shuffled(records: Batches, window: int, seed: int | tf.Tensor, epoch: tf.Tensor) -> Batches:
    """Records in an order of (seed, epoch). ``Dataset.shuffle`` would mix the process's global seed into it."""
    variant = tf.raw_ops.ShuffleDataset(
        input_dataset=tf.data.experimental.to_variant(records),
        buffer_size=window,
        # A pair of zeros would mean a seed from the clock.
        seed=tf.cast(seed, tf.int64) + 1,
        seed2=epoch,
        reshuffle_each_iteration=False,
        output_types=[tf.string],
        output_shapes=[[]],
    )
    return tf.data.experimental.from_variant(variant, records.element_spec)


def cut(batched: Batches, cuts: Sequence[tuple[int, int]], batch_size: int) -> Batches:
    """The parts of each batch that the replicas of this process get, one after another."""
    if list(cuts) == [(0, batch_size)]:
        return batched
    low, high = zip(*cuts, strict=True)
    if len(cuts) == 1:
        return batched.map(lambda batch: batch[low[0] : high[0]])
    lows, highs = tf.constant(low), tf.constant(high)
    return batched.flat_map(
        lambda batch: tf.data.Dataset.range(len(cuts)).map(lambda index: batch[lows[index] : highs[index]])
    )


def eval_batches(split: Split, batch_size: int, share: Share | None = None) -> tuple[Batches, int]:
    """Batches of (features, label, weight), and how many of them each replica gets: as many as any other.

    Batches are full: behind the last row the first ones follow again, with a weight of 0.
    """
    share = share or Share()
    size = -(-min(batch_size, split.rows) // share.total)
    steps = -(-split.rows // (size * share.total))
    own = size * steps * share.count
    counted = tf.data.Dataset.range(share.worker * own, FOREVER).map(lambda index: float_of(index < split.rows))
    records = kept(read(split.files), split.rows).repeat().skip(share.worker * own)
    pairs = tf.data.Dataset.zip((records, counted)).take(own).batch(size, drop_remainder=True)
    return finished(pairs, split, (1.0, 1.0), endless=False), steps


def float_of(truth: tf.Tensor) -> tf.Tensor:
    """1.0 for what is true."""
    return tf.cast(truth, tf.float32)


def finished(batched: Batches, split: Split, class_weights: tuple[float, float], endless: bool) -> Batches:
    """Parsed, and prefetched."""
    parsed = batched.map(parser(split, class_weights), num_parallel_calls=tf.data.AUTOTUNE)
    if endless:
        parsed = parsed.apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY))
    return parsed.prefetch(tf.data.AUTOTUNE)


def parser(split: Split, class_weights: tuple[float, float]) -> Callable[..., Example]:
    """A function from serialized rows (batch,) to (features, label (batch, 1), weight (batch,) float32)."""

    def parse(serialized: tf.Tensor, counted: tf.Tensor | None = None) -> Example:
        features = tf.io.parse_example(serialized, split.spec)
        label = features.pop(split.label)
        by_class = tf.gather(tf.constant(class_weights, tf.float32), tf.reshape(tf.cast(label, tf.int32), [-1]))
        weight = by_class if counted is None else by_class * counted
        return features, label, weight * tf.reshape(features.pop(split.weight), [-1]) if split.weight else weight

    return parse
