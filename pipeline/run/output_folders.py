"""Whose the folders of an execution are: one that is there is written into, or removed, only by its own execution.

Numbers come again where a store was lost or restored; the name of an execution in ML Metadata, a UUID, does not.
"""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

from ml_metadata.proto import metadata_store_pb2

from components.support.atomic_files import write_whole
from pipeline.errors import InputError

Execution: TypeAlias = metadata_store_pb2.Execution
SYSTEM, OWNERS = ".system", "owner"
KEPT = "__stateful_working_dir_index__"


def claim_outputs(node_folder: Path, execution: Execution, outputs: Iterable[str]) -> None:
    """Makes the folders of an execution its own before they are made.

    Raises:
        InputError: one is there already, and is not this execution's.
    """
    if owns(node_folder, execution):
        return
    taken = [uri for uri in outputs if Path(uri).exists()]
    if taken:
        raise InputError(
            taken[0], "this folder was written by another execution of the same number; nothing was changed",
            received=f"execution {execution.id}", expected="no such folder",
            next_step="ML Metadata was lost, restored from an older backup, or is another one: put it back, move the "
            "folder away, or give another --root.",
        )  # fmt: skip
    write_whole(owner_file(node_folder, execution.id), name_of(execution).encode())


def remove_outputs(artifacts: Path, execution: Execution) -> None:
    """Removes what an execution wrote: ``<artifacts>/<node>/<output>/<number>``, and its working folders.

    What is not provably its own is left alone.
    """
    for owner in artifacts.glob(f"*/{SYSTEM}/{OWNERS}/{execution.id}"):
        node_folder = owner.parents[2]
        if owns(node_folder, execution):
            for path in (*node_folder.glob(f"*/{execution.id}"), *node_folder.glob(f"{SYSTEM}/*/{execution.id}")):
                if path != owner:
                    shutil.rmtree(path, ignore_errors=True)
            remove_stateful_folder(node_folder, execution)
            owner.unlink(missing_ok=True)


def remove_stateful_folder(node_folder: Path, execution: Execution) -> None:
    """Removes the working folder that TFX keeps of a failed execution for another try, which is an execution anew.

    Its name is a UUID (``get_stateful_working_directory``, tfx/orchestration/portable/outputs_utils.py).
    """
    name = dict(execution.custom_properties).get(KEPT)
    if name is not None and name.string_value:
        shutil.rmtree(node_folder / SYSTEM / "stateful_working_dir" / name.string_value, ignore_errors=True)


def owns(node_folder: Path, execution: Execution) -> bool:
    """Whether the folders of an execution's number are its own."""
    try:
        return owner_file(node_folder, execution.id).read_bytes() == name_of(execution).encode()
    except OSError:
        return False


def owner_file(node_folder: Path, number: int) -> Path:
    """What says whose the folders of a number are."""
    return node_folder / SYSTEM / OWNERS / str(number)


def name_of(execution: Execution) -> str:
    """What no other execution is called: its name, with the moment when it was registered."""
    return f"{execution.name} {execution.create_time_since_epoch}"
