"""The results of a search: the best hyperparameters, and all trials as JSON and for TensorBoard's HParams."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
from tensorboard.plugins.hparams import api_pb2, summary_v2
from tensorboard.plugins.hparams.summary import session_end_pb
from tfx.utils import io_utils

from components.tuner.settings import Settings
from components.tuner.study import Record
from pipeline.search_space import Range

STATUS = {
    "complete": api_pb2.STATUS_SUCCESS,
    "pruned": api_pb2.STATUS_SUCCESS,
    "failed": api_pb2.STATUS_FAILURE,
}


def write_best(folder: str, best: Record) -> None:
    """Write the best hyperparameters as Trainer's executor reads them: one JSON file, alone in its folder."""
    io_utils.write_string_file(f"{folder}/best_hyperparameters.json", json.dumps(dict(best.params), indent=1))


def write_results(folder: str, settings: Settings, trials: Sequence[Record], best: Record) -> None:
    """Write ``trials.json``, and the folder ``tensorboard`` with a run for each trial."""
    io_utils.write_string_file(f"{folder}/trials.json", json.dumps(trials_as_dict(settings, trials, best), indent=1))
    logs = f"{folder}/tensorboard"
    write_experiment(logs, settings)
    for record in trials:
        write_run(f"{logs}/trial-{record.trial:03d}", settings.metric, record)


def trials_as_dict(settings: Settings, trials: Sequence[Record], best: Record) -> dict[str, Any]:
    """Return the content of ``trials.json``: the search, the number of the best trial, and every trial."""
    return {
        "metric": settings.metric,
        "seed": settings.seed,
        "epochs": settings.epochs,
        "prune_after_epochs": settings.prune_after_epochs,
        "ranges": {key: entry.as_dict() for key, entry in settings.ranges.items()},
        "best": best.trial,
        "trials": [record.as_dict() for record in trials],
    }


def write_experiment(logs: str, settings: Settings) -> None:
    """Write the hyperparameters and metrics of the search for TensorBoard."""
    with tf.summary.create_file_writer(logs).as_default():
        summary_v2.hparams_config(
            hparams=[summary_v2.HParam(key, domain(entry)) for key, entry in settings.ranges.items()],
            metrics=[summary_v2.Metric(tag, display_name=tag) for tag in tags(settings.metric)],
        )


def write_run(logs: str, metric: str, record: Record) -> None:
    """Write one trial for TensorBoard: its hyperparameters, its metric by epoch, and the best epoch."""
    by_epoch, final = tags(metric)
    with tf.summary.create_file_writer(logs).as_default():
        summary_v2.hparams(dict(record.params), trial_id=f"trial-{record.trial:03d}")
        for epoch, value in enumerate(record.epochs):
            tf.summary.scalar(by_epoch, value, step=epoch)
        if record.value is not None:
            tf.summary.scalar(final, record.value, step=0)
        end = session_end_pb(STATUS[record.state])
        tf.summary.experimental.write_raw_pb(end.SerializeToString(), step=0)


def tags(metric: str) -> tuple[str, str]:
    """Return the tags of the metric by epoch and of the best epoch.

    >>> tags("val_log_loss")
    ('val_log_loss', 'final/val_log_loss')
    """
    return metric, f"final/{metric}"


def domain(entry: Range) -> summary_v2.Domain:
    """Return a range as a domain of TensorBoard."""
    kinds: Mapping[str, Any] = {"float": summary_v2.RealInterval, "int": summary_v2.IntInterval}
    if entry.kind == "choice":
        return summary_v2.Discrete(list(entry.choices))
    return kinds[entry.kind](entry.low, entry.high)
