"""The files of a report, and how they are read and written."""

import hashlib
import json
from pathlib import Path

from components.support import atomic_files

REPORT, PAGE, CARD, DECISION = "report.json", "index.html", "model_card.md", "decision.json"


def digest(content: bytes) -> str:
    """Return the SHA-256 of ``report.json``, which is what a reviewer approves."""
    return hashlib.sha256(content).hexdigest()


def digest_of_copy(folder: Path) -> str:
    """Return the digest of the report in a local folder, or an empty text if there is none."""
    path = folder / REPORT
    return digest(path.read_bytes()) if path.is_file() else ""


def model_digest(content: bytes) -> str:
    """Return the digest of the model that a ``report.json`` is about, or an empty text if it names none."""
    lineage = json.loads(content)["lineage"]
    return str(lineage["model_digest"]) if lineage else ""


def code_commit(content: bytes) -> str:
    """Return the commit of the code that a ``report.json`` was made with, or an empty text if it names none."""
    lineage = json.loads(content)["lineage"] or {}
    return str(lineage.get("commit") or "")


def is_blessed(content: bytes) -> bool:
    """Return whether the model that a ``report.json`` is about kept its bounds."""
    verdict = json.loads(content)["verdict"]
    return bool(verdict and verdict["blessed"])


def read_bytes(path: str) -> bytes:
    """Read a local or a remote file."""
    if "://" not in path:
        return Path(path).read_bytes()
    # TFX's file systems import TensorFlow, which takes five seconds; a local page does not need them.
    from tfx.dsl.io import fileio

    with fileio.open(path, "rb") as file:
        return bytes(file.read())


def write_whole(path: str, content: str | bytes) -> None:
    """Write a local or a remote file, which appears whole or not at all."""
    data = content.encode("utf-8") if isinstance(content, str) else content
    if "://" not in path:
        atomic_files.write_whole(Path(path), data)
        return
    from components.support import remote_files

    remote_files.write_whole(path, data)
