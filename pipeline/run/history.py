"""Past runs: their folders, configs and summaries, and how to reach their ML Metadata."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.artifacts.run_order import sort_by_start
from pipeline.config.load import load_config, read_yaml, validate
from pipeline.config.root import Config, Metadata
from pipeline.errors import ConfigError, InputError
from pipeline.metadata.server import wait_for_store
from pipeline.run.local.lock import resolve_folder

# ML Metadata and TFX take seconds to import and are not needed to render a page from a file, so functions import them.
if TYPE_CHECKING:
    from ml_metadata.proto import metadata_store_pb2
    from tfx.orchestration import metadata


@dataclass(frozen=True)
class PipelineStore:
    """A pipeline and the connection to its ML Metadata; ``root`` is its folder on this machine, if there is one."""

    pipeline: str
    root: Path | None
    connection: "metadata_store_pb2.ConnectionConfig"


@dataclass(frozen=True)
class RunRecord:
    """A past run: the folder of its pipeline, its id, config and summary."""

    root: Path
    run: str
    config: Config
    summary: dict[str, Any]

    @property
    def folder(self) -> Path:
        """The folder with its log, config and summary."""
        return self.root / "history" / self.run

    @property
    def reports(self) -> Path:
        """The folder with its report."""
        return self.root / "reports" / self.run


def find_stores(root: Path, config: str | None = None) -> list[PipelineStore]:
    """The store of a config, or without one the stores of all pipelines below a root.

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
    """The store of the pipeline in a folder, from its latest readable config; nothing if it has never run."""
    runs = sort_by_start(path.parent for path in folder.glob("history/*/config.yaml"))[::-1]
    if runs:
        configs = (read_config_or_warn(run) for run in runs)
        settings = next((config.metadata for config in configs if config is not None), Metadata())
        database = folder / "metadata.db"
        if settings.backend != "sqlite" or database.is_file():
            yield PipelineStore(folder.name, folder, connection(settings, folder))


def connection(settings: Metadata, folder: Path) -> "metadata_store_pb2.ConnectionConfig":
    """The connection to ML Metadata.

    Raises:
        MainlineError: it is on a server that refuses the connection or does not answer.
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
    """The ``--set`` options that undo what the overlay changes when the config of a past run is loaded again."""
    kept = folder / "config.yaml"
    was, becomes = (made.model_dump(mode="json") for made in (read_config(folder), load_config(str(kept))))
    changed = [key for key, value in was.items() if becomes[key] != value]
    return [word for key in changed for word in ("--set", f"{key}={json.dumps(was[key], ensure_ascii=False)}")]


def read_config_or_warn(folder: Path) -> Config | None:
    """The effective config of a run; None, with a warning on standard error, if it cannot be read."""
    try:
        return read_config(folder)
    except ConfigError as error:
        warn_skipped(error)
        return None


def read_summary(folder: Path) -> dict[str, Any]:
    """The summary of a run; empty if it has none, or, with a warning on standard error, if it cannot be read."""
    path = folder / "summary.json"
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(facts, dict):
            raise ValueError(f"a {type(facts).__name__} instead of an object")
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        warn_skipped(InputError(str(path), "damaged", received=str(error)))
        return {}
    return facts


def warn_skipped(error: InputError) -> None:
    """Warn on standard error that a file of a past run is skipped."""
    print(f"skipped: {error}", file=sys.stderr)


def find_run(given: Path) -> RunRecord:
    """Find a run by its folder ``history/<run>`` or ``reports/<run>``, or the latest run of a pipeline or a root.

    Raises:
        InputError: there is no such run.
    """
    folder = resolve_folder(given)
    if folder.parent.name in ("history", "reports"):
        return run_record(folder.parent.parent, folder.name)
    runs = [path.parent for pattern in ("history", "*/history") for path in folder.glob(f"{pattern}/*/config.yaml")]
    if not runs:
        raise InputError(
            str(given), "no run found", expected="runs, runs/<pipeline> or runs/<pipeline>/history/<run>",
            received="no such folder" if not folder.is_dir() else "no history/<run>/config.yaml in it",
        )  # fmt: skip
    for run in sort_by_start(runs)[::-1]:
        if read_config_or_warn(run) is not None:
            return run_record(run.parent.parent, run.name)
    raise InputError(str(given), "no run has a readable config", received=f"{len(runs)} unreadable")


def run_record(root: Path, run: str) -> RunRecord:
    """The run with an id.

    Raises:
        InputError: there is no such run.
    """
    folder = root / "history" / run
    if not (folder / "config.yaml").is_file():
        known = [path.name for path in sort_by_start(path.parent for path in root.glob("history/*/config.yaml"))]
        raise InputError(str(folder), "no such run", expected=", ".join(known[-5:]) or "a run", received=run)
    return RunRecord(root, run, read_config(folder), read_summary(folder))


@contextmanager
def open_store(run: RunRecord) -> "Iterator[metadata.Metadata]":
    from tfx.orchestration import metadata

    with metadata.Metadata(connection(run.config.metadata, run.root)) as handle:
        yield handle
