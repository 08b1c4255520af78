"""List files without treating ``[``, ``*``, ``?`` or a backslash in the name of a folder as a pattern."""

import os
from collections.abc import Iterable

import tensorflow as tf

from components.support.text import is_utf8
from pipeline.errors import DataError

# What TFX's ``io_utils.all_files_pattern`` adds to a folder.
ALL = "/*"


def files_in(folder: str) -> list[str]:
    """Return the sorted paths in a folder, without hidden files; an empty list if the folder does not exist.

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


def all_files(paths: Iterable[str]) -> list[str]:
    """Return the sorted files of some paths; a path that ends with ``/*`` stands for all files of its folder."""
    found = (files_in(path.removesuffix(ALL)) if path.endswith(ALL) else [path] for path in paths)
    return sorted(file for files in found for file in files)


def _not_utf8(folder: str) -> DataError:
    """Return an error that shows the name: the folder's own, or one in it."""
    try:
        names = os.listdir(os.fsencode(folder))
        wrong = next((name for name in names if not is_utf8(name)), b"")
    except OSError:
        wrong = b""
    where = os.path.join(folder, wrong.decode("utf-8", "backslashreplace")) if wrong else folder
    return DataError(where, "the name is not UTF-8", next_step="Give the file or folder another name.")
