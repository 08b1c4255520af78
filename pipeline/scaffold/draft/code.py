"""The texts of preprocessing.py, model.py and trainer.py, which are the same for every table but for its name."""

from pipeline.scaffold.draft.workload import Draft


def preprocessing_text(draft: Draft) -> str:
    """Return the text of preprocessing.py."""
    return f'''"""Raw columns to model inputs, as the feature table says."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from {draft.package}.features import TABLE
from pipeline.features.contract import check_transformed
from pipeline.features.preprocess import transform
from pipeline.features.tensors import Column


def preprocessing_fn(inputs: Mapping[str, Column], custom_config: Mapping[str, Any]) -> dict[str, tf.Tensor]:
    """Apply the table for TensorFlow Transform; ``custom_config`` holds the domains of closed columns."""
    outputs = transform(TABLE, inputs, custom_config["domains"])
    check_transformed(TABLE, outputs)
    return outputs
'''


def model_text(draft: Draft) -> str:
    """Return the text of model.py."""
    return '''"""The architecture: a linear side over ids and numbers, a deep side over embeddings and numbers."""

from dataclasses import dataclass

import tf_keras as keras

from pipeline.config.training import Training
from pipeline.features import layers
from pipeline.features.table import Table


@dataclass(frozen=True)
class Settings:
    """The keys of ``training.model`` in a config."""

    dropout: float = 0.3
    embedding_l2: float = 1e-5
    cross_l2: float = 5e-5


def build_model(table: Table, training: Training) -> keras.Model:
    """Wide & Deep. Inputs are the transformed features; the output ``score`` is a probability, (batch, 1) float32."""
    settings = Settings(**training.model)
    return layers.wide_and_deep(
        table.features, units=(128, 64), dropout=settings.dropout, seed=training.seed,
        embedding_l2=settings.embedding_l2, wide_l2=settings.embedding_l2, cross_l2=settings.cross_l2,
        label=table.target,
    )  # fmt: skip
'''


def trainer_text(draft: Draft) -> str:
    """Return the text of trainer.py."""
    return f'''"""The entry point of TFX's Trainer."""

from tfx.components.trainer.fn_args_utils import FnArgs

from {draft.package}.features import TABLE
from {draft.package}.model import build_model
from pipeline.training.loop import train


def run_fn(fn_args: FnArgs) -> None:
    """Train the model on transformed examples and save it with its signatures."""
    train(fn_args, TABLE, build_model)
'''
