"""The settings of the Tuner, from a config and a workload: ranges in the types of the settings of the training."""

import importlib
import json
from collections.abc import Mapping
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from pydantic import ValidationError

from components.tuner.overrides import with_hyperparameters
from components.tuner.settings import Params, Settings
from pipeline.config import tuning
from pipeline.config.root import Config
from pipeline.config.training import Training, key_of, trial_values
from pipeline.errors import ConfigError, did_you_mean
from pipeline.search_space import Range
from pipeline.workloads.contract import Workload, check_model_settings

SECTION = "tuning.ranges"
Types = Mapping[str, type]


def tuning_settings(workload: Workload, config: Config, tuning: tuning.Tuning) -> Settings:
    """The settings of the search.

    The first trial has the values of the config, if they are within the ranges, so the result is never worse than them.

    Raises:
        ConfigError: a key cannot be searched, or the training would refuse a value.
    """
    defaults = model_defaults(workload)
    known = searchable(workload)
    ranges = {key.removeprefix("training."): as_range(key, known, entry) for key, entry in tuning.ranges.items()}
    for key, entry in ranges.items():
        check_values(workload, key, entry, config.training)
    if tuning.epochs and "epochs" in ranges:
        raise ConfigError("tuning.epochs", "also in tuning.ranges", next_step="Give one of them.")
    return Settings(
        trials=tuning.trials,
        parallel=min(tuning.parallel, tuning.trials),
        seed=tuning.seed,
        metric=tuning.metric,
        epochs=tuning.epochs,
        prune_after_epochs=tuning.prune_after_epochs,
        ranges=ranges,
        start=start_params(config.training, defaults, ranges),
        fixed=trial_values(),
    )


def searchable(workload: Workload) -> Types:
    """The types, by key, of all scalar settings of the training and of the model that can be searched."""
    training = {
        f"training.{key}": scalar_type(field.annotation)
        for key, field in Training.model_fields.items()
        if key_of(key).searchable
    }
    hints = get_type_hints(importlib.import_module(workload.module("model")).Settings)
    model = {f"training.model.{key}": scalar_type(hint) for key, hint in hints.items()}
    return {key: kind for key, kind in {**training, **model}.items() if kind is not None}


def scalar_type(annotation: Any) -> type | None:
    """The type of a scalar setting; None for any other.

    >>> scalar_type(Annotated[int, "positive"] | None), scalar_type(Literal["adam"]), scalar_type(tuple[str, ...])
    (<class 'int'>, <class 'str'>, None)
    """
    if annotation in (bool, int, float, str):
        return annotation
    arguments = get_args(annotation)
    if get_origin(annotation) is Literal:
        return type(arguments[0])
    if get_origin(annotation) is Annotated:
        return scalar_type(arguments[0])
    others = [argument for argument in arguments if argument is not NoneType]
    return scalar_type(others[0]) if NoneType in arguments and len(others) == 1 else None


def as_range(key: str, known: Types, entry: Range) -> Range:
    """A range with its values converted to the type of its key.

    Raises:
        ConfigError: the key is unknown, or a value has another type.
    """
    if key not in known:
        hint = did_you_mean(key, sorted(known)) or f"Known here: {', '.join(sorted(known))}."
        raise ConfigError(f"{SECTION}.{key}", f"unknown key. {hint}")
    kind = known[key]
    if entry.choices:
        return Range(choices=tuple(convert(key, kind, value) for value in entry.choices))
    if kind not in (int, float):
        raise ConfigError(
            f"{SECTION}.{key}", "takes no 'low' and 'high'", expected="choices", received=f"a {kind.__name__}"
        )
    low, high = convert(key, kind, entry.low), convert(key, kind, entry.high)
    return Range(low, high, entry.log)


def convert(key: str, kind: type, value: Any) -> Any:
    """A value in the type of its key; only a whole number for a float is converted.

    Raises:
        ConfigError: it has another type.
    """
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise ConfigError(f"{SECTION}.{key}", "not usable", expected=kind.__name__, received=repr(value))
    return value


def check_values(workload: Workload, key: str, entry: Range, training: Training) -> None:
    """Validate every choice, or both ends, as a setting of the training.

    Raises:
        ConfigError: one of them is not usable.
    """
    for value in entry.choices or (entry.low, entry.high):
        if key.startswith("model."):
            check_model_settings(workload, {key.removeprefix("model."): value})
        tried = with_hyperparameters(training.model_dump(mode="json"), {key: value})
        try:
            Training.model_validate_json(json.dumps(tried))
        except ValidationError as error:
            message = error.errors()[0]["msg"]
            raise ConfigError(
                f"{SECTION}.training.{key}", "not usable", expected=message, received=repr(value)
            ) from error


def model_defaults(workload: Workload) -> Mapping[str, Any]:
    """The defaults of the model's settings."""
    return vars(importlib.import_module(workload.module("model")).Settings())


def start_params(training: Training, defaults: Mapping[str, Any], ranges: Mapping[str, Range]) -> Params | None:
    """The values of the config; None if one of them is outside its range."""
    values = {**training.model_dump(mode="json"), "model": {**defaults, **training.model}}
    params = {}
    for key, entry in ranges.items():
        value = values["model"][key.removeprefix("model.")] if key.startswith("model.") else values[key]
        params[key] = value
        if value not in entry:
            return None
    return params
