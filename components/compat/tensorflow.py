"""Parts of TensorFlow that are private, or that we change.

``exclude_from_autograph``
    TensorFlow tells AutoGraph to leave ``keras`` as it is, but not ``tf_keras``, the same code under its later name:
    every layer, optimizer and metric is then parsed and rewritten before the first step. For the recommender that took
    33 of 48 s of tracing, and changed no number. Upstream: ``tensorflow/python/autograph/core/config.py``. When it
    goes: importing this module fails; without the rule, training begins later.
``get_variables_path``
    TensorFlow and TFMA look for the variables of a SavedModel by a pattern. A path with a bracket or a backslash does
    not match itself, and one with a star or a question mark matches others too. Importing this module makes both
    loaders reach such a folder through a symbolic link. Upstream: ``tensorflow/python/saved_model/path_helpers.py``.
    When it goes: importing this module fails, and models in folders of such names could not be restored.
"""

import atexit
import functools
import os
import re
import shutil
import tempfile
from collections.abc import Callable

from tensorflow.python.autograph.core import config as autograph_config
from tensorflow.python.saved_model import path_helpers

PATTERN = re.compile(r"[\[*?\\]")
PLACES = ("/tmp", "/var/tmp")


@functools.cache
def exclude_from_autograph(package: str) -> None:
    """Keep AutoGraph from converting the code of a package; once is enough in a process."""
    rule = autograph_config.DoNotConvert(package)
    autograph_config.CONVERSION_RULES = (rule, *autograph_config.CONVERSION_RULES)


def plain(path: str) -> str:
    """Return a path that is no pattern: the same one, or one through a link that lasts as long as this process."""
    folder, name = os.path.split(path)
    return os.path.join(_link(os.path.abspath(folder)), name) if PATTERN.search(folder) else path


@functools.cache
def _link(folder: str) -> str:
    link = os.path.join(_links(), os.urandom(8).hex())
    os.symlink(folder, link)
    return link


@functools.cache
def _links() -> str:
    # A run keeps its temporary files below its root, whose name may be a pattern itself.
    above = next((place for place in (tempfile.gettempdir(), *PLACES) if not PATTERN.search(place)), None)
    folder = tempfile.mkdtemp(prefix="mainline-paths-", dir=above)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def install() -> None:
    """Patch the function that both loaders of SavedModels ask for the path of the variables."""
    if not hasattr(path_helpers.get_variables_path, "__wrapped__"):
        path_helpers.get_variables_path = _plainly(path_helpers.get_variables_path)


def _plainly(path_of: Callable[[str], str]) -> Callable[[str], str]:
    @functools.wraps(path_of)
    def path_of_variables(export_dir: str) -> str:
        return plain(path_of(export_dir))

    return path_of_variables


install()
