"""Keeps AutoGraph out of tf_keras.

TensorFlow tells AutoGraph to leave ``keras`` as it is, but not ``tf_keras``, the same code under its later name: every
layer, optimizer and metric is then parsed and rewritten before the first step. For the recommender that took 33 of
48 s of tracing, and changed no number.
"""

from tensorflow.python.autograph.core import config

RULE = config.DoNotConvert("tf_keras")


def leave_keras_alone() -> None:
    """Adds the missing rule, once."""
    if RULE not in config.CONVERSION_RULES:
        config.CONVERSION_RULES = (RULE, *config.CONVERSION_RULES)
