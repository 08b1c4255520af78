"""The optimizer, the learning rate over time, and the precision of the arithmetic."""

from collections.abc import Iterator
from contextlib import contextmanager

import tf_keras as keras

from pipeline.config.training import Training

POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}


def make_optimizer(training: Training, total_steps: int) -> keras.optimizers.Optimizer:
    """Adam or AdamW, with a linear warm-up to the peak and a cosine down to zero; float16 scales the loss.

    Loshchilov & Hutter, SGDR (2017) and Decoupled Weight Decay Regularization (2019). Embeddings, biases and the
    linear side are not decayed: a row of a table that a batch does not touch must not shrink for it. Micikevicius et
    al., "Mixed Precision Training" (2018) on the scaling.
    """
    rate = schedule(training, total_steps)
    if training.optimizer == "adam":
        optimizer = keras.optimizers.Adam(rate, global_clipnorm=training.clip_norm)
    else:
        optimizer = keras.optimizers.AdamW(rate, weight_decay=training.weight_decay, global_clipnorm=training.clip_norm)
        optimizer.exclude_from_weight_decay(var_names=["bias", "embedding", "wide_"])
    return keras.mixed_precision.LossScaleOptimizer(optimizer) if training.precision == "float16" else optimizer


def schedule(training: Training, total_steps: int) -> keras.optimizers.schedules.LearningRateSchedule:
    """Learning rate by step, peak at ``training.learning_rate``."""
    warmup_steps = max(1, int(training.warmup_share * total_steps))
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0,
        decay_steps=max(1, total_steps - warmup_steps),
        warmup_target=training.learning_rate,
        warmup_steps=warmup_steps,
    )


@contextmanager
def layers_compute_in(precision: str) -> Iterator[None]:
    """Layers built in this block compute in ``precision``, and keep their variables in float32.

    >>> with layers_compute_in("bfloat16"):
    ...     layer = keras.layers.Dense(1)
    >>> layer.compute_dtype, keras.layers.Dense(1).compute_dtype
    ('bfloat16', 'float32')
    """
    before = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy(POLICIES[precision])
    try:
        yield
    finally:
        keras.mixed_precision.set_global_policy(before)
