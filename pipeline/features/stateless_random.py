"""Random numbers for layers that depend only on the seed, the step and the position of a row in the global batch.

So a resumed training draws the numbers that it would have drawn, and a batch the same ones whether one worker computes
it, several do, or one in parts. Keras's own layers have a hidden state that no checkpoint holds. XLA draws other
numbers from the same seeds.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import tensorflow as tf
import tf_keras as keras


@dataclass(frozen=True)
class BatchPosition:
    """The rows that are computed: those from ``first_row`` of a global batch of ``batch_rows``, at a ``step``."""

    step: tf.Tensor
    first_row: tf.Tensor
    batch_rows: int


_position: ContextVar[BatchPosition | None] = ContextVar("position", default=None)


@contextmanager
def at(position: BatchPosition) -> Iterator[None]:
    """Set the rows that are computed in this block; outside of one, draws are those of the first rows of step 0."""
    token = _position.set(position)
    try:
        yield
    finally:
        _position.reset(token)


def uniform(rows: tf.Tensor, width: int, seed: int) -> tf.Tensor:
    """Draw numbers in [0, 1), float32 (rows, width), for the rows of the current position."""
    position = _position.get()
    if position is None:
        return tf.random.stateless_uniform([rows, width], seed_pair(seed, 0), alg="philox")
    drawn = tf.random.stateless_uniform([position.batch_rows, width], seed_pair(seed, position.step), alg="philox")
    return drawn[position.first_row : position.first_row + rows]


def seed_pair(seed: int, step: tf.Tensor | int) -> tf.Tensor:
    """Return the seed of a layer at a step, (2,) int64."""
    return tf.stack([tf.constant(seed, tf.int64), tf.cast(step, tf.int64)])


class Dropout(keras.layers.Dropout):
    """Set a share ``rate`` of the values to zero in training and scale up the rest; the shape (batch, ...) stays.

    Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting" (2014).
    """

    def call(self, values: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Drop values in training only."""
        if not training or not self.rate:
            return tf.identity(values)
        drawn = uniform(tf.shape(values)[0], math.prod(values.shape[1:]), self.seed or 0)
        kept = tf.reshape(drawn, tf.shape(values)) >= self.rate
        return tf.where(kept, values / (1.0 - self.rate), tf.zeros_like(values))
