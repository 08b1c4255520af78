"""Check that a root and an ML Metadata store belong together before anything is written or removed.

Both keep the same id. Folders of artifacts are named by the ids of executions, which the store assigns: with another
store, or one restored from a backup, new files would be mixed with old ones.
"""

import contextlib
import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import ml_metadata as mlmd
from ml_metadata import errors
from ml_metadata.proto import metadata_store_pb2

from components.artifacts.metadata_store import when_free
from components.support.atomic_files import write_json
from pipeline.errors import InputError, refused
from pipeline.run.executions import executions_of_pipeline

FILE = ".store.json"
# The context that has the store's id. There is only one, since its name is unique.
TYPE, NAME, ID = "mainline_store", "store", "id"
# The id of an execution; keys of trainings and searches are longer.
NUMBER = re.compile(r"[0-9]{1,12}", re.ASCII)
ARTIFACT = re.compile(r"(?P<root>.*)/artifacts/(?P<inside>[^/]+/[^/]+/[0-9]{1,12}(/value)?)")
ELSEWHERE = (
    "Give another --root (on a cluster kubeflow.root), or move this folder away; everything is then created anew."
)


@dataclass(frozen=True)
class Owner:
    """The id of a root's store, and the path of the root when it was recorded."""

    store: str
    root: str


def check_store_matches(store: mlmd.MetadataStore, shared: bool, root: Path, pipeline: str) -> None:
    """Check that root and store belong together, record it if both are new, and update paths if the root was moved.

    ``shared`` is True for a store on a server, which other roots may use, too.

    Raises:
        InputError: they do not belong together.
    """
    # Folders are listed before the store is read: other pods register their executions before they create folders.
    folders = list(execution_folders(root / "artifacts"))
    owner, known = read_owner(root), store_id(store)
    if owner is not None and owner.store != known:
        raise InputError(
            str(root), "this folder was used with another ML Metadata store",
            expected=f"store {owner.store}", received=f"store {known}" if known else "a store without an id",
            next_step=f"Use that store (section metadata of the config), or restore metadata.db. {ELSEWHERE}",
        )  # fmt: skip
    check_executions_known(store, root, pipeline, folders, only_here=shared and owner is None)
    if owner is None or owner.root != str(root):
        relocate_artifacts(store, shared, root, pipeline)
        write_json(root / FILE, asdict(Owner(known or make_id(store), str(root))))


def check_store_exists(connection: metadata_store_pb2.ConnectionConfig, root: Path) -> None:
    """Check that the file of a SQLite store still exists; opening a missing one would create it.

    Raises:
        InputError: the root was used before, but the file is gone.
    """
    if connection.WhichOneof("config") != "sqlite" or Path(connection.sqlite.filename_uri).is_file():
        return
    owner = read_owner(root)
    if owner is not None or any(execution_folders(root / "artifacts")):
        raise InputError(
            connection.sqlite.filename_uri, "the ML Metadata store of this folder is gone",
            expected=f"store {owner.store}" if owner else "the store with its artifacts", received="no file",
            next_step=f"Restore metadata.db, or use the store that the folder was used with. {ELSEWHERE}",
        )  # fmt: skip


def check_executions_known(
    store: mlmd.MetadataStore, root: Path, pipeline: str, folders: list[Path], only_here: bool
) -> None:
    """Check that the store knows all executions that have folders here.

    Other stores assign the same ids. With ``only_here``, the store must therefore also have an artifact in this root.

    Raises:
        InputError: it does not know one, for example because it was lost or restored from an older backup.
    """
    known = {execution.id for execution in executions_of_pipeline(store, pipeline)} if folders else set()
    if only_here and not any(artifact.uri.startswith(f"{root}/") for artifact in artifacts_of(store, pipeline)):
        known = set()
    unknown = sorted({folder for folder in folders if int(folder.name) not in known})
    if unknown:
        names = [str(folder.relative_to(root)) for folder in unknown]
        raise InputError(
            str(root), "ML Metadata does not know the executions of some folders",
            expected="the store that has all of them", received=", ".join(names[:3]) + (", …" if names[3:] else ""),
            next_step="This is another store, or it was lost or restored from an older backup: use the right store, "
            f"restore a newer backup, or remove these folders. {ELSEWHERE}",
        )  # fmt: skip


def execution_folders(artifacts: Path) -> Iterator[Path]:
    """The output folders of executions, ``<node>/<output>/<id>``."""
    return (path for path in artifacts.glob("*/*/*") if NUMBER.fullmatch(path.name) and path.is_dir())


def relocate_artifacts(store: mlmd.MetadataStore, shared: bool, root: Path, pipeline: str) -> None:
    """Update the URIs of the artifacts in this root after the root was renamed, moved or copied.

    In a shared store, an artifact whose old path still exists belongs to another root.
    """
    moved = []
    for artifact in artifacts_of(store, pipeline):
        found = ARTIFACT.fullmatch(artifact.uri)
        here = root / "artifacts" / found["inside"] if found else None
        was_here = here is not None and here.exists() and not (shared and Path(artifact.uri).exists())
        if was_here and str(here) != artifact.uri:
            artifact.uri = str(here)
            moved.append(artifact)
    if moved:
        store.put_artifacts(moved)


def artifacts_of(store: mlmd.MetadataStore, pipeline: str) -> list[metadata_store_pb2.Artifact]:
    context = store.get_context_by_type_and_name("pipeline", pipeline)
    return list(store.get_artifacts_by_context(context.id)) if context else []


def read_owner(root: Path) -> Owner | None:
    """The recorded owner of a root; None if the root is new.

    Raises:
        InputError: the file was not written by us.
        MachineError: the file cannot be read.
    """
    path = root / FILE
    try:
        return Owner(**json.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise refused(error, InputError)(str(path), "cannot be read", received=error.strerror or str(error)) from error
    except (ValueError, TypeError) as error:
        raise InputError(
            str(path), "does not say which ML Metadata store this folder belongs to", received=str(error),
            next_step=f"Remove it if the store is the right one; it is then created again. {ELSEWHERE}",
        ) from error  # fmt: skip


def store_id(store: mlmd.MetadataStore) -> str:
    """The id of a store; empty if it has none."""
    context = store.get_context_by_type_and_name(TYPE, NAME)
    return context.custom_properties[ID].string_value if context else ""


def make_id(store: mlmd.MetadataStore) -> str:
    """Give a store an id and return it; if several processes try at once, all get the id of the first."""
    kind = when_free(lambda: int(store.put_context_type(metadata_store_pb2.ContextType(name=TYPE))))
    context = metadata_store_pb2.Context(type_id=kind, name=NAME)
    context.custom_properties[ID].string_value = uuid.uuid4().hex
    with contextlib.suppress(errors.AlreadyExistsError):
        when_free(lambda: store.put_contexts([context]))
    return store_id(store)
