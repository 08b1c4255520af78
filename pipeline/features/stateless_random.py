"""Random numbers for layers: what a row gets follows from the seed, the step and its place in the global batch.

So a training that resumes draws what it would have drawn, and a batch draws the same whether one worker computes it,
several do, or one does in parts. Keras' own layers keep a hidden state instead, which no checkpoint holds. XLA draws
other numbers from the same seeds.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import tensorflow as tf
import tf_keras as keras


@dataclass(frozen=True)
class Place:
    """Which rows are computed: those from ``first_row`` of a global batch of ``batch_rows``, at a ``step``."""

    step: tf.Tensor
    first_row: tf.Tensor
    batch_rows: int


_place: ContextVar[Place | None] = ContextVar("place", default=None)


@contextmanager
def at(place: Place) -> Iterator[None]:
    """Says which rows are computed in this block; without, draws are those of the first rows of step 0."""
    token = _place.set(place)
    try:
        yield
    finally:
        _place.reset(token)


def uniform(rows: tf.Tensor, width: int, seed: int) -> tf.Tensor:
    """Numbers in [0, 1), float32 (rows, width), for the rows of the current place."""
    place = _place.get()
    if place is None:
        return tf.random.stateless_uniform([rows, width], seed_pair(seed, 0), alg="philox")
    drawn = tf.random.stateless_uniform([place.batch_rows, width], seed_pair(seed, place.step), alg="philox")
    return drawn[place.first_row : place.first_row + rows]


def seed_pair(seed: int, step: tf.Tensor | int) -> tf.Tensor:
    """The seed of a layer at a step, (2,) int64."""
    return tf.stack([tf.constant(seed, tf.int64), tf.cast(step, tf.int64)])


class Dropout(keras.layers.Dropout):
    """Sets a share ``rate`` of the values to zero in training and scales up the rest; (batch, ...) to the same shape.

    Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting" (2014).
    """

    def call(self, values: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Drops in training, passes otherwise."""
        if not training or not self.rate:
            return tf.identity(values)
        drawn = uniform(tf.shape(values)[0], math.prod(values.shape[1:]), self.seed or 0)
        kept = tf.reshape(drawn, tf.shape(values)) >= self.rate
        return tf.where(kept, values / (1.0 - self.rate), tf.zeros_like(values))
