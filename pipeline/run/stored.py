"""Runs that are over: where their things are, and what ML Metadata knows of them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from pipeline.config import Config, Metadata, load_config, validate
from pipeline.errors import InputError
from pipeline.metadata_server import wait_for_store

# ML Metadata and TFX take seconds to import, and a page is drawn from a file without them: hence imports in functions.
if TYPE_CHECKING:
    from ml_metadata.proto import metadata_store_pb2
    from tfx.orchestration import metadata


@dataclass(frozen=True)
class Stored:
    """A pipeline whose metadata can be asked; ``root`` is its folder on this machine, if it has one."""

    pipeline: str
    root: Path | None
    connection: "metadata_store_pb2.ConnectionConfig"


@dataclass(frozen=True)
class StoredRun:
    """A run of which the history is kept: its pipeline's folder, its id, its config, and how it ended."""

    root: Path
    run: str
    config: Config
    summary: dict[str, Any]

    @property
    def folder(self) -> Path:
        """Where log, config and summary are."""
        return self.root / "history" / self.run

    @property
    def reports(self) -> Path:
        """Where its report is."""
        return self.root / "reports" / self.run


def stores(root: Path, config: str | None = None) -> list[Stored]:
    """The store that a config names, or that of every pipeline below a root.

    Raises:
        ConfigError: the config cannot be used.
        InputError: there is no pipeline below the root.
    """
    if config is not None:
        loaded = load_config(config)
        place = root.resolve() / loaded.name
        return [Stored(loaded.name, place if place.is_dir() else None, connection(loaded.metadata, place))]
    found = [stored for folder in sorted(root.resolve().glob("*/history")) for stored in stored_in(folder.parent)]
    if not found:
        raise InputError(str(root), "no pipeline has run here", next_step="Give the --root of the runs.")
    return found


def stored_in(folder: Path) -> Iterator[Stored]:
    """The pipeline of a folder, by the config of its latest run, if it has run."""
    runs = sorted(path.parent for path in folder.glob("history/*/config.yaml"))
    if runs:
        settings = read_config(runs[-1]).metadata
        database = folder / "metadata.db"
        if settings.backend != "sqlite" or database.is_file():
            yield Stored(folder.name, folder, connection(settings, folder))


def connection(settings: Metadata, folder: Path) -> "metadata_store_pb2.ConnectionConfig":
    """How to reach ML Metadata.

    Raises:
        MainlineError: it is on a server that refuses us, or does not answer.
    """
    from pipeline.metadata import connection_config

    if settings.backend == "sqlite":
        return connection_config(settings, folder)
    return wait_for_store(settings, folder, 0.0, lambda _: None)


def read_config(folder: Path) -> Config:
    """The effective config of a run."""
    path = folder / "config.yaml"
    return validate(yaml.safe_load(path.read_text(encoding="utf-8")), str(path))


def find_run(given: Path) -> StoredRun:
    """The run of a folder: ``history/<run>`` or ``reports/<run>``, or the latest one of a pipeline's folder or a root.

    Raises:
        InputError: there is no such run.
    """
    folder = given.resolve()
    if folder.parent.name in ("history", "reports"):
        return stored_run(folder.parent.parent, folder.name)
    runs = [path.parent for pattern in ("history", "*/history") for path in folder.glob(f"{pattern}/*/config.yaml")]
    if not runs:
        raise InputError(
            str(given), "there is no run", expected="runs, runs/<pipeline> or runs/<pipeline>/history/<run>",
            received="no such folder" if not folder.is_dir() else "no history/<run>/config.yaml in it",
        )  # fmt: skip
    latest = max(runs, key=lambda path: path.name)
    return stored_run(latest.parent.parent, latest.name)


def stored_run(root: Path, run: str) -> StoredRun:
    """A run by its id."""
    folder = root / "history" / run
    if not (folder / "config.yaml").is_file():
        known = sorted(path.parent.name for path in root.glob("history/*/config.yaml"))
        raise InputError(str(folder), "no such run", expected=", ".join(known[-5:]) or "a run", received=run)
    summary = folder / "summary.json"
    facts = json.loads(summary.read_text(encoding="utf-8")) if summary.is_file() else {}
    return StoredRun(root, run, read_config(folder), facts)


@contextmanager
def opened(run: StoredRun) -> "Iterator[metadata.Metadata]":
    """ML Metadata of a run."""
    from tfx.orchestration import metadata

    with metadata.Metadata(connection(run.config.metadata, run.root)) as handle:
        yield handle
