"""Find pipelines, versions and experiments on the server, or create them."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import InputError
from pipeline.kubeflow.client.connection import Connection

if TYPE_CHECKING:
    from pipeline.kubeflow.compile.package import Package

# The first word in the description of every object that we create.
MADE_BY = "Mainline"


@dataclass(frozen=True)
class Version:
    """A version of a pipeline on the server; ``new`` if it was uploaded by this command."""

    pipeline_id: str
    id: str
    name: str
    new: bool = False


@dataclass(frozen=True)
class Experiment:
    """A group of runs on the server."""

    id: str
    name: str


def filter_by(key: str, value: str, operation: str = "EQUALS") -> str:
    """A filter of a list as JSON: backend/api/v2beta1/filter.proto of Kubeflow Pipelines.

    >>> filter_by("display_name", "a")
    '{"predicates": [{"operation": "EQUALS", "key": "display_name", "stringValue": "a"}]}'
    """
    return json.dumps({"predicates": [{"operation": operation, "key": key, "stringValue": value}]})


def find_pipeline(connection: Connection, name: str) -> str | None:
    """The id of a pipeline, None if it does not exist."""
    found = connection.items(f"pipeline {name}", connection.client.list_pipelines, "pipelines",
                             filter=filter_by("display_name", name), namespace=connection.namespace)  # fmt: skip
    return next((pipeline.pipeline_id for pipeline in found if pipeline.display_name == name), None)


def known_pipeline(connection: Connection, name: str) -> str:
    """The id of a pipeline.

    Raises:
        InputError: it does not exist.
    """
    found = find_pipeline(connection, name)
    if found is None:
        raise InputError(f"pipeline {name}", "not on the server", next_step="Upload and run it with submit.")
    return found


def versions_of(connection: Connection, pipeline_id: str) -> Iterator[Any]:
    """The versions of a pipeline, latest first."""
    return connection.items("versions of the pipeline", connection.client.list_pipeline_versions, "pipeline_versions",
                          pipeline_id=pipeline_id, sort_by="created_at desc")  # fmt: skip


def version_name(package: "Package") -> str:
    return f"{package.name}-{package.digest}"


def ensure_version(connection: Connection, package: "Package") -> Version:
    """Find the version of a package, or upload it.

    For a new pipeline the server creates the first version with the name of the pipeline; its description, the same as
    that of the pipeline, has the name of the version.
    """
    name = version_name(package)
    pipeline_id = find_pipeline(connection, package.name)
    if pipeline_id is None:
        pipeline_id = upload_pipeline(connection, package, name)
        return Version(pipeline_id, find_version(connection, pipeline_id, name).id, name, new=True)
    found = next(matching(connection, pipeline_id, name), None)
    return found or upload_version(connection, package, pipeline_id, name)


def name_of(version: Any) -> str:
    """The name that we gave a version, which the description has if the server gave it another."""
    words = (version.description or "").split()
    return str(words[1] if len(words) > 1 and words[0] == MADE_BY else version.display_name or "")


def matching(connection: Connection, pipeline_id: str, name: str) -> Iterator[Version]:
    """The versions with a name, in their name or description."""
    for version in versions_of(connection, pipeline_id):
        if name in (version.display_name, name_of(version)):
            yield Version(pipeline_id, version.pipeline_version_id, name)


def find_version(connection: Connection, pipeline_id: str, name: str) -> Version:
    """Find a version.

    Raises:
        InputError: it does not exist.
    """
    found = next(matching(connection, pipeline_id, name), None)
    if found is None:
        raise InputError(f"version {name}", "not on the server", next_step="Run the same command again.")
    return found


def upload_pipeline(connection: Connection, package: "Package", name: str) -> str:
    """Upload a new pipeline, and return its id."""
    with as_file(package) as path:
        answer = connection.call(f"uploading pipeline {package.name}", connection.client.upload_pipeline, path,
                                pipeline_name=package.name, description=f"{MADE_BY} {name}",
                                namespace=connection.namespace)  # fmt: skip
    return str(answer.pipeline_id)


def upload_version(connection: Connection, package: "Package", pipeline_id: str, name: str) -> Version:
    with as_file(package) as path:
        answer = connection.call(f"uploading version {name}", connection.client.upload_pipeline_version, path, name,
                                pipeline_id=pipeline_id, description=f"{MADE_BY} {name}")  # fmt: skip
    return Version(pipeline_id, str(answer.pipeline_version_id), name, new=True)


@contextmanager
def as_file(package: "Package") -> Iterator[str]:
    """The path of a temporary file with a package, as the SDK only uploads files."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pipeline.yaml"
        path.write_text(package.text, encoding="utf-8")
        yield str(path)


def ensure_experiment(connection: Connection, name: str) -> Experiment:
    """Find an experiment, or create it.

    Raises:
        InputError: it is archived, so nothing can run in it.
    """
    answer = connection.call(f"experiment {name}", connection.client.create_experiment, name,
                            namespace=connection.namespace)  # fmt: skip
    if answer.storage_state == "ARCHIVED":
        raise InputError(f"experiment {name}", "archived", next_step="Restore it, or pass another --experiment.")
    return Experiment(answer.experiment_id, name)
