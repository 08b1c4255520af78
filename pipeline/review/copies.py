"""The copies of a report that people read, ``runs/<pipeline>/reports/<run>``."""

from pathlib import Path

from components.artifacts.report_files import PAGE, REPORT, digest_of_copy
from components.slice_report.facts.encoding import from_json
from components.slice_report.page import render
from pipeline.errors import MainlineError
from pipeline.shell import line, module


def folders_with(root: Path | None, report_digest: str) -> list[Path]:
    """Return the folders of a pipeline that have this report, oldest first.

    There may be several: a run that is answered from the cache gets a copy, too.
    """
    if root is None:
        return []
    return [folder for folder in sorted(root.glob("reports/*")) if digest_of_copy(folder) == report_digest]


def check_copy(folder: Path, report_digest: str) -> None:
    """Check that a folder holds the report of this digest, and its page as it is drawn now.

    Raises:
        MainlineError: the report or the page is another one.
    """
    found = digest_of_copy(folder)
    if found != report_digest:
        raise MainlineError(
            str(folder / REPORT), "not the report of the run",
            expected=report_digest, received=found or "no such file",
            next_step="Run again: finished nodes are cached, and the copy is written again.",
        )  # fmt: skip
    report = from_json((folder / REPORT).read_bytes(), str(folder / REPORT))
    page = folder / PAGE
    if not page.is_file() or page.read_bytes() != render(report, report_digest).encode("utf-8"):
        next_step = f"Draw it again: {line(*module('pipeline.review'), 'draw', folder)}"
        raise MainlineError(str(page), "the page is missing or differs from its report", next_step=next_step)
