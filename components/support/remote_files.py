"""Files on any file system that TFX supports, which appear complete or not at all."""

import contextlib
import os

from tfx.dsl.io import fileio


def write_whole(path: str, content: bytes) -> None:
    """Write a file under a hidden temporary name, then rename it. The folder must exist."""
    partial = os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.partial")
    try:
        with fileio.open(partial, "wb") as file:
            file.write(content)
        fileio.rename(partial, path, overwrite=True)
    except BaseException:
        with contextlib.suppress(Exception):
            fileio.remove(partial)
        raise
