"""Replaces settings of a training by the hyperparameters of a trial, or by the best that a search found."""

from collections.abc import Mapping
from typing import Any


def with_hyperparameters(training: Mapping[str, Any], best: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the settings of a training with some values replaced; neither argument is changed.

    Args:
        training: the section of a config, including ``model``.
        best: values by dotted key, relative to ``training``; None changes nothing.

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


def trial_training(
    training: Mapping[str, Any], params: Mapping[str, Any], epochs: int | None, fixed: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the settings of one trial: the ``fixed`` ones of all trials, ``epochs`` if given, and its own ``params``.

    >>> trial_training({"epochs": 9, "strategy": "mirrored"}, {"learning_rate": 0.1}, 2, {"strategy": "none"})
    {'epochs': 2, 'strategy': 'none', 'learning_rate': 0.1}
    """
    return with_hyperparameters(training, {**fixed, **({"epochs": epochs} if epochs else {}), **params})
