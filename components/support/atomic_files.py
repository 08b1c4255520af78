"""Files on this machine that appear complete or not at all."""

import contextlib
import errno
import json
import os
import threading
from pathlib import Path
from typing import Any

NO_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EROFS)


def write_whole(path: Path, content: bytes, durable: bool = True) -> None:
    """Write a file under a temporary name, then rename it. Missing folders are created.

    With ``durable`` the content is on the disk before the file gets its name. Without it, the content may be lost when
    the machine loses power, though the name is there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_native_id()}.partial")
    try:
        with open(partial, "wb") as file:
            file.write(content)
            if durable:
                sync(file.fileno())
        os.replace(partial, path)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise
    if durable:
        sync_folder(path.parent)


def sync(descriptor: int) -> None:
    """Wait until the disk has the content; file systems that do not support this are passed over."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in NO_SYNC:
            raise


def sync_folder(folder: Path) -> None:
    """Wait until the disk has the names in a folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)


def write_json(path: Path, content: Any, durable: bool = True) -> None:
    """Write JSON as ``write_whole`` does."""
    write_whole(path, json.dumps(content, indent=1).encode("utf-8"), durable)


def claim(path: Path, content: bytes) -> bool:
    """Write a complete file unless the name is taken; return whether this call wrote it.

    Of several callers at once exactly one gets True. A file system without hard links, such as an object store behind a
    driver, falls back to exclusive creation: there a writer that is killed may leave part of the file.
    """
    partial = path.with_name(f"{path.name}.{os.getpid()}.{os.urandom(4).hex()}.partial")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with open(partial, "wb") as file:
            file.write(content)
            sync(file.fileno())
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
            sync(file.fileno())
    except OSError:
        path.unlink(missing_ok=True)
        raise
    return True
