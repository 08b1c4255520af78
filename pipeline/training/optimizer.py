"""The optimizer, the schedule of the learning rate, and the precision of the arithmetic."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import tf_keras as keras

from pipeline.config.training import Training

POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}


def make_optimizer(training: Training, total_steps: int, undecayed: Sequence[str] = ()) -> keras.optimizers.Optimizer:
    """Return Adam or AdamW, with a linear warm-up to the peak and a cosine down to zero; float16 scales the loss.

    ``undecayed`` names the variables that weight decay leaves alone.

    Loshchilov & Hutter, SGDR (2017) and Decoupled Weight Decay Regularization (2019); on the scaling, Micikevicius et
    al., "Mixed Precision Training" (2018).
    """
    rate = schedule(training, total_steps)
    if training.optimizer == "adam":
        optimizer = keras.optimizers.Adam(rate, global_clipnorm=training.clip_norm)
    else:
        optimizer = keras.optimizers.AdamW(rate, weight_decay=training.weight_decay, global_clipnorm=training.clip_norm)
        optimizer.exclude_from_weight_decay(var_names=[pattern_of(name) for name in undecayed])
    return keras.mixed_precision.LossScaleOptimizer(optimizer) if training.precision == "float16" else optimizer


def pattern_of(name: str) -> str:
    """Return the regular expression of a variable's name and those of its copies on further local devices.

    >>> [bool(re.search(pattern_of("deep_0/bias:0"), f"deep_0/bias{copy}:0")) for copy in ("", "/replica_1", "_1")]
    [True, True, False]
    """
    return rf"^{re.escape(name.removesuffix(':0'))}(/replica_\d+)?:0$"


def schedule(training: Training, total_steps: int) -> keras.optimizers.schedules.LearningRateSchedule:
    """Return the learning rate by step, with its peak at ``training.learning_rate``."""
    warmup_steps = max(1, int(training.warmup_share * total_steps))
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0,
        decay_steps=max(1, total_steps - warmup_steps),
        warmup_target=training.learning_rate,
        warmup_steps=warmup_steps,
    )


@contextmanager
def layers_compute_in(precision: str) -> Iterator[None]:
    """Let layers that are built in this block compute in ``precision``; their variables stay float32.

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
