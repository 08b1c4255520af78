"""Ids of texts: their places in a vocabulary, and hashes of all other texts behind it."""

from collections.abc import Sequence

import tensorflow as tf
import tensorflow_transform as tft


def vocabulary_ids(values: tf.Tensor, filename: str, size: int, oov: int, min_count: int) -> tf.Tensor:
    """Return places in the vocabulary of the training rows; other values are hashed into the ids from ``size`` on.

    TensorFlow Transform's own lookup begins right behind the terms that it found. A model that hides ids in training,
    to learn what to do with unknown ones, could then not know which ids those are.

    Args:
        values: (batch, 1) string.
        filename: of the vocabulary.
        size: the most terms; the frequent ones are kept.
        oov: how many ids the other values share.
        min_count: how often a term must occur.
    """
    terms = tft.vocabulary(
        values, top_k=size, frequency_threshold=min_count if min_count > 1 else None, vocab_filename=filename
    )
    known = tft.apply_vocabulary(values, terms, default_value=-1)
    return tf.where(known >= 0, known, size + tf.strings.to_hash_bucket_fast(values, oov))


def domain_ids(values: tf.Tensor, domain: Sequence[str], size: int, oov: int) -> tf.Tensor:
    """Return places in a domain; other values are hashed into the ``oov`` ids from ``size`` on."""
    keys = tf.constant(list(domain), tf.string)
    places = tf.range(len(domain), dtype=tf.int64)
    table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(keys, places), default_value=-1)
    known = table.lookup(values)
    return tf.where(known >= 0, known, size + tf.strings.to_hash_bucket_fast(values, oov))
