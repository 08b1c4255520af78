"""Serving versions: numbers that only grow, folders that appear complete, and a marker written last."""

import json
import os
import re
import shutil
import time
from collections.abc import Iterable
from pathlib import Path

from components.artifacts.model_digest import MARKER, content_digest
from components.artifacts.served_versions import NUMBER, ServedVersion, marked, served, versions, withdrawn_versions
from pipeline.errors import MainlineError

# The marker before the push is complete: a folder that has it and no marker was left by a killed push.
UNFINISHED = f"{MARKER}.partial"
COPY = re.compile(r"\.[0-9]{1,19}\.partial", re.ASCII)
# The largest number that a model server knows.
LARGEST = 2**63 - 1


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


def withdraw(gone: Iterable[ServedVersion]) -> None:
    """Take versions out of serving, in their order: pass the largest last.

    A folder keeps its files under a name that no model server reads. The version that is served goes in one step, so
    that a server sees either the version that it had or the one to go back to, and nothing in between.
    """
    for version in gone:
        os.rename(version.folder, withdrawn_folder(version))


def withdrawn_folder(version: ServedVersion) -> Path:
    """Return where the files of a version are kept once it is taken out of serving."""
    return version.folder.with_name(f".{version.number}.withdrawn")


def versions_above(base: Path, number: int) -> list[ServedVersion]:
    """Return all versions above one, smallest first."""
    return [marked(base / str(found)) for found in versions(base) if found > number]


def next_version(base: Path, now_s: float) -> int:
    """Return the seconds since 1970, or one more than the largest version ever, even if the clock steps back.

    Raises:
        MainlineError: the largest number that a model server knows is taken.
    """
    used = [*versions(base), *(version.number for version in withdrawn_versions(base))]
    version = max([int(now_s), *(number + 1 for number in used)])
    if version > LARGEST:
        raise MainlineError(
            str(base), "no larger version number is left", expected=f"numbers below {LARGEST:,}",
            received=str(version - 1), next_step="Remove that folder, or give it a smaller number.",
        )  # fmt: skip
    return version


def remove_unfinished(base: Path) -> None:
    """Remove the leftovers of a killed push: copies never renamed, and folders that never got their marker.

    Files of others are left alone.
    """
    for path in list(base.iterdir()):
        is_copy = COPY.fullmatch(path.name) is not None
        is_unmarked = NUMBER.fullmatch(path.name) and (path / UNFINISHED).is_file() and not (path / MARKER).is_file()
        if path.is_dir() and (is_copy or is_unmarked):
            shutil.rmtree(path)
