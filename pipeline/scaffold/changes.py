"""Writing a workload's files, again after the rows have changed, and removing them: what people edited is kept."""

import difflib
import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.support.atomic_files import building, write_whole
from pipeline.errors import ConfigError, InputError
from pipeline.shell import near

RECORD = ".scaffold.json"
# Files whose differences no one reads.
BINARY = (".parquet",)


@dataclass(frozen=True)
class Record:
    """What a scaffold wrote: the arguments it had, and the digest of each file as it wrote it."""

    arguments: Mapping[str, Any]
    files: Mapping[str, str]


def digest(content: bytes) -> str:
    """Return the digest by which an edit is noticed."""
    return hashlib.sha256(content).hexdigest()


def read_record(folder: Path) -> Record:
    """Read what a scaffold wrote into a folder.

    Raises:
        ConfigError: no scaffold wrote it.
    """
    try:
        content = json.loads((folder / RECORD).read_text("utf-8"))
        return Record(content["arguments"], content["files"])
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(
            str(folder), "no scaffold wrote this folder", expected=f"a folder with {RECORD}",
            next_step="Name the folder of a workload that `python -m pipeline.scaffold` has written.",
        ) from error  # fmt: skip


def write_new(folder: Path, files: Mapping[str, bytes], arguments: Mapping[str, Any]) -> None:
    """Write all files into a folder that is not there yet; it appears complete or not at all.

    Raises:
        InputError: it is there.
    """
    if folder.exists() and any(folder.iterdir() if folder.is_dir() else [folder]):
        again = f", or write it again with --update {near(folder)}" if (folder / RECORD).is_file() else ""
        raise InputError(
            str(folder), "it is already there", expected="a new folder", next_step=f"Take another --name{again}."
        )
    with building(folder) as stage:
        for name, content in files.items():
            write_whole(stage / name, content, durable=False)
        _write_record(stage, files, arguments)


def update(folder: Path, files: Mapping[str, bytes], arguments: Mapping[str, Any]) -> Iterator[str]:
    """Write the files again that nobody edited, and yield what changed; a draft for an edited file is only shown.

    A file that people removed stays removed. One of an earlier draft that the new one does not have, such as rows of
    another split, is removed if nobody edited it.
    """
    before = read_record(folder).files
    for name in [name for name in before if name not in files and not is_edited(folder, name, before)]:
        (folder / name).unlink(missing_ok=True)
        yield f"removed {near(folder / name)}"
    for name, content in files.items():
        path = folder / name
        if before.get(name) == digest(content) or (name in before and not path.is_file()):
            continue
        there = path.read_bytes() if path.is_file() else b""
        if there == content:
            continue
        edited = path.is_file() and digest(there) != before.get(name)
        yield f"{'kept, since you edited it; the new draft differs:' if edited else 'wrote'} {near(path)}"
        yield from _difference(name, there, content)
        if not edited:
            write_whole(path, content, durable=False)
    _write_record(folder, files, arguments)


def is_edited(folder: Path, name: str, digests: Mapping[str, str]) -> bool:
    """Whether a file is there and differs from what was written."""
    path = folder / name
    return path.is_file() and digest(path.read_bytes()) != digests[name]


def remove(folder: Path) -> Iterator[str]:
    """Remove the files that were written and nobody edited, and folders that are empty then; yield what is kept."""
    files = read_record(folder).files
    kept = [name for name in files if is_edited(folder, name, files)]
    for name in files:
        if name not in kept:
            (folder / name).unlink(missing_ok=True)
    (folder / RECORD).unlink()
    for cache in [path for path in folder.rglob("__pycache__") if path.is_dir()]:
        shutil.rmtree(cache)
    for inner in sorted([folder, *(path for path in folder.rglob("*") if path.is_dir())], reverse=True):
        if not any(inner.iterdir()):
            inner.rmdir()
    yield from (f"kept, since you edited it: {near(folder / name)}" for name in kept)
    if folder.exists():
        others = sorted(str(near(path)) for path in folder.rglob("*") if path.is_file())
        yield from (f"kept, since it is yours: {name}" for name in others if Path(name).name not in map(_base, kept))


def _base(name: str) -> str:
    return name.rpartition("/")[2]


def _difference(name: str, before: bytes, after: bytes) -> Iterator[str]:
    if name.endswith(BINARY):
        return
    old, new = (content.decode("utf-8", "replace").splitlines() for content in (before, after))
    yield from difflib.unified_diff(old, new, f"{name} (there)", f"{name} (drafted now)", lineterm="", n=1)


def _write_record(folder: Path, files: Mapping[str, bytes], arguments: Mapping[str, Any]) -> None:
    content = {"arguments": dict(arguments), "files": {name: digest(content) for name, content in files.items()}}
    write_whole(folder / RECORD, f"{json.dumps(content, indent=1)}\n".encode(), durable=False)
