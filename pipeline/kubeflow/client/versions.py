"""Pipelines, their versions and experiments on the server: found, or made when they are missing."""

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

# The first word of the description of all that this command makes.
MADE_BY = "Mainline"


@dataclass(frozen=True)
class Version:
    """A version of a pipeline on the server; ``new`` says that it was uploaded just now."""

    pipeline_id: str
    id: str
    name: str
    new: bool = False


@dataclass(frozen=True)
class Experiment:
    """Where the server keeps runs together."""

    id: str
    name: str


def filter_by(key: str, value: str, operation: str = "EQUALS") -> str:
    """A filter of a list, in JSON: backend/api/v2beta1/filter.proto of Kubeflow Pipelines.

    >>> filter_by("display_name", "a")
    '{"predicates": [{"operation": "EQUALS", "key": "display_name", "stringValue": "a"}]}'
    """
    return json.dumps({"predicates": [{"operation": operation, "key": key, "stringValue": value}]})


def find_pipeline(connection: Connection, name: str) -> str | None:
    """The id of a pipeline."""
    found = connection.items(f"pipeline {name}", connection.client.list_pipelines, "pipelines",
                           filter=filter_by("display_name", name), namespace=connection.namespace)  # fmt: skip
    return next((pipeline.pipeline_id for pipeline in found if pipeline.display_name == name), None)


def known_pipeline(connection: Connection, name: str) -> str:
    """The id of a pipeline that must be there.

    Raises:
        InputError: it was never uploaded.
    """
    found = find_pipeline(connection, name)
    if found is None:
        raise InputError(f"pipeline {name}", "was never uploaded", next_step="Upload and run it with: submit.")
    return found


def versions_of(connection: Connection, pipeline_id: str) -> Iterator[Any]:
    """The versions of a pipeline, the latest first."""
    return connection.items("versions of the pipeline", connection.client.list_pipeline_versions, "pipeline_versions",
                          pipeline_id=pipeline_id, sort_by="created_at desc")  # fmt: skip


def version_name(package: "Package") -> str:
    """What the version of a package is called."""
    return f"{package.name}-{package.digest}"


def ensure_version(connection: Connection, package: "Package") -> Version:
    """The version of a package, uploaded if it is not yet there.

    With a new pipeline the server makes the first version itself, called as the pipeline; it is known by its
    description, which both get.
    """
    name = version_name(package)
    pipeline_id = find_pipeline(connection, package.name)
    if pipeline_id is None:
        pipeline_id = upload_pipeline(connection, package, name)
        return Version(pipeline_id, find_version(connection, pipeline_id, name).id, name, new=True)
    found = next(matching(connection, pipeline_id, name), None)
    return found or upload_version(connection, package, pipeline_id, name)


def name_of(version: Any) -> str:
    """The name of a version of the server: the one that we gave it, also where the server took that of the pipeline."""
    words = (version.description or "").split()
    return str(words[1] if len(words) > 1 and words[0] == MADE_BY else version.display_name or "")


def matching(connection: Connection, pipeline_id: str, name: str) -> Iterator[Version]:
    """The versions of a name, by their name or description."""
    for version in versions_of(connection, pipeline_id):
        if name in (version.display_name, name_of(version)):
            yield Version(pipeline_id, version.pipeline_version_id, name)


def find_version(connection: Connection, pipeline_id: str, name: str) -> Version:
    """A version that must be there.

    Raises:
        InputError: it is not.
    """
    found = next(matching(connection, pipeline_id, name), None)
    if found is None:
        raise InputError(f"version {name}", "is not on the server", next_step="Run the same command again.")
    return found


def upload_pipeline(connection: Connection, package: "Package", name: str) -> str:
    """Uploads a pipeline that the server does not know; gives its id."""
    with on_disk(package) as path:
        answer = connection.call(f"uploading pipeline {package.name}", connection.client.upload_pipeline, path,
                                pipeline_name=package.name, description=f"{MADE_BY} {name}",
                                namespace=connection.namespace)  # fmt: skip
    return str(answer.pipeline_id)


def upload_version(connection: Connection, package: "Package", pipeline_id: str, name: str) -> Version:
    """Uploads a version of a pipeline that the server knows."""
    with on_disk(package) as path:
        answer = connection.call(f"uploading version {name}", connection.client.upload_pipeline_version, path, name,
                                pipeline_id=pipeline_id, description=f"{MADE_BY} {name}")  # fmt: skip
    return Version(pipeline_id, str(answer.pipeline_version_id), name, new=True)


@contextmanager
def on_disk(package: "Package") -> Iterator[str]:
    """The text of a package as a file, which is what the SDK uploads."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pipeline.yaml"
        path.write_text(package.text, encoding="utf-8")
        yield str(path)


def ensure_experiment(connection: Connection, name: str) -> Experiment:
    """An experiment, made if it is missing.

    Raises:
        InputError: it is archived, so that nothing can run in it.
    """
    answer = connection.call(f"experiment {name}", connection.client.create_experiment, name,
                            namespace=connection.namespace)  # fmt: skip
    if answer.storage_state == "ARCHIVED":
        raise InputError(f"experiment {name}", "is archived", next_step="Restore it, or give another --experiment.")
    return Experiment(answer.experiment_id, name)
