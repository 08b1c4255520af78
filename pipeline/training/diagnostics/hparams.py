"""Settings and final metrics of a training for TensorBoard's HParams page, which compares runs and trials.

https://www.tensorflow.org/tensorboard/hyperparameter_tuning_with_hparams
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import tensorflow as tf
from tensorboard.plugins.hparams import api_pb2, summary, summary_v2

from pipeline.config.training import Training

Value: TypeAlias = bool | int | float | str


def write_hparams(log_dir: str, training: Training, metrics: Mapping[str, float]) -> None:
    """Write the settings of a finished training, and its ``metrics`` as ``final/<name>``."""
    writer = tf.summary.create_file_writer(log_dir)
    with writer.as_default(step=0):
        for message in (
            summary_v2.hparams_pb(flat_settings(training.model_dump())),
            summary.session_end_pb(api_pb2.STATUS_SUCCESS),
        ):
            tf.summary.experimental.write_raw_pb(message.SerializeToString())
        for name, value in metrics.items():
            tf.summary.scalar(f"final/{name}", value)
    writer.close()


def best_epoch(history: Mapping[str, Sequence[float]], monitor: str) -> dict[str, float]:
    """Return the metrics of the epoch with the lowest ``monitor``, or of the last one without it.

    >>> best_epoch({"auc": [0.6, 0.7, 0.8], "val_log_loss": [0.6, 0.5, 0.55]}, "val_log_loss")
    {'auc': 0.7, 'val_log_loss': 0.5}
    """
    values = history.get(monitor, ())
    best = min(range(len(values)), key=values.__getitem__, default=-1)
    return {name: float(values[best]) for name, values in history.items() if values}


def flat_settings(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Value]:
    """Return settings by dotted name; other values than numbers, texts and booleans become text.

    >>> flat_settings({"epochs": 3, "clip_norm": None, "model": {"dropout": 0.1}, "class_weights": (1.0, 2.0)})
    {'epochs': 3, 'clip_norm': 'None', 'model.dropout': 0.1, 'class_weights': '(1.0, 2.0)'}
    """
    flat: dict[str, Value] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            flat |= flat_settings(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value if isinstance(value, Value) else str(value)
    return flat
