"""Serving versions: numbers that only grow, folders that appear complete, and a marker written last."""

import json
import os
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.artifacts.model_digest import MARKER, content_digest
from pipeline.errors import MainlineError

# The marker before the push is complete: a folder that has it and no marker was left by a killed push.
UNFINISHED = f"{MARKER}.partial"
# Folder names that a model server takes for versions, and its largest number.
NUMBER = re.compile(r"[0-9]{1,19}", re.ASCII)
COPY = re.compile(r"\.[0-9]{1,19}\.partial", re.ASCII)
LARGEST = 2**63 - 1


@dataclass(frozen=True)
class ServedVersion:
    """The version that a model server uses: its folder, the digest of its files, and the run that pushed it."""

    folder: Path
    digest: str
    run: str


def push(model: Path, base: Path, now_s: float | None = None, run: str = "") -> tuple[ServedVersion, bool]:
    """Copy a model to a new version below ``base``, unless that model is already served.

    The copy has a name that no model server reads until it is complete; ``READY.json`` is written last. Returns the
    version, and True if it is new.

    Raises:
        MainlineError: no larger number is left.
    """
    base.mkdir(parents=True, exist_ok=True)
    remove_unfinished(base)
    digest = content_digest(model)
    found = served(base)
    if found is not None and found.digest == digest:
        return found, False
    version = next_version(base, time.time() if now_s is None else now_s)
    partial, final = base / f".{version}.partial", base / str(version)
    shutil.copytree(model, partial)
    (partial / MARKER).unlink(missing_ok=True)
    marker = {"version": version, "model_digest": digest, "model": str(model), "run": run}
    (partial / UNFINISHED).write_text(json.dumps(marker, indent=1) + "\n", encoding="utf-8")
    os.rename(partial, final)
    os.replace(final / UNFINISHED, final / MARKER)
    return ServedVersion(final, digest, run), True


def next_version(base: Path, now_s: float) -> int:
    """Return the seconds since 1970, or one more than the largest version, even if the clock steps back.

    Raises:
        MainlineError: the largest number that a model server knows is taken.
    """
    version = max([int(now_s), *(number + 1 for number in versions(base))])
    if version > LARGEST:
        raise MainlineError(
            str(base), "no larger version number is left", expected=f"numbers below {LARGEST:,}",
            received=str(version - 1), next_step="Remove that folder, or give it a smaller number.",
        )  # fmt: skip
    return version


def versions(base: Path) -> list[int]:
    """Return the numbers of all versions, with or without a marker, in order."""
    return sorted(int(path.name) for path in _numbered(base))


def latest_version(base: Path) -> Path | None:
    """Return the folder of the largest version that has a marker."""
    return max((path for path in _numbered(base) if (path / MARKER).is_file()), key=_number, default=None)


def served(base: Path) -> ServedVersion | None:
    """Return the version that every model server uses, whether or not it waits for markers.

    None if there is no version, its marker is unreadable or belongs to other files, or a larger number has no marker.
    """
    latest = latest_version(base)
    if latest is None or _number(latest) < max(versions(base)):
        return None
    marker = read_marker(latest)
    digest = content_digest(latest)
    return ServedVersion(latest, digest, str(marker.get("run", ""))) if marker.get("model_digest") == digest else None


def remove_unfinished(base: Path) -> None:
    """Remove the leftovers of a killed push: copies never renamed, and folders that never got their marker.

    Files of others are left alone.
    """
    for path in list(base.iterdir()):
        is_copy = COPY.fullmatch(path.name) is not None
        is_unmarked = NUMBER.fullmatch(path.name) and (path / UNFINISHED).is_file() and not (path / MARKER).is_file()
        if path.is_dir() and (is_copy or is_unmarked):
            shutil.rmtree(path)


def read_marker(version: Path) -> dict[str, Any]:
    """Read the marker of a version; empty if it cannot be read."""
    try:
        content = json.loads((version / MARKER).read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _numbered(base: Path) -> list[Path]:
    return [path for path in base.iterdir() if NUMBER.fullmatch(path.name)] if base.is_dir() else []


def _number(path: Path) -> int:
    return int(path.name)
