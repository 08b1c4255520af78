"""A root belongs to one ML Metadata store: an id is kept in both, and compared before anything is written or removed.

Executions are numbered by their store, and their folders are named by these numbers: on a root that another store has
used, or one that was restored from a backup, new rows would come to lie beside old ones.
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
# The context of a store that has its id; there is one, since its name is unique.
TYPE, NAME, ID = "mainline_store", "store", "id"
# A number of an execution, and no key of a training or a search, which is longer.
NUMBER = re.compile(r"[0-9]{1,12}", re.ASCII)
ARTIFACT = re.compile(r"(?P<root>.*)/artifacts/(?P<inside>[^/]+/[^/]+/[0-9]{1,12}(/value)?)")
ELSEWHERE = "Give another --root (on a cluster kubeflow.root), or move this folder away: all is then made anew."


@dataclass(frozen=True)
class Owner:
    """What a root says of its store, and where the root was when it said so."""

    store: str
    root: str


def check_store_matches(store: mlmd.MetadataStore, shared: bool, root: Path, pipeline: str) -> None:
    """Compares root and store, and makes both remember each other where both are new; finds a root that was moved.

    ``shared`` says that the store is on a server, and not in the root itself.

    Raises:
        InputError: they do not belong together; it says what to do.
    """
    # In this order: what other pods of a run make meanwhile has been registered before.
    folders = list(execution_folders(root / "artifacts"))
    owner, known = read_owner(root), store_id(store)
    if owner is not None and owner.store != known:
        raise InputError(
            str(root), "this folder was used with another ML Metadata store",
            expected=f"store {owner.store}", received=f"store {known}" if known else "a store without an id",
            next_step=f"Use that store (section metadata of the config), or put back metadata.db. {ELSEWHERE}",
        )  # fmt: skip
    check_executions_known(store, root, pipeline, folders, only_here=shared and owner is None)
    if owner is None or owner.root != str(root):
        relocate_artifacts(store, shared, root, pipeline)
        write_json(root / FILE, asdict(Owner(known or make_id(store), str(root))))


def check_store_exists(connection: metadata_store_pb2.ConnectionConfig, root: Path) -> None:
    """Whether the file of a SQLite store is still there; to open one that is not would make it.

    Raises:
        InputError: the root was used, and the file is gone.
    """
    if connection.WhichOneof("config") != "sqlite" or Path(connection.sqlite.filename_uri).is_file():
        return
    owner = read_owner(root)
    if owner is not None or any(execution_folders(root / "artifacts")):
        raise InputError(
            connection.sqlite.filename_uri, "the ML Metadata store of this folder is gone",
            expected=f"store {owner.store}" if owner else "the store that its artifacts are from", received="no file",
            next_step=f"Put metadata.db back, or use the store that it was used with. {ELSEWHERE}",
        )  # fmt: skip


def check_executions_known(
    store: mlmd.MetadataStore, root: Path, pipeline: str, folders: list[Path], only_here: bool
) -> None:
    """Whether the store knows all executions that have folders here.

    ``only_here`` asks for more than numbers, which other stores have, too: an artifact that lies here.

    Raises:
        InputError: it does not, as after it was lost or restored from an older backup.
    """
    known = {execution.id for execution in executions_of_pipeline(store, pipeline)} if folders else set()
    if only_here and not any(artifact.uri.startswith(f"{root}/") for artifact in artifacts_of(store, pipeline)):
        known = set()
    unknown = sorted({folder for folder in folders if int(folder.name) not in known})
    if unknown:
        names = [str(folder.relative_to(root)) for folder in unknown]
        raise InputError(
            str(root), "there are folders of executions that ML Metadata does not know",
            expected="the store with all that lies here", received=", ".join(names[:3]) + (", …" if names[3:] else ""),
            next_step="Another store is meant, or it was lost, or restored from an older backup: use that one, put a "
            f"newer one back, or remove those folders. {ELSEWHERE}",
        )  # fmt: skip


def execution_folders(artifacts: Path) -> Iterator[Path]:
    """The folders that executions have written to, ``<node>/<output>/<number>``."""
    return (path for path in artifacts.glob("*/*/*") if NUMBER.fullmatch(path.name) and path.is_dir())


def relocate_artifacts(store: mlmd.MetadataStore, shared: bool, root: Path, pipeline: str) -> None:
    """Gives the artifacts that lie here the paths that they have now, after the root was renamed, moved or copied.

    In a shared store, what still lies where it was is another root's.
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
    """The artifacts of a pipeline."""
    context = store.get_context_by_type_and_name("pipeline", pipeline)
    return list(store.get_artifacts_by_context(context.id)) if context else []


def read_owner(root: Path) -> Owner | None:
    """The store that a root says it belongs to.

    Raises:
        InputError: the file is not one that we wrote.
        MachineError: it cannot be read.
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
            next_step=f"Remove it if the store is the right one: it is then made again. {ELSEWHERE}",
        ) from error  # fmt: skip


def store_id(store: mlmd.MetadataStore) -> str:
    """The id of a store; empty where it has none."""
    context = store.get_context_by_type_and_name(TYPE, NAME)
    return context.custom_properties[ID].string_value if context else ""


def make_id(store: mlmd.MetadataStore) -> str:
    """Gives a store an id; of several who try at once, all get that of the first."""
    kind = when_free(lambda: int(store.put_context_type(metadata_store_pb2.ContextType(name=TYPE))))
    context = metadata_store_pb2.Context(type_id=kind, name=NAME)
    context.custom_properties[ID].string_value = uuid.uuid4().hex
    with contextlib.suppress(errors.AlreadyExistsError):
        when_free(lambda: store.put_contexts([context]))
    return store_id(store)
