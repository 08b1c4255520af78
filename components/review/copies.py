"""The copies of a report that people read, ``runs/<pipeline>/reports/<run>``: checked before, drawn again after."""

import json
from dataclasses import asdict
from pathlib import Path

from components.artifacts.decision import Decision
from components.slice_report.facts.encoding import digest, from_json
from components.slice_report.output import DECISION, PAGE, REPORT, read_report, write_page, write_whole
from components.slice_report.page import render
from pipeline.errors import MainlineError
from pipeline.shell import line, module


def digest_of(folder: Path) -> str:
    """The digest of the report in a folder; empty where there is none."""
    path = folder / REPORT
    return digest(path.read_bytes()) if path.is_file() else ""


def folders_of(root: Path | None, report_digest: str) -> list[Path]:
    """The folders of a pipeline that have this report, oldest first: a run answered from the cache has a copy too."""
    if root is None:
        return []
    return [folder for folder in sorted(root.glob("reports/*")) if digest_of(folder) == report_digest]


def check_copy(folder: Path, report_digest: str) -> None:
    """Checks that what a reviewer finds in a folder is the report, drawn as it is drawn now.

    Raises:
        MainlineError: another report, or a page that is not of it.
    """
    next_step = f"Make it again: {line(*module('components.slice_report'), folder)}"
    found = digest_of(folder)
    if found != report_digest:
        raise MainlineError(
            str(folder / REPORT), "not the report that the run made",
            expected=report_digest, received=found or "no such file",
            next_step="Run again: what is done is cached, and the copy is made again.",
        )  # fmt: skip
    report = from_json((folder / REPORT).read_bytes(), str(folder / REPORT))
    page = folder / PAGE
    if not page.is_file() or page.read_bytes() != render(report, report_digest).encode("utf-8"):
        raise MainlineError(str(page), "the page differs from its report, or is not there", next_step=next_step)


def publish(folder: Path, decision: Decision) -> Path:
    """Writes ``decision.json`` and draws the page with it; gives the page.

    Raises:
        DataError: the report cannot be read.
    """
    content = json.dumps(asdict(decision), indent=1, ensure_ascii=False) + "\n"
    write_whole(str(folder / DECISION), content)
    report, report_digest = read_report(str(folder))
    write_page(report, report_digest, str(folder), decision)
    return folder / PAGE
