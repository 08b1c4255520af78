"""Files of a training: written atomically, identified by size and digest."""

import errno
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TypedDict

import tensorflow as tf

from pipeline.errors import MainlineError

DISK_FULL = "No space left on device"
CHUNK_BYTES = 1 << 20


class Seal(TypedDict):
    """Size and digest of a file."""

    bytes: int
    sha256: str


def read(path: str) -> bytes:
    with tf.io.gfile.GFile(path, "rb") as file:
        return bytes(file.read())


def write(path: str, content: bytes) -> Seal:
    """Write a file atomically: it gets its name only when it is complete."""
    partial = f"{path}.partial"
    with tf.io.gfile.GFile(partial, "wb") as file:
        file.write(content)
    tf.io.gfile.rename(partial, path, overwrite=True)
    return Seal(bytes=len(content), sha256=hashlib.sha256(content).hexdigest())


def seal(path: str) -> Seal:
    """Compute the seal of a file on disk."""
    digest, size = hashlib.sha256(), 0
    with tf.io.gfile.GFile(path, "rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
    return Seal(bytes=size, sha256=digest.hexdigest())


def remove(path: str) -> None:
    """Remove a file or a folder if it exists."""
    with suppress(tf.errors.NotFoundError):
        if tf.io.gfile.isdir(path):
            tf.io.gfile.rmtree(path)
        else:
            tf.io.gfile.remove(path)


@contextmanager
def disk_may_be_full(folder: str, next_step: str) -> Iterator[None]:
    """Report a full disk as such.

    Raises:
        MainlineError: the disk is full.
    """
    try:
        yield
    except (OSError, tf.errors.OpError) as error:
        if getattr(error, "errno", None) != errno.ENOSPC and DISK_FULL not in str(error):
            raise
        raise MainlineError(
            folder, "the disk is full", expected="room for one more checkpoint", received=DISK_FULL, next_step=next_step
        ) from error
