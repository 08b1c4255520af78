"""Facts about the training, from Trainer's record."""

from collections.abc import Mapping
from typing import Any

from components.slice_report.facts import Training
from components.slice_report.settings import flatten


def as_training(record: Mapping[str, Any]) -> Training:
    """Convert ``training.json`` to facts."""
    history = {name: tuple(float(value) for value in values) for name, values in record["history"].items()}
    epochs = max((len(values) for values in history.values()), default=0)
    return Training(
        curves=history,
        best_epoch=int(record["best"]["epoch"]) + 1,
        steps=epochs * record["steps_per_epoch"],
        steps_per_epoch=record["steps_per_epoch"],
        examples_per_s=record["examples_per_s"],
        elapsed_s=record["elapsed_s"],
        strategy=record["settings"]["strategy"],
        workers=record["workers"],
        settings=flatten(record["settings"]),
        warnings=tuple(record.get("warnings", ())),
    )
