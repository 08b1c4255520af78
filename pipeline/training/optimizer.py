"""The optimizer and the learning rate over time."""

import tf_keras as keras

from pipeline.config import Training


def make_optimizer(training: Training, total_steps: int) -> keras.optimizers.Optimizer:
    """Adam or AdamW, with a linear warm-up to the peak and a cosine down to zero.

    Loshchilov & Hutter, SGDR (2017) and Decoupled Weight Decay Regularization (2019). Embeddings, biases and the
    linear side are not decayed: a row of a table that a batch does not touch must not shrink for it.
    """
    rate = schedule(training, total_steps)
    if training.optimizer == "adam":
        return keras.optimizers.Adam(rate, global_clipnorm=training.clip_norm)
    optimizer = keras.optimizers.AdamW(rate, weight_decay=training.weight_decay, global_clipnorm=training.clip_norm)
    optimizer.exclude_from_weight_decay(var_names=["bias", "embedding", "wide_"])
    return optimizer


def schedule(training: Training, total_steps: int) -> keras.optimizers.schedules.LearningRateSchedule:
    """Learning rate by step, peak at ``training.learning_rate``."""
    warmup_steps = max(1, int(training.warmup_share * total_steps))
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0,
        decay_steps=max(1, total_steps - warmup_steps),
        warmup_target=training.learning_rate,
        warmup_steps=warmup_steps,
    )
