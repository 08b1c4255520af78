"""The files of a report: written one by one, each whole or not at all; ``report.json`` last."""

import os
from pathlib import Path

from components.artifacts.decision import Decision
from components.slice_report.facts import Report
from components.slice_report.facts.encoding import digest, from_json, to_json
from components.slice_report.page import model_card, render
from components.support import atomic_files

REPORT, PAGE, CARD, DECISION = "report.json", "index.html", "model_card.md", "decision.json"


def write_report(report: Report, folder: str) -> bytes:
    """Writes page, model card and facts; gives the bytes of ``report.json``, which the digest is of."""
    content = to_json(report)
    write_whole(f"{folder}/{CARD}", model_card(report))
    write_page(report, digest(content), folder)
    write_whole(f"{folder}/{REPORT}", content)
    return content


def write_page(report: Report, report_digest: str, folder: str, decision: Decision | None = None) -> None:
    """Draws the page again, with what was decided."""
    write_whole(f"{folder}/{PAGE}", render(report, report_digest, decision))


def read_report(folder: str) -> tuple[Report, str]:
    """The report in a folder, and its digest.

    Raises:
        DataError: it cannot be read as one.
    """
    path = f"{folder}/{REPORT}"
    content = read_bytes(path)
    return from_json(content, path), digest(content)


def read_bytes(path: str) -> bytes:
    """A file, here or on a remote file system."""
    if "://" not in path:
        return Path(path).read_bytes()
    # TFX's file systems bring TensorFlow, five seconds that a local page need not wait for.
    from tfx.dsl.io import fileio

    with fileio.open(path, "rb") as file:
        return bytes(file.read())


def write_whole(path: str, content: str | bytes) -> None:
    """Writes a file beside its name, then renames it."""
    data = content.encode("utf-8") if isinstance(content, str) else content
    if "://" not in path:
        atomic_files.write_whole(Path(path), data)
        return
    from tfx.dsl.io import fileio

    partial = f"{path}.{os.getpid()}.partial"
    with fileio.open(partial, "wb") as file:
        file.write(data)
    fileio.rename(partial, path, overwrite=True)
