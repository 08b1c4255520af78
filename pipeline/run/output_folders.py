"""Ownership of output folders: an existing folder is written to or removed only by the execution that created it.

The ids of executions repeat after ML Metadata was lost or restored. The name of an execution, a UUID, does not.
"""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

from ml_metadata.proto import metadata_store_pb2

from components.compat.tfx.launcher import stateful_folder
from components.support.atomic_files import write_whole
from pipeline.errors import InputError

Execution: TypeAlias = metadata_store_pb2.Execution
SYSTEM, OWNERS = ".system", "owner"


def claim_outputs(node_folder: Path, execution: Execution, outputs: Iterable[str]) -> None:
    """Record an execution as the owner of its output folders before they are created.

    Raises:
        InputError: one of them exists already and belongs to another execution.
    """
    if owns(node_folder, execution):
        return
    existing = [uri for uri in outputs if Path(uri).exists()]
    if existing:
        raise InputError(
            existing[0], "this folder was written by another execution with the same id; nothing was changed",
            received=f"execution {execution.id}", expected="no such folder",
            next_step="ML Metadata was lost, restored from an older backup, or is another store: restore it, move the "
            "folder away, or give another --root.",
        )  # fmt: skip
    write_whole(owner_file(node_folder, execution.id), unique_name(execution).encode())


def remove_outputs(artifacts: Path, execution: Execution) -> None:
    """Remove what an execution wrote: ``<artifacts>/<node>/<output>/<id>`` and its working folders.

    Anything that is not provably its own stays.
    """
    for owner in artifacts.glob(f"*/{SYSTEM}/{OWNERS}/{execution.id}"):
        node_folder = owner.parents[2]
        if owns(node_folder, execution):
            for path in (*node_folder.glob(f"*/{execution.id}"), *node_folder.glob(f"{SYSTEM}/*/{execution.id}")):
                if path != owner:
                    shutil.rmtree(path, ignore_errors=True)
            # Here, a retry is a new execution, which never reads the working folder of this one.
            if (kept := stateful_folder(node_folder, execution)) is not None:
                shutil.rmtree(kept, ignore_errors=True)
            owner.unlink(missing_ok=True)


def owns(node_folder: Path, execution: Execution) -> bool:
    """Whether the folders with an execution's id are its own."""
    try:
        return owner_file(node_folder, execution.id).read_bytes() == unique_name(execution).encode()
    except OSError:
        return False


def owner_file(node_folder: Path, execution_id: int) -> Path:
    """The file that names the owner of the folders with an id."""
    return node_folder / SYSTEM / OWNERS / str(execution_id)


def unique_name(execution: Execution) -> str:
    """The execution's name and the time at which it was registered; no other execution has both."""
    return f"{execution.name} {execution.create_time_since_epoch}"
