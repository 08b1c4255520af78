"""The folder of a run on the volume; the first pod creates it, all others find it by the id of the run."""

import json
from datetime import datetime, timezone
from pathlib import Path

from components.support.atomic_files import claim
from components.support.retry import Backoff, retry
from pipeline.config.load import dump_config
from pipeline.config.root import Config
from pipeline.errors import InputError, MainlineError
from pipeline.kubeflow.pod.arguments import PodArguments, config_of
from pipeline.kubeflow.pod.process import tell
from pipeline.kubeflow.volume_paths import pipeline_root
from pipeline.run.history import read_config
from pipeline.run.local.spans import resolve_span
from pipeline.run.request import RunPaths

# For another pod to finish writing, on a file system where a file does not appear whole.
HALF_WRITTEN = Backoff(first_s=0.1, longest_s=0.1, timeout_s=5.0)


def enter_run(arguments: PodArguments) -> tuple[Config, RunPaths]:
    """Create the folder and the config of a run, or find them if another pod has created them.

    All pods must use the same config, although what it depends on, such as the latest span, may change during the run.
    """
    config = config_of(arguments)
    root = pipeline_root(config)
    name = f"{datetime.now(timezone.utc):%Y%m%dT%H%M%S}-{arguments.run[:8]}"
    claim(name_file(root, arguments.run), json.dumps({"run": name}).encode())
    paths = run_paths(root, arguments.run)
    if not (paths.folder / "config.yaml").is_file():
        claim(paths.folder / "config.yaml", dump_config(resolve_span(config, tell)).encode())
    return read_config(paths.folder), paths


def find_run(root: Path, run: str) -> tuple[Config, RunPaths]:
    """The config and the folder of a run.

    Raises:
        InputError: no pod has created them.
    """
    paths = run_paths(root, run) if name_file(root, run).is_file() else None
    if paths is None or not (paths.folder / "config.yaml").is_file():
        raise InputError(f"run {run}", "none of its nodes has started", next_step="Look at the log of the first node.")
    return read_config(paths.folder), paths


def run_paths(root: Path, run: str) -> RunPaths:
    """The folder of a run, whose name begins with the time of its start.

    Raises:
        MainlineError: the file with the name of the run stays incomplete.
    """
    file = name_file(root, run)
    try:
        name = retry(lambda: read_name(file), HALF_WRITTEN, lambda error: isinstance(error, ValueError))
    except ValueError as error:
        raise MainlineError(
            str(file), "incomplete: the pod that wrote it was killed", next_step="Remove the file."
        ) from error
    return RunPaths(root, root / "history" / name, name)


def read_name(file: Path) -> str:
    """The name of a run.

    Raises:
        ValueError: the file is incomplete.
    """
    return str(json.loads(file.read_text(encoding="utf-8"))["run"])


def name_file(root: Path, run: str) -> Path:
    """The file with the name of a run, by its id."""
    return root / ".runs" / f"{run}.json"
