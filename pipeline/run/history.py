"""Runs that are over: where their things are, and what ML Metadata knows of them."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.config.load import load_config, read_yaml, validate
from pipeline.config.root import Config, Metadata
from pipeline.errors import ConfigError, InputError
from pipeline.metadata.server import wait_for_store
from pipeline.run.local.lock import resolve_folder
from pipeline.run.local.run_ids import sort_by_start

# ML Metadata and TFX take seconds to import, and a page is drawn from a file without them: hence imports in functions.
if TYPE_CHECKING:
    from ml_metadata.proto import metadata_store_pb2
    from tfx.orchestration import metadata


@dataclass(frozen=True)
class PipelineStore:
    """A pipeline whose metadata can be asked; ``root`` is its folder on this machine, if it has one."""

    pipeline: str
    root: Path | None
    connection: "metadata_store_pb2.ConnectionConfig"


@dataclass(frozen=True)
class RunRecord:
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


def find_stores(root: Path, config: str | None = None) -> list[PipelineStore]:
    """The store that a config names, or that of every pipeline below a root.

    Raises:
        ConfigError: the config cannot be used.
        InputError: there is no pipeline below the root.
    """
    if config is not None:
        loaded = load_config(config)
        place = resolve_folder(root) / loaded.name
        return [PipelineStore(loaded.name, place if place.is_dir() else None, connection(loaded.metadata, place))]
    found = [stored for folder in sorted(resolve_folder(root).glob("*/history")) for stored in store_in(folder.parent)]
    if not found:
        raise InputError(str(root), "no pipeline has run here", next_step="Give the --root of the runs.")
    return found


def store_in(folder: Path) -> Iterator[PipelineStore]:
    """The pipeline of a folder, by the config of its latest run that can be read, if it has run."""
    runs = sort_by_start(path.parent for path in folder.glob("history/*/config.yaml"))[::-1]
    if runs:
        configs = (read_config_or_warn(run) for run in runs)
        settings = next((config.metadata for config in configs if config is not None), Metadata())
        database = folder / "metadata.db"
        if settings.backend != "sqlite" or database.is_file():
            yield PipelineStore(folder.name, folder, connection(settings, folder))


def connection(settings: Metadata, folder: Path) -> "metadata_store_pb2.ConnectionConfig":
    """How to reach ML Metadata.

    Raises:
        MainlineError: it is on a server that refuses us, or does not answer.
    """
    from pipeline.metadata.connection import connection_config

    if settings.backend == "sqlite":
        return connection_config(settings, folder)
    return wait_for_store(settings, folder, 0.0, lambda _: None)


def read_config(folder: Path) -> Config:
    """The effective config of a run."""
    path = folder / "config.yaml"
    return validate(read_yaml(path), str(path))


def overrides_to_restore(folder: Path) -> list[str]:
    """The options that bring back what a run had where its config is read again: an overlay is then laid over it."""
    kept = folder / "config.yaml"
    was, becomes = (made.model_dump(mode="json") for made in (read_config(folder), load_config(str(kept))))
    changed = [key for key, value in was.items() if becomes[key] != value]
    return [word for key in changed for word in ("--set", f"{key}={json.dumps(was[key], ensure_ascii=False)}")]


def read_config_or_warn(folder: Path) -> Config | None:
    """The same, of a run that is one of many: where it cannot be read, that is said, and the others go on."""
    try:
        return read_config(folder)
    except ConfigError as error:
        warn_skipped(error)
        return None


def read_summary(folder: Path) -> dict[str, Any]:
    """How a run ended; empty where it did not come so far, or its file is damaged, which is said."""
    path = folder / "summary.json"
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(facts, dict):
            raise ValueError(f"a {type(facts).__name__} in place of an object")
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        warn_skipped(InputError(str(path), "damaged, and not looked at", received=str(error)))
        return {}
    return facts


def warn_skipped(error: InputError) -> None:
    """Names what is wrong with a file of an old run, on standard error."""
    print(f"passed over: {error}", file=sys.stderr)


def find_run(given: Path) -> RunRecord:
    """The run of a folder: ``history/<run>`` or ``reports/<run>``, or the latest one of a pipeline's folder or a root.

    Raises:
        InputError: there is no such run.
    """
    folder = resolve_folder(given)
    if folder.parent.name in ("history", "reports"):
        return run_record(folder.parent.parent, folder.name)
    runs = [path.parent for pattern in ("history", "*/history") for path in folder.glob(f"{pattern}/*/config.yaml")]
    if not runs:
        raise InputError(
            str(given), "there is no run", expected="runs, runs/<pipeline> or runs/<pipeline>/history/<run>",
            received="no such folder" if not folder.is_dir() else "no history/<run>/config.yaml in it",
        )  # fmt: skip
    for run in sort_by_start(runs)[::-1]:
        if read_config_or_warn(run) is not None:
            return run_record(run.parent.parent, run.name)
    raise InputError(str(given), "no run has a config that can be read", received=f"{len(runs)} that cannot")


def run_record(root: Path, run: str) -> RunRecord:
    """A run by its id."""
    folder = root / "history" / run
    if not (folder / "config.yaml").is_file():
        known = [path.name for path in sort_by_start(path.parent for path in root.glob("history/*/config.yaml"))]
        raise InputError(str(folder), "no such run", expected=", ".join(known[-5:]) or "a run", received=run)
    return RunRecord(root, run, read_config(folder), read_summary(folder))


@contextmanager
def open_store(run: RunRecord) -> "Iterator[metadata.Metadata]":
    """ML Metadata of a run."""
    from tfx.orchestration import metadata

    with metadata.Metadata(connection(run.config.metadata, run.root)) as handle:
        yield handle
