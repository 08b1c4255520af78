"""Transformed examples as batches: read in parallel, cached, shuffled, parsed by batch, prefetched."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import tensorflow as tf

Batches: TypeAlias = tf.data.Dataset


def batches(
    file_patterns: Sequence[str],
    feature_spec: Mapping[str, object],
    label: str,
    batch_size: int,
    shuffle_seed: int | None = None,
    shard: tuple[int, int] = (1, 0),
) -> Batches:
    """Batches of (features, label) from gzipped TFRecords of tf.Example.

    Args:
        file_patterns: globs of the files to read.
        feature_spec: how to parse an example, the label included.
        label: name of the transformed label.
        batch_size: examples in a batch of this worker.
        shuffle_seed: shuffles anew each epoch, without end, when given; once, in the order of the files, when not.
        shard: (number of workers, index of this one). Shards by file when every worker gets one, else by record.
    """
    serialized = _records(file_patterns, shard).cache()
    if shuffle_seed is not None:
        serialized = serialized.shuffle(buffer_size=200_000, seed=shuffle_seed, reshuffle_each_iteration=True)
    batched = serialized.batch(batch_size)
    if shuffle_seed is not None:
        # A training that resumes within an epoch must be told how many steps an epoch has, and then needs no end.
        batched = batched.repeat()
    return (
        batched.map(lambda batch: _parse(batch, feature_spec, label), num_parallel_calls=tf.data.AUTOTUNE)
        .prefetch(tf.data.AUTOTUNE)
        .with_options(_without_auto_shard())
    )


def _records(file_patterns: Sequence[str], shard: tuple[int, int]) -> Batches:
    workers, index = shard
    files = sorted(name for pattern in file_patterns for name in tf.io.gfile.glob(pattern))
    by_file = workers > 1 and len(files) >= workers
    names = files[index::workers] if by_file else files
    records = tf.data.Dataset.from_tensor_slices(names).interleave(
        lambda name: tf.data.TFRecordDataset(name, compression_type="GZIP"),
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )
    return records if by_file else records.shard(workers, index)


def _parse(batch: tf.Tensor, feature_spec: Mapping[str, object], label: str) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
    features = tf.io.parse_example(batch, feature_spec)
    return features, features.pop(label)


def _without_auto_shard() -> tf.data.Options:
    """Sharding is decided here, so Keras must not shard once more."""
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    return options


def count_records(file_patterns: Sequence[str]) -> int:
    """How many records the files hold."""
    return sum(int(tf.size(batch)) for batch in _records(file_patterns, (1, 0)).batch(8192))
