"""Files and folders on this machine that appear complete or not at all, and the checksum that tells a file."""

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CHUNK_BYTES = 1 << 20
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


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, which may be larger than memory, as 64 hexadecimal digits.

    Raises:
        OSError: it cannot be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


@contextlib.contextmanager
def building(target: Path) -> Iterator[Path]:
    """Yield an empty folder that becomes ``target`` when the block ends well, and is removed when it raises.

    The caller holds the lock of ``target``. What a killed process left behind is removed by the next one.

    Raises:
        OSError: the disk refuses.
    """
    stage = target.with_name(f".{target.name}.partial")
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir(parents=True)
    try:
        yield stage
        _replace_folder(target, stage)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


@contextlib.contextmanager
def locked(target: Path) -> Iterator[None]:
    """Let one process at a time build ``target``; the others wait.

    Raises:
        OSError: the disk refuses.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.with_name(f".{target.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _replace_folder(target: Path, stage: Path) -> None:
    old = target.with_name(f".{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    # POSIX renames no folder over a filled one, so the old one is moved away first.
    if target.exists():
        target.rename(old)
    stage.rename(target)
    shutil.rmtree(old, ignore_errors=True)
