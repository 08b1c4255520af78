"""Folders that are either complete or absent, whatever process is killed and however many run at once."""

import fcntl
import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_CHUNK_BYTES = 1 << 20


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, as 64 hex digits; raise OSError when it cannot be read."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


@contextmanager
def building(target: Path) -> Iterator[Path]:
    """Yield an empty folder that becomes ``target`` when the block ends well and vanishes when it raises.

    Wants the lock of ``target`` to be held. Raises OSError when the disk refuses.
    """
    # The name is fixed, so what a killed process left behind is swept away by the next one.
    stage = target.with_name(f".{target.name}.partial")
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir(parents=True)
    try:
        yield stage
        _replace(target, stage)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


@contextmanager
def locked(target: Path) -> Iterator[None]:
    """Let one process at a time build ``target``; the others wait. Raises OSError when the disk refuses."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.with_name(f".{target.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _replace(target: Path, stage: Path) -> None:
    old = target.with_name(f".{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    # POSIX renames no folder over a filled one, so the old one steps aside first.
    if target.exists():
        target.rename(old)
    stage.rename(target)
    shutil.rmtree(old, ignore_errors=True)
