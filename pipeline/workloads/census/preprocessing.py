"""Raw columns to model inputs, as the feature table says."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from pipeline.features.contract import check_transformed
from pipeline.features.preprocess import transform
from pipeline.features.tensors import Column
from pipeline.workloads.census.features import TABLE


def preprocessing_fn(inputs: Mapping[str, Column], custom_config: Mapping[str, Any]) -> dict[str, tf.Tensor]:
    """Apply the table for TensorFlow Transform; ``custom_config`` holds the domains of closed columns."""
    outputs = transform(TABLE, inputs, custom_config["domains"])
    check_transformed(TABLE, outputs)
    return outputs
