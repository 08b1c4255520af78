"""Paths on the volume that all pods of a pipeline mount."""

from pathlib import Path

from data.prepare import prepared_folder
from pipeline.config.root import Config
from pipeline.errors import ConfigError


def pipeline_root(config: Config) -> Path:
    """The folder of all runs of a pipeline."""
    return Path(config.kubeflow.root) / config.name


def rows_folder(config: Config) -> Path:
    """The folder of the rows: ``data.path``, or the one in which the pod of ExampleGen prepares a data set.

    Raises:
        ConfigError: ``data.path`` is not on the volume.
    """
    data, settings = config.data, config.kubeflow
    if data.dataset is not None:
        return prepared_folder(data.dataset, data.split, data.seed, rows_cache(config))
    path = Path(data.path or "")
    if ".." in path.parts or not path.is_relative_to(settings.mount_path):
        raise ConfigError(
            "data.path", "not on the volume of the pods", received=str(path),
            expected=f"a path below {settings.mount_path}, where the claim {settings.claim} is mounted",
        )  # fmt: skip
    return path


def rows_cache(config: Config) -> Path:
    """The folder of prepared data sets."""
    return Path(config.kubeflow.root) / "data"
