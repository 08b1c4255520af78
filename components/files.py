"""Files of this machine that appear whole or not at all."""

import errno
import json
import os
from pathlib import Path
from typing import Any


def write_whole(path: Path, content: bytes) -> None:
    """Writes a file beside its name, then renames it; the folder above it is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    partial.write_bytes(content)
    os.replace(partial, path)


def write_json(path: Path, content: Any) -> None:
    """Writes JSON, likewise."""
    write_whole(path, json.dumps(content, indent=1).encode("utf-8"))


def claim(path: Path, content: bytes) -> bool:
    """Writes a file whole if there is none of that name; of several who try at once, one is told that it was theirs.

    A file system without hard links, such as an object store behind a driver, gives the same by exclusive creation,
    though not whole if the writer is killed within.
    """
    partial = path.with_name(f"{path.name}.{os.getpid()}.{os.urandom(4).hex()}.partial")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        partial.write_bytes(content)
        os.link(partial, path)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK):
            raise
        return _create(path, content)
    finally:
        partial.unlink(missing_ok=True)
    return True


def _create(path: Path, content: bytes) -> bool:
    try:
        file = open(path, "xb")  # noqa: SIM115
    except FileExistsError:
        return False
    try:
        with file:
            file.write(content)
    except OSError:
        path.unlink(missing_ok=True)
        raise
    return True
