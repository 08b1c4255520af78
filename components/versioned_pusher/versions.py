"""Serving versions: numbers that only grow, a folder that appears whole or not at all, and a marker written last."""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MARKER = "READY.json"


def push(model: Path, base: Path, now_s: float | None = None) -> tuple[Path, bool]:
    """Copies a model to a new version below ``base``, unless the latest version is that very model.

    The copy is made beside the versions under a name that no model server reads, then renamed; ``READY.json`` comes
    last. Returns the folder of the version, and whether it is new.
    """
    base.mkdir(parents=True, exist_ok=True)
    remove_unfinished(base)
    digest = content_digest(model)
    latest = latest_version(base)
    if latest is not None and read_marker(latest).get("model_digest") == digest:
        return latest, False
    version = next_version(base, time.time() if now_s is None else now_s)
    partial = base / f".{version}.partial"
    shutil.copytree(model, partial)
    final = base / str(version)
    os.rename(partial, final)
    write_marker(final, {"version": version, "model_digest": digest, "model": str(model)})
    return final, True


def next_version(base: Path, now_s: float) -> int:
    """Seconds since 1970, or one more than the largest version there is: a clock that steps back changes nothing."""
    return max([int(now_s), *(version + 1 for version in versions(base))])


def versions(base: Path) -> list[int]:
    """The numbers of all versions, with or without a marker, in order."""
    return sorted(int(path.name) for path in base.iterdir() if path.name.isdecimal()) if base.is_dir() else []


def latest_version(base: Path) -> Path | None:
    """The folder of the newest version that is whole."""
    whole = [base / str(version) for version in versions(base) if (base / str(version) / MARKER).is_file()]
    return whole[-1] if whole else None


def remove_unfinished(base: Path) -> None:
    """Clears what a killed push left: copies never renamed, and folders that never got their marker."""
    for path in list(base.iterdir()):
        unmarked = path.name.isdecimal() and not (path / MARKER).is_file()
        if path.name.endswith(".partial") or unmarked:
            shutil.rmtree(path)


def content_digest(folder: Path) -> str:
    """SHA-256 over the names and contents of all files of a folder, the marker aside."""
    digest = hashlib.sha256()
    for path in _files(folder):
        digest.update(f"{path.relative_to(folder).as_posix()}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != MARKER)


def read_marker(version: Path) -> dict[str, Any]:
    """The marker of a version."""
    return dict(json.loads((version / MARKER).read_text(encoding="utf-8")))


def write_marker(version: Path, content: dict[str, Any]) -> None:
    """Writes the marker in one step."""
    partial = version / f"{MARKER}.partial"
    partial.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    os.replace(partial, version / MARKER)
