"""Paths that TensorFlow and TFMA look for by a pattern, such as those of variables whenever a model is restored.

A path with a bracket or a backslash does not match itself, and one with a star or a question mark not only itself. So
such a folder is reached by another name. Importing this lets SavedModels be loaded from any folder.
"""

import atexit
import functools
import os
import re
import shutil
import tempfile
from collections.abc import Callable

from tensorflow.python.saved_model import path_helpers

PATTERN = re.compile(r"[\[*?\\]")
PLACES = ("/tmp", "/var/tmp")


def plain(path: str) -> str:
    """The same file or, if its folder's name would be taken for a pattern, another path to it, for this process."""
    folder, name = os.path.split(path)
    return os.path.join(_link(os.path.abspath(folder)), name) if PATTERN.search(folder) else path


@functools.cache
def _link(folder: str) -> str:
    link = os.path.join(_links(), os.urandom(8).hex())
    os.symlink(folder, link)
    return link


@functools.cache
def _links() -> str:
    # A run keeps its temporary files below its root, whose own name may be the one that is no plain path.
    above = next((place for place in (tempfile.gettempdir(), *PLACES) if not PATTERN.search(place)), None)
    folder = tempfile.mkdtemp(prefix="mainline-paths-", dir=above)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def install() -> None:
    """Lets TensorFlow restore SavedModels from any folder: both of its loaders ask here for the path of variables."""
    if not hasattr(path_helpers.get_variables_path, "__wrapped__"):
        path_helpers.get_variables_path = _plainly(path_helpers.get_variables_path)


def _plainly(path_of: Callable[[str], str]) -> Callable[[str], str]:
    @functools.wraps(path_of)
    def path_of_variables(export_dir: str) -> str:
        return plain(path_of(export_dir))

    return path_of_variables


install()
