"""Files of this machine that appear whole or not at all."""

import contextlib
import errno
import json
import os
import threading
from pathlib import Path
from typing import Any

NO_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EROFS)


def write_whole(path: Path, content: bytes, durable: bool = True) -> None:
    """Writes a file beside its name, then renames it; the folder above it is made.

    A ``durable`` one is on the disk before it has its name: else a machine that loses power may keep the name alone.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_native_id()}.partial")
    try:
        with open(partial, "wb") as file:
            file.write(content)
            if durable:
                settle(file.fileno())
        os.replace(partial, path)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise
    if durable:
        settle_folder(path.parent)


def settle(descriptor: int) -> None:
    """Waits until the disk has what was written; some file systems cannot say."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in NO_SYNC:
            raise


def settle_folder(folder: Path) -> None:
    """The same for the names in a folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        settle(descriptor)
    finally:
        os.close(descriptor)


def write_json(path: Path, content: Any, durable: bool = True) -> None:
    """Writes JSON, likewise."""
    write_whole(path, json.dumps(content, indent=1).encode("utf-8"), durable)


def claim(path: Path, content: bytes) -> bool:
    """Writes a file whole if there is none of that name; of several who try at once, one is told that it was theirs.

    A file system without hard links, such as an object store behind a driver, gives the same by exclusive creation,
    though not whole if the writer is killed within.
    """
    partial = path.with_name(f"{path.name}.{os.getpid()}.{os.urandom(4).hex()}.partial")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with open(partial, "wb") as file:
            file.write(content)
            settle(file.fileno())
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
            settle(file.fileno())
    except OSError:
        path.unlink(missing_ok=True)
        raise
    return True
