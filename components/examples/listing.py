"""Which files an Examples artifact has, by ML Metadata: what else lies in its folders is no rows.

A mark is the size of a file and its last eight bytes, which in gzip are the CRC-32 and the length of what it holds
(https://www.rfc-editor.org/rfc/rfc1952#section-2.3.1): who reads on compares the rest with it.
"""

import json
import os
from collections.abc import Mapping

from tfx import types
from tfx.dsl.io import fileio
from tfx.types import artifact_utils

from pipeline.errors import DataError

# Custom property of an Examples artifact: by split the names of the files, with their marks, as JSON.
FILES = "files"
TAIL_BYTES = 8


def list_written(examples: types.Artifact) -> None:
    """Keeps in the artifact which files its folders have now."""
    listed = {split: marks(path) for split, path in folders_of(examples).items()}
    examples.set_string_custom_property(FILES, json.dumps(listed))


def folders_of(artifact: types.Artifact) -> dict[str, str]:
    """The folder of each split of an artifact."""
    splits = artifact_utils.decode_split_names(artifact.split_names)
    return {split: artifact_utils.get_split_uri([artifact], split) for split in splits}


def files_of(folders: Mapping[str, str], listed: str) -> dict[str, list[str]]:
    """The files of each split, in order; ``listed`` is the property, which is empty of examples that others have made.

    Raises:
        DataError: a file is gone, or is another one.
    """
    known = json.loads(listed) if listed else {split: visible(folder) for split, folder in folders.items()}
    return {split: files_in(folder, known.get(split, {})) for split, folder in folders.items()}


def files_in(folder: str, known: Mapping[str, str] | list[str]) -> list[str]:
    """The files of a folder by their names, compared with their marks if there are any.

    Raises:
        DataError: a file is gone, or is another one.
    """
    paths = {name: os.path.join(folder, name) for name in sorted(known)}
    if isinstance(known, Mapping):
        for name, path in paths.items():
            check_mark(path, known[name])
    return list(paths.values())


def check_mark(path: str, expected: str) -> None:
    """Compares a file with the mark that it had when it was written.

    Raises:
        DataError: it is gone, or has another one.
    """
    received = mark(path) if fileio.exists(path) else "no such file"
    if received != expected:
        raise DataError(
            path, "not the file that was written here", expected=expected, received=received,
            next_step="Run again with --no-cache: the rows are then written anew.",
        )  # fmt: skip


def marks(folder: str) -> dict[str, str]:
    """The mark of each file of a folder by its name."""
    return {name: mark(os.path.join(folder, name)) for name in visible(folder)}


def visible(folder: str) -> list[str]:
    """The names in a folder, without hidden ones."""
    names = fileio.listdir(folder) if fileio.isdir(folder) else []
    return sorted(name for name in names if not name.startswith((".", "_")))


def mark(path: str) -> str:
    """The size of a file and its last bytes."""
    with fileio.open(path, "rb") as file:
        file.seek(0, os.SEEK_END)
        size = file.tell()
        file.seek(max(0, size - TAIL_BYTES))
        return f"{size}-{file.read(TAIL_BYTES).hex()}"
