"""Load a config from a YAML file, overlays and ``--set``, and dump it again.

Later sources win: the file, then the overlay of the environment (``conf/env/*.yaml``), then each ``--set key=value``.
An unknown key is an error that names the nearest known one.
"""

import json
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from components.support.text import shorten
from pipeline.config.root import Config
from pipeline.config.validation_errors import explain
from pipeline.config.yaml_limits import check_text, exists, load_yaml, read_file, split_key
from pipeline.config.yaml_loader import Dumper, DuplicateKeyError, Loader
from pipeline.errors import ConfigError, refused

CONF = Path(__file__).resolve().parent.parent / "conf"
# The config of a workload of one's own, in its folder.
OWN_CONFIG = "config.yaml"


def load_config(name_or_file: str, overrides: tuple[str, ...] = (), env: str = "local") -> Config:
    """Load a config by name (``recommender``) or by file, and apply the overlay and the overrides.

    Raises:
        ConfigError: the file is missing or is not YAML, a key is unknown, or a value has the wrong type.
        MachineError: the file exists, but the system refuses to read it.
    """
    check_text("--env", env)
    path = config_path(name_or_file)
    merged = merge(read_yaml(path), read_yaml(CONF / "env" / f"{env}.yaml"))
    for override in overrides:
        merged = merge(merged, parse_override(override))
    return validate(merged, source=str(path))


def dump_config(config: Config) -> str:
    """The config as ASCII YAML that loads to an equal config; written to ``history/<run>/config.yaml``."""
    return yaml.dump(config.model_dump(mode="json"), Dumper=Dumper)


def config_path(name_or_file: str) -> Path:
    """The file itself, the file in ``conf/`` that has this name, or ``config.yaml`` in the folder of this name.

    A folder has underscores where a name may have hyphens.
    """
    check_text("--config", name_or_file)
    given = Path(name_or_file)
    if given.suffix in {".yaml", ".yml"} and exists(given):
        return given
    named = CONF / f"{name_or_file}.yaml"
    if exists(named):
        return named
    for folder in (name_or_file, name_or_file.replace("-", "_")):
        if exists(own := Path(folder) / OWN_CONFIG):
            return own
    known = ", ".join(sorted(path.stem for path in CONF.glob("*.yaml")))
    raise ConfigError(
        f"--config {name_or_file}",
        "no such config",
        received=name_or_file,
        expected=f"one of {known}; a .yaml file; or a folder here that has a {OWN_CONFIG}",
    )


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file; an empty file is an empty mapping."""
    try:
        content = load_yaml(read_file(path), Loader)
    except OSError as error:
        raise refused(error, ConfigError)(str(path), "cannot be read as YAML", received=str(error)) from error
    except DuplicateKeyError as error:
        raise ConfigError(str(path), str(error), next_step="Remove one of them.") from error
    except (ValueError, yaml.YAMLError) as error:
        raise ConfigError(
            str(path), "cannot be read as YAML", received=shorten(" ".join(str(error).split()), 400)
        ) from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigError(str(path), "not a mapping", expected="key: value", received=type(content).__name__)
    return content


def merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Deep merge: mappings are merged key by key, anything else is replaced.

    >>> merge({"a": {"b": 1, "c": 2}}, {"a": {"c": 3}})
    {'a': {'b': 1, 'c': 3}}
    """
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value) if both else value
    return merged


def parse_override(text: str) -> dict[str, Any]:
    """Parse one ``--set``; the value is read as YAML.

    >>> parse_override("training.epochs=3")
    {'training': {'epochs': 3}}
    """
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise ConfigError(
            f"--set {shorten(text)}", "not an assignment", expected="key=value, such as training.epochs=3"
        )
    nested = _override_value(key, value)
    for part in reversed(split_key(key)):
        nested = {part: nested}
    return nested


def _override_value(key: str, value: str) -> Any:
    try:
        return load_yaml(value, Loader)
    except DuplicateKeyError as error:
        raise ConfigError(f"--set {shorten(key)}", str(error), received=shorten(value)) from error
    except (ValueError, yaml.YAMLError) as error:
        # YAML's own errors carry a line and a column, which say nothing about a value on one line.
        why = "" if isinstance(error, yaml.MarkedYAMLError) else str(error)
        raise ConfigError(
            f"--set {shorten(key)}", "the value is not YAML", received=shorten(value), expected=why
        ) from error


def validate(content: dict[str, Any], source: str) -> Config:
    """Validate a mapping against the models; of several mistakes all missing keys are reported, or else the first.

    Raises:
        ConfigError: a key is unknown or missing, or a value is not usable.
    """
    try:
        # In JSON mode a strict model accepts a list for a tuple, but still no "3" for a 3.
        return Config.model_validate_json(json.dumps(with_text_keys(content), default=str))
    except ValidationError as error:
        raise explain(error.errors(), source) from error


def with_text_keys(content: Any) -> Any:
    """The same content with every key as text: YAML reads some keys as dates or, such as ``on``, as booleans."""
    if isinstance(content, dict):
        return {str(key): with_text_keys(value) for key, value in content.items()}
    return [with_text_keys(item) for item in content] if isinstance(content, list) else content
