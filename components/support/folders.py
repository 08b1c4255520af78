"""The files of a folder whose name is taken as it is: ``[``, ``*``, ``?`` and a backslash in it are no pattern."""

import os
from collections.abc import Iterable

import tensorflow as tf

from pipeline.errors import DataError

# What TFX's ``io_utils.all_files_pattern`` adds to a folder.
ALL = "/*"


def files_in(folder: str) -> list[str]:
    """The paths of what lies in a folder, in order, without what is hidden; nothing if the folder is not there.

    Raises:
        DataError: a name is not UTF-8.
    """
    try:
        names = tf.io.gfile.listdir(folder)
    except tf.errors.NotFoundError:
        return []
    except UnicodeError as error:
        raise _not_utf8(folder) from error
    return sorted(os.path.join(folder, name.rstrip("/")) for name in names if not name.startswith("."))


def all_files(places: Iterable[str]) -> list[str]:
    """The files that some places stand for, in order: each is a file, or all of a folder if it ends with ``/*``."""
    found = (files_in(place.removesuffix(ALL)) if place.endswith(ALL) else [place] for place in places)
    return sorted(file for files in found for file in files)


def _not_utf8(folder: str) -> DataError:
    """Which name it is; the folder's own, or one in it."""
    try:
        names = os.listdir(os.fsencode(folder))
        wrong = next((name for name in names if not _is_utf8(name)), b"")
    except OSError:
        wrong = b""
    where = os.path.join(folder, wrong.decode("utf-8", "backslashreplace")) if wrong else folder
    return DataError(where, "the name is not UTF-8", next_step="Give the file or folder another name.")


def _is_utf8(name: bytes) -> bool:
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return True
