"""The config of a run: strict, frozen models, and how files, overlays and ``--set`` become one.

A config is a YAML file. Later sources win: the file, then the overlay of the place it runs in
(``conf/env/*.yaml``), then each ``--set key=value``. An unknown key is an error that names its nearest neighbour.
"""

import difflib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import yaml
from pydantic import BaseModel, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from data.spans import SPLITS
from pipeline.data_config import Data
from pipeline.errors import ConfigError, refused
from pipeline.kubeflow_config import Kubeflow
from pipeline.strict import Port, Strict
from pipeline.training_config import Training
from pipeline.tuning_config import Tuning
from pipeline.yaml_keys import DoubledKeyError, UniqueKeyLoader
from pipeline.yaml_limits import check_text, exists, load_yaml, parts_of, read_file, shortened

CONF = Path(__file__).parent / "conf"


class Loader(UniqueKeyLoader):
    """A loader without doubled keys, for scalars as YAML 1.2 has them where 1.1 surprises.

    1e-3 is a number, where 1.1 wants 1.0e-3; and 2025-10-1 is a text, where 1.1 makes a date of it, 2025-10-01.
    """


TIMESTAMP = "tag:yaml.org,2002:timestamp"
Loader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in resolvers if tag != TIMESTAMP]
    for first, resolvers in UniqueKeyLoader.yaml_implicit_resolvers.items()
}
EXPONENT = re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$")
Loader.add_implicit_resolver("tag:yaml.org,2002:float", EXPONENT, list("-+.0123456789"))


class Accepted(Strict):
    """An anomaly that the team has looked at and accepts, with the reason."""

    feature: str
    rule: str
    reason: str
    splits: Annotated[tuple[str, ...], Field(min_length=1)] = SPLITS


class Gate(Strict):
    """Which anomalies stop a run. ``block_on`` is the lowest severity that does."""

    block_on: Literal["warning", "error"] = "error"
    accept: tuple[Accepted, ...] = ()


class Bound(Strict):
    """A bound on a metric, on all test rows or on the ``slice`` where features have given values."""

    metric: str
    lower: float | None = None
    upper: float | None = None
    slice: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _can_be_kept(self) -> "Bound":
        if self.lower is not None and self.upper is not None and self.lower > self.upper:
            raise ValueError("'lower' is above 'upper': no value is between them")
        return self


class Change(Strict):
    """How much worse than the baseline's a metric may be on all test rows."""

    metric: str
    better: Literal["higher", "lower"]
    tolerance: Annotated[float, Field(ge=0.0)]


class Evaluation(Strict):
    """How the model is judged.

    ``bounds`` and ``changes``, when given, stand in place of those in the workload's ``evaluation.py``. ``auc`` says
    how AUC and AUCPrecisionRecall are computed: ``exact``, or over fixed thresholds as TFMA does, ``stock``.
    """

    confidence_intervals: bool = True
    auc: Literal["exact", "stock"] = "exact"
    bounds: tuple[Bound, ...] | None = None
    changes: tuple[Change, ...] | None = None


class Report(Strict):
    """What the report on a model looks at, beside what every report does.

    ``sensitive`` names columns for which rates are compared by group, ``id_columns`` those whose values should not be
    in two splits. The drift bounds hold where the schema sets none: L-infinity distance of a text column,
    Jensen-Shannon divergence of a number.
    """

    sensitive: tuple[str, ...] = ()
    id_columns: tuple[str, ...] = ()
    categorical_drift: Annotated[float, Field(gt=0.0, le=1.0)] = 0.1
    numeric_drift: Annotated[float, Field(gt=0.0, le=1.0)] = 0.1


class Release(Strict):
    """Whether a blessed model is pushed at once, or waits until a reviewer approves its report."""

    review: Literal["none", "required"] = "none"


class Metadata(Strict):
    """The ML Metadata store: a SQLite file beside the artifacts, or a server."""

    backend: Literal["sqlite", "mysql", "postgresql"] = "sqlite"
    host: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,253}$")] = "127.0.0.1"
    port: Port | None = None
    database: Annotated[str, Field(pattern=r"^[A-Za-z0-9_$-]{1,64}$")] = "metadata"
    user: Annotated[str, Field(max_length=128)] = ""
    password_env: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=256)] = (
        "MAINLINE_METADATA_PASSWORD"
    )


