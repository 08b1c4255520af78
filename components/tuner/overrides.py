"""The settings of a training with some of them replaced: by a trial's, or by the best that a search has found."""

from collections.abc import Mapping
from typing import Any

# A trial is one process. What is only looked at, or needs another node's output, is left out of it.
ALONE: Mapping[str, Any] = {
    "strategy": "none",
    "workers": 1,
    "warm_start": "none",
    "histogram_every_epochs": 0,
    "profile_steps": 0,
}


def with_hyperparameters(training: Mapping[str, Any], best: Mapping[str, Any] | None) -> dict[str, Any]:
    """The settings of a training with others put over them; neither argument is changed.

    Args:
        training: as in a config, with ``model`` inside.
        best: values by dotted key, relative to ``training``; None for none.

    >>> with_hyperparameters({"epochs": 3, "model": {"units": 8}}, {"epochs": 5, "model.dropout": 0.2})
    {'epochs': 5, 'model': {'units': 8, 'dropout': 0.2}}
    """
    merged: dict[str, Any] = {
        key: dict(value) if isinstance(value, Mapping) else value for key, value in training.items()
    }
    for key, value in (best or {}).items():
        *parents, name = key.split(".")
        inner = merged
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[name] = value
    return merged


def trial_training(training: Mapping[str, Any], params: Mapping[str, Any], epochs: int | None) -> dict[str, Any]:
    """The settings of one trial: its own values, in one process, for ``epochs`` epochs if these are given.

    >>> trial_training({"epochs": 9, "strategy": "mirrored"}, {"learning_rate": 0.1}, epochs=2)
    {'epochs': 2, 'strategy': 'none', 'learning_rate': 0.1}
    """
    alone = {key: value for key, value in ALONE.items() if key in training}
    return with_hyperparameters(training, {**alone, **({"epochs": epochs} if epochs else {}), **params})
