"""The arguments that Kubeflow Pipelines passes to a pod, and the config that they make up."""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from components.support.text import shorten
from pipeline.config.load import merge, parse_override, validate
from pipeline.config.root import Config
from pipeline.config.yaml_limits import load_yaml
from pipeline.config.yaml_loader import Loader
from pipeline.errors import ConfigError


@dataclass(frozen=True)
class PodArguments:
    """The arguments of every pod.

    Attributes:
        run: the id of the run in Kubeflow Pipelines.
        config: the compiled config, as JSON.
        overrides: a mapping in YAML, merged over everything else.
        parameters: pairs of a key of the config and its value.
    """

    run: str
    config: str
    overrides: str = "{}"
    parameters: tuple[tuple[str, str], ...] = ()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of every pod."""
    parser.add_argument("--run", required=True, metavar="ID", help="of the run in Kubeflow Pipelines")
    parser.add_argument("--config", required=True, metavar="JSON", help="the compiled config")
    parser.add_argument("--overrides", default="{}", metavar="YAML", help="a mapping, merged over the config")
    parser.add_argument("--parameter", nargs=2, action="append", default=[], metavar=("KEY", "VALUE"))
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="where to write what the page of the run shows")


def pod_arguments(options: argparse.Namespace) -> PodArguments:
    """The options of every pod, from the command line."""
    return PodArguments(options.run, options.config, options.overrides, tuple(map(tuple, options.parameter)))


def config_of(arguments: PodArguments) -> Config:
    """The config of a run: the compiled config, then the parameters, then the overrides.

    Raises:
        ConfigError: an invalid value; the error names the parameter.
    """
    compiled: dict[str, Any] = json.loads(arguments.config)
    merged = compiled
    for key, value in arguments.parameters:
        merged = merge(merged, parse_override(f"{key}={as_yaml(compiled, key, value)}"))
    try:
        overrides = load_yaml(arguments.overrides, Loader) or {}
    except (ValueError, yaml.YAMLError) as error:
        raise ConfigError("parameter overrides", "not YAML", received=shorten(arguments.overrides)) from error
    if not isinstance(overrides, dict):
        raise ConfigError("parameter overrides", "not a mapping", expected="{key: value}",
                          received=shorten(arguments.overrides))  # fmt: skip
    return validate(merge(merged, overrides), "parameters of the run")


def as_yaml(compiled: dict[str, Any], key: str, value: str) -> str:
    """The value of a parameter for ``--set``; a string stays a string, whatever it looks like."""
    default: Any = compiled
    for part in key.split("."):
        default = default.get(part) if isinstance(default, dict) else None
    return json.dumps(value) if isinstance(default, str) else value
