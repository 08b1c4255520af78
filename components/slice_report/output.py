"""Writes and reads the files of a report: one by one, each whole or not at all, ``report.json`` last."""

import json
from dataclasses import asdict
from pathlib import Path

from components.artifacts.decision import Decision
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


def write_page(report: Report, report_digest: str, folder: str, decision: Decision | None = None) -> None:
    """Draw the page, with the reviewer's decision if there is one."""
    write_whole(f"{folder}/{PAGE}", render(report, report_digest, decision))


def write_decision(folder: Path, decision: Decision) -> Path:
    """Write ``decision.json``, draw the page with it, and return the path of the page.

    Raises:
        DataError: the report cannot be read.
    """
    content = json.dumps(asdict(decision), indent=1, ensure_ascii=False) + "\n"
    write_whole(str(folder / DECISION), content)
    report, report_digest = read_report(str(folder))
    write_page(report, report_digest, str(folder), decision)
    return folder / PAGE


def read_report(folder: str) -> tuple[Report, str]:
    """Return the report in a folder, and its digest.

    Raises:
        DataError: ``report.json`` is not a report.
    """
    path = f"{folder}/{REPORT}"
    content = read_bytes(path)
    return from_json(content, path), digest(content)