class Config(Strict):
    """All that decides a run."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
    workload: str
    data: Data
    gate: Gate = Gate()
    training: Training
    tuning: Tuning | None = None
    evaluation: Evaluation = Evaluation()
    report: Report = Report()
    release: Release = Release()
    metadata: Metadata = Metadata()
    kubeflow: Kubeflow = Kubeflow()
    beam_pipeline_args: tuple[str, ...] = ()


def load_config(name_or_file: str, overrides: tuple[str, ...] = (), env: str = "local") -> Config:
    """Reads a config by name (``recommender``) or by file, and puts the overlay and the overrides over it.

    Raises:
        ConfigError: for a missing file, broken YAML, an unknown key or a wrong type.
        MachineError: the file is there, and the machine refuses to read it.
    """
    check_text("--env", env)
    path = config_path(name_or_file)
    merged = merge(read_yaml(path), read_yaml(CONF / "env" / f"{env}.yaml"))
    for override in overrides:
        merged = merge(merged, parse_override(override))
    return validate(merged, source=str(path))


def config_path(name_or_file: str) -> Path:
    """A file as it is given, or a name among those in ``conf/``."""
    check_text("--config", name_or_file)
    given = Path(name_or_file)
    if given.suffix in {".yaml", ".yml"} and exists(given):
        return given
    named = CONF / f"{name_or_file}.yaml"
    if exists(named):
        return named
    known = ", ".join(sorted(path.stem for path in CONF.glob("*.yaml")))
    raise ConfigError(
        f"--config {name_or_file}", "no such config", expected=f"one of {known}, or a .yaml file", received=name_or_file
    )


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file; an empty file is an empty mapping."""
    try:
        content = load_yaml(read_file(path), Loader)
    except OSError as error:
        raise refused(error, ConfigError)(str(path), "cannot be read as YAML", received=str(error)) from error
    except DoubledKeyError as error:
        raise ConfigError(str(path), str(error), next_step="Remove one of them.") from error
    except (ValueError, yaml.YAMLError) as error:
        raise ConfigError(str(path), "cannot be read as YAML", received=shortened(str(error), 400)) from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigError(str(path), "not a mapping", expected="key: value", received=type(content).__name__)
    return content


def merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Deep merge; a mapping is merged key by key, anything else is replaced.

    >>> merge({"a": {"b": 1, "c": 2}}, {"a": {"c": 3}})
    {'a': {'b': 1, 'c': 3}}
    """
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value) if both else value
    return merged


def parse_override(text: str) -> dict[str, Any]:
    """One ``--set``: the value is read as YAML.

    >>> parse_override("training.epochs=3")
    {'training': {'epochs': 3}}
    """
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise ConfigError(
            f"--set {shortened(text)}", "not an assignment", expected="key=value, such as training.epochs=3"
        )
    try:
        nested: Any = load_yaml(value, Loader)
    except DoubledKeyError as error:
        raise ConfigError(f"--set {shortened(key)}", str(error), received=shortened(value)) from error
    except (ValueError, yaml.YAMLError) as error:
        # YAML's own errors have a line and a column, of which a value on one line has no need.
        why = "" if isinstance(error, yaml.MarkedYAMLError) else str(error)
        raise ConfigError(
            f"--set {shortened(key)}", "the value is not YAML", received=shortened(value), expected=why
        ) from error
    for part in reversed(parts_of(key)):
        nested = {part: nested}
    return nested


def validate(content: dict[str, Any], source: str) -> Config:
    """Checks a mapping against the models; the first mistake is the one reported."""
    try:
        # As JSON, a strict model takes a list for a tuple and still no "3" for a 3.
        return Config.model_validate_json(json.dumps(with_text_keys(content), default=str))
    except ValidationError as error:
        raise explain(error.errors()[0], source) from error


def with_text_keys(content: Any) -> Any:
    """The same with every key as text: YAML may take one for a date or, as with ``on``, for a truth value."""
    if isinstance(content, dict):
        return {str(key): with_text_keys(value) for key, value in content.items()}
    return [with_text_keys(item) for item in content] if isinstance(content, list) else content


def explain(error: ErrorDetails, source: str) -> ConfigError:
    """A pydantic error in the words of a config file."""
    key = shortened(".".join(str(part) for part in error["loc"]))
    where = f"{source}: {key}" if key else source
    if error["type"] == "extra_forbidden":
        return ConfigError(where, f"unknown key.{did_you_mean(error['loc'])}")
    if error["type"] == "missing":
        return ConfigError(where, "required, and not given", next_step=f"Add it, or pass --set {key}=VALUE.")
    return ConfigError(where, "not usable", expected=error["msg"], received=shortened(repr(error["input"])))


def did_you_mean(location: tuple[int | str, ...]) -> str:
    """The nearest known key at a location, as a sentence, or all that are known."""
    fields = sorted(set(field_names(Config, location[:-1])))
    return did_you_mean_of(str(location[-1]), fields) or f" Known here: {', '.join(fields)}."


def did_you_mean_of(name: str, known: Sequence[str]) -> str:
    """The nearest known name, as a sentence, or nothing.

    >>> did_you_mean_of("Trainr", ["Trainer", "Tuner"])
    " Did you mean 'Trainer'?"
    """
    nearest = difflib.get_close_matches(name, known, n=1)
    return f" Did you mean '{nearest[0]}'?" if nearest else ""


def field_names(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """The keys that the model at a location knows.

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
        field = model.model_fields.get(part)
        inner = model_in(field.annotation) if field else None
        if field is None or inner is None:
            return []
        model, keyed = inner, get_origin(field.annotation) is dict
    return list(model.model_fields)


def model_in(annotation: Any) -> type[BaseModel] | None:
    """The model that an annotation is, or holds as an item or an alternative.

    >>> model_in(tuple[Bound, ...] | None).__name__
    'Bound'
    """
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = (model_in(argument) for argument in get_args(annotation))
    return next((model for model in inner if model is not None), None)
