"""Temporary files of a run, in its root: what a killed one leaves is found there by the next, and removed."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FOLDER = ".tmp"


@contextmanager
def temporary_folder(root: Path) -> Iterator[Path]:
    """Makes libraries and child processes put their temporary files into a folder that is empty, and then gone.

    Whoever holds the lock of the root knows that nobody else is at work there.
    """
    folder = root / FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    variable, known = os.environ.get("TMPDIR"), tempfile.tempdir
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    try:
        yield folder
    finally:
        tempfile.tempdir = known
        if variable is None:
            del os.environ["TMPDIR"]
        else:
            os.environ["TMPDIR"] = variable
        shutil.rmtree(folder, ignore_errors=True)
