"""The folder of served versions, as the pusher leaves it and a model server reads it.

A version is a folder whose name is a number; it is complete once it has its marker. A version that was taken out of
serving keeps its files under a name that no model server reads.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.artifacts.model_digest import MARKER, content_digest

# Folder names that a model server takes for versions.
NUMBER = re.compile(r"[0-9]{1,19}", re.ASCII)
WITHDRAWN = re.compile(r"\.([0-9]{1,19})\.withdrawn", re.ASCII)


@dataclass(frozen=True)
class ServedVersion:
    """A version: its folder, the digest of its files, and the run that pushed it."""

    folder: Path
    digest: str
    run: str

    @property
    def number(self) -> int:
        """The number that a model server knows the version by."""
        found = WITHDRAWN.fullmatch(self.folder.name)
        return int(found[1] if found else self.folder.name)


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
    found = marked(latest)
    return found if is_intact(found) else None


def is_intact(version: ServedVersion) -> bool:
    """Return whether the files of a version are those that its marker names."""
    return version.digest == content_digest(version.folder)


def complete_versions(base: Path) -> list[ServedVersion]:
    """Return the versions that have a marker, the largest first, with the digests that the markers name."""
    return [marked(path) for path in sorted(_numbered(base), key=_number, reverse=True) if (path / MARKER).is_file()]


def withdrawn_versions(base: Path) -> list[ServedVersion]:
    """Return the versions that were taken out of serving, the largest first."""
    folders = [path for path in base.iterdir() if WITHDRAWN.fullmatch(path.name)] if base.is_dir() else []
    return sorted(map(marked, folders), key=lambda version: version.number, reverse=True)


def marked(version: Path) -> ServedVersion:
    """Return a version as its marker describes it, without reading the files of the model."""
    marker = read_marker(version)
    return ServedVersion(version, str(marker.get("model_digest", "")), str(marker.get("run", "")))


def read_marker(version: Path) -> Mapping[str, Any]:
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
