"""What a pod is told, and where its run keeps its things: on the volume that all pods mount."""

import argparse
import json
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import yaml

from components.support.atomic_files import claim
from data.prepare import prepared_folder
from pipeline.config.load import dump_config, merge, parse_override, validate
from pipeline.config.root import Config
from pipeline.config.yaml_limits import load_yaml, shorten
from pipeline.config.yaml_loader import Loader
from pipeline.errors import ConfigError, InputError, MainlineError
from pipeline.kubeflow.pod.process import tell
from pipeline.run.history import read_config
from pipeline.run.local.spans import resolve_span
from pipeline.run.request import RunPaths

RECORD_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Asked:
    """What Kubeflow Pipelines tells a pod: the id of its run, and the config in parts.

    ``parameters`` are values by key of the config; ``overrides`` is a mapping in YAML, laid over all else.
    """

    run: str
    config: str
    overrides: str = "{}"
    parameters: tuple[tuple[str, str], ...] = ()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that every pod knows."""
    parser.add_argument("--run", required=True, metavar="ID", help="of the run, as Kubeflow Pipelines has it")
    parser.add_argument("--config", required=True, metavar="JSON", help="the config that was compiled")
    parser.add_argument("--overrides", default="{}", metavar="YAML", help="a mapping that is laid over the config")
    parser.add_argument("--parameter", nargs=2, action="append", default=[], metavar=("KEY", "VALUE"))
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="where to write what the run's page shows")


def asked_of(options: argparse.Namespace) -> Asked:
    """The options as they were given."""
    return Asked(options.run, options.config, options.overrides, tuple(map(tuple, options.parameter)))


def asked_config(asked: Asked) -> Config:
    """The config of a run: what was compiled, then its parameters, then its overrides.

    Raises:
        ConfigError: a value that the config does not allow; it names the parameter.
    """
    compiled: dict[str, Any] = json.loads(asked.config)
    merged = compiled
    for key, value in asked.parameters:
        merged = merge(merged, parse_override(f"{key}={as_yaml(compiled, key, value)}"))
    try:
        overrides = load_yaml(asked.overrides, Loader) or {}
    except (ValueError, yaml.YAMLError) as error:
        raise ConfigError("parameter overrides", "not YAML", received=shorten(asked.overrides)) from error
    if not isinstance(overrides, dict):
        raise ConfigError("parameter overrides", "not a mapping", expected="{key: value}",
                          received=shorten(asked.overrides))  # fmt: skip
    return validate(merge(merged, overrides), "parameters of the run")


def as_yaml(compiled: dict[str, Any], key: str, value: str) -> str:
    """A parameter's value as ``--set`` has it: what was a text stays one, whatever it looks like."""
    before: Any = compiled
    for part in key.split("."):
        before = before.get(part) if isinstance(before, dict) else None
    return json.dumps(value) if isinstance(before, str) else value


def rows_folder(config: Config) -> Path:
    """Where pods find the rows: a folder on the volume, or the data set that ExampleGen's pod prepares there.

    Raises:
        ConfigError: a path that is not on the volume.
    """
    data, settings = config.data, config.kubeflow
    if data.dataset is not None:
        return prepared_folder(data.dataset, data.split, data.seed, rows_cache(config))
    path = Path(data.path or "")
    if ".." in path.parts or not path.is_relative_to(settings.mount_path):
        raise ConfigError(
            "data.path", "pods cannot reach it", expected=f"a path below {settings.mount_path}, where the claim "
            f"{settings.claim} is mounted", received=str(path),
        )  # fmt: skip
    return path


def rows_cache(config: Config) -> Path:
    """Where prepared rows are kept."""
    return Path(config.kubeflow.root) / "data"


def pipeline_root(config: Config) -> Path:
    """Where all runs of a pipeline keep their things."""
    return Path(config.kubeflow.root) / config.name


def begin(asked: Asked) -> tuple[Config, RunPaths]:
    """The config and the place of a run: the first pod settles both, every other one finds them.

    What changes while a run is at work, such as the latest span, must not differ between its pods.
    """
    config = asked_config(asked)
    root = pipeline_root(config)
    name = f"{datetime.now(timezone.utc):%Y%m%dT%H%M%S}-{asked.run[:8]}"
    claim(record_of(root, asked.run), json.dumps({"run": name}).encode())
    place = named_place(root, asked.run)
    if not (place.folder / "config.yaml").is_file():
        claim(place.folder / "config.yaml", dump_config(resolve_span(config, tell)).encode())
    return read_config(place.folder), place


def begun(root: Path, run: str) -> tuple[Config, RunPaths]:
    """The config and the place of a run that has begun.

    Raises:
        InputError: no pod of it has.
    """
    place = named_place(root, run) if record_of(root, run).is_file() else None
    if place is None or not (place.folder / "config.yaml").is_file():
        raise InputError(
            f"run {run}", "no node of it has begun", next_step="The log of the first node that failed says why."
        )
    return read_config(place.folder), place


def named_place(root: Path, run: str) -> RunPaths:
    """Where a run keeps its things, under a name that begins with the time.

    Raises:
        MainlineError: the file that says the name stays half written.
    """
    record, end_s = record_of(root, run), time.monotonic() + RECORD_TIMEOUT_S
    while True:
        try:
            name = str(json.loads(record.read_text(encoding="utf-8"))["run"])
            return RunPaths(root, root / "history" / name, name)
        except ValueError as error:
            # Another pod is writing it, on a file system where it does not appear whole.
            if time.monotonic() > end_s:
                raise MainlineError(
                    str(record), "it was half written, by a pod that is gone", next_step="Remove the file."
                ) from error
            time.sleep(0.1)


def record_of(root: Path, run: str) -> Path:
    """The file that knows the name of a run by its id."""
    return root / ".runs" / f"{run}.json"
