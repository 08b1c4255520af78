"""Writes and reads the files of a report: one by one, each whole or not at all, ``report.json`` last."""

import json
from dataclasses import MISSING, asdict, fields
from pathlib import Path

from components.artifacts.decision import Decision
from components.artifacts.record.status import Standing
from components.artifacts.report_files import CARD, DECISION, PAGE, REPORT, digest, read_bytes, write_whole
from components.slice_report.facts import Report
from components.slice_report.facts.encoding import from_json, to_json
from components.slice_report.page import model_card, render


def write_report(report: Report, folder: str) -> bytes:
    """Write page, model card and facts, and return the bytes of ``report.json``."""
    content = to_json(report)
    write_whole(f"{folder}/{CARD}", model_card(report))
    write_page(report, digest(content), folder)
    write_whole(f"{folder}/{REPORT}", content)
    return content


def write_page(report: Report, report_digest: str, folder: str, standing: Standing | None = None) -> None:
    """Draw the page, with the status of the report if it is known."""
    write_whole(f"{folder}/{PAGE}", render(report, report_digest, standing))


def export_decision(folder: Path, decision: Decision | None) -> str:
    """Write the decision that ML Metadata has to ``decision.json``, which is never read to draw a page.

    A file without a decision in ML Metadata is set aside. One of an earlier release, which lacks fields, gets them.
    Returns what was wrong with the file that was there, as a sentence; empty if nothing was.
    """
    path = folder / DECISION
    found = path.read_bytes() if path.is_file() else None
    if decision is None:
        return set_aside(path) if found is not None else ""
    content = (json.dumps(asdict(decision), indent=1, ensure_ascii=False) + "\n").encode()
    if found == content:
        return ""
    write_whole(str(path), content)
    if found is None or is_earlier_export(found, decision):
        return ""
    return f"{path} differed from ML Metadata and was written again."


def is_earlier_export(found: bytes, decision: Decision) -> bool:
    """Return whether a file is what an earlier release exported: the same, without the fields that came later."""
    earlier = [field.name for field in fields(Decision) if field.default is MISSING]
    try:
        return bool(json.loads(found) == {name: getattr(decision, name) for name in earlier})
    except ValueError:
        return False


def set_aside(path: Path) -> str:
    """Rename an export that nothing in ML Metadata stands behind, and say so."""
    aside = path.with_name(f"{DECISION}.not-recorded")
    path.replace(aside)
    return f"{path} has a decision that ML Metadata does not have, and was renamed to {aside.name}."


def read_report(folder: str) -> tuple[Report, str]:
    """Return the report in a folder, and its digest.

    Raises:
        DataError: ``report.json`` is not a report.
    """
    path = f"{folder}/{REPORT}"
    content = read_bytes(path)
    return from_json(content, path), digest(content)
