"""Pydantic's validation errors in terms of a config file."""

import dataclasses
import re
from collections.abc import Sequence
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from components.support.text import shorten
from pipeline.config.root import Config
from pipeline.errors import ConfigError, did_you_mean

# Pydantic's error types for an unknown key of a model and of a dataclass.
UNKNOWN_KEY = ("extra_forbidden", "unexpected_keyword_argument")


def explain(errors: Sequence[ErrorDetails], source: str) -> ConfigError:
    """Turn pydantic's errors into one that names the file and the key.

    An unknown key comes first, since a key that is missing may be that one misspelled; then all missing keys.
    """
    unknown = [error for error in errors if error["type"] in UNKNOWN_KEY]
    missing = [key for error in errors if error["type"] == "missing" for key in required_keys(error["loc"])]
    first = errors[0]
    if first["type"] != "missing" or unknown or len(missing) == 1:
        return explain_one(unknown[0] if first["type"] == "missing" and unknown else first, source)
    return ConfigError(source, f"required keys are missing: {', '.join(missing)}",
                       next_step="Add them, or pass --set KEY=VALUE for each.")  # fmt: skip


def required_keys(location: tuple[int | str, ...]) -> list[str]:
    """A missing key, or if it is a section the keys that are required in it.

    >>> required_keys(("name",)), required_keys(("evaluation",))
    (['name'], ['evaluation'])
    """
    key = ".".join(str(part) for part in location)
    model: type[Any] | None = Config
    for part in (part for part in location if isinstance(part, str)):
        model = model_in(annotations_of(model).get(part)) if model else None
    if model is None or not issubclass(model, BaseModel):
        return [key]
    return [f"{key}.{name}" for name, field in model.model_fields.items() if field.is_required()] or [key]


def explain_one(error: ErrorDetails, source: str) -> ConfigError:
    """Turn one pydantic error into one that names the file and the key."""
    key = shorten(".".join(str(part) for part in error["loc"]))
    where = f"{source}: {key}" if key else source
    if error["type"] in UNKNOWN_KEY:
        return ConfigError(where, f"unknown key. {nearest_key(error['loc'])}")
    if error["type"] == "missing":
        return ConfigError(where, "required key is missing", next_step=f"Add it, or pass --set {key}=VALUE.")
    advice = f"Write name: {usable_name(error['input'])}" if error["loc"] == ("name",) else ""
    return ConfigError(
        where, "not usable", expected=error["msg"], received=shorten(repr(error["input"])), next_step=advice
    )


def usable_name(name: object) -> str:
    """A name for a config, which becomes part of names on Kubernetes, made from another one.

    >>> usable_name("My_churn 2"), usable_name(3)
    ('my-churn-2', 'my-run')
    """
    words = re.findall(r"[a-z0-9]+", str(name).lower())
    usable = "-".join(words)[:63].rstrip("-")
    return usable if usable[:1].isalpha() else "my-run"


def nearest_key(location: tuple[int | str, ...]) -> str:
    """The known key nearest to an unknown one, as a question; all known keys if none is near."""
    known = sorted(set(field_names(Config, location[:-1])))
    return did_you_mean(str(location[-1]), known) or f"Known here: {', '.join(known)}."


def field_names(model: type[Any], location: tuple[int | str, ...]) -> list[str]:
    """The keys of the model at a location below ``model``.

    >>> field_names(Config, ("gate",))
    ['block_on', 'accept']
    >>> field_names(Config, ("tuning", "ranges", "training.batch_size"))
    ['low', 'high', 'log', 'choices']
    """
    keyed = False
    for part in (part for part in location if isinstance(part, str)):
        if keyed:
            keyed = False
            continue
        annotation = annotations_of(model).get(part)
        inner = model_in(annotation)
        if inner is None:
            return []
        model, keyed = inner, get_origin(annotation) is dict
    return list(annotations_of(model))


def annotations_of(model: type[Any]) -> dict[str, Any]:
    """The types of a model's fields by name."""
    if issubclass(model, BaseModel):
        return {name: field.annotation for name, field in model.model_fields.items()}
    return {field.name: field.type for field in dataclasses.fields(model)}


def model_in(annotation: Any) -> type[Any] | None:
    """The first model or dataclass in an annotation: the annotation itself, an item type or an alternative.

    >>> model_in(tuple[Config, ...] | None).__name__
    'Config'
    """
    if isinstance(annotation, type) and (issubclass(annotation, BaseModel) or dataclasses.is_dataclass(annotation)):
        return annotation
    inner = (model_in(argument) for argument in get_args(annotation))
    return next((model for model in inner if model is not None), None)
