"""Files of any file system that TFX knows, which appear whole or not at all."""

import contextlib
import os

from tfx.dsl.io import fileio


def write_whole(path: str, content: bytes) -> None:
    """Writes a file beside its name, hidden, then renames it; the folder above it must be there."""
    partial = os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.partial")
    try:
        with fileio.open(partial, "wb") as file:
            file.write(content)
        fileio.rename(partial, path, overwrite=True)
    except BaseException:
        with contextlib.suppress(Exception):
            fileio.remove(partial)
        raise
