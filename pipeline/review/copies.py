"""The copies of a report that people read, ``runs/<pipeline>/reports/<run>``."""

import re
import sys
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path

import ml_metadata as mlmd

from components.artifacts.record.facts import pipeline_record
from components.artifacts.record.reports import ReportRecord
from components.artifacts.record.standing import standing_of
from components.artifacts.record.status import Standing
from components.artifacts.report_files import PAGE, REPORT, digest_of_copy
from components.slice_report.facts.encoding import from_json
from components.slice_report.page import render
from pipeline.errors import MainlineError
from pipeline.run.summary.pages import draw_recorded
from pipeline.shell import line, module

# The time at which a page was drawn.
DRAWN = re.compile(r'<time datetime="([0-9T:+-]{1,40})" id="drawn">', re.ASCII)


def folders_with(root: Path | None, digests: Collection[str]) -> list[Path]:
    """Return the folders of a pipeline that have one of these reports, oldest first.

    There may be several of one report: a run that is answered from the cache gets a copy, too.
    """
    if root is None:
        return []
    return [folder for folder in sorted(root.glob("reports/*")) if digest_of_copy(folder) in digests]


def draw_again(store: mlmd.MetadataStore, pipeline: str, root: Path | None, folders: Sequence[Path]) -> list[str]:
    """Draw the pages in some folders again and return their paths; say on standard error which exports differed."""
    if root is not None:
        for sentence in draw_recorded(store, pipeline, root, folders):
            print(sentence, file=sys.stderr)
    return [str(folder / PAGE) for folder in folders]


def check_copies(store: mlmd.MetadataStore, root: Path, report: ReportRecord, folders: Iterable[Path]) -> None:
    """Check every copy of a report that a reviewer may have read.

    Raises:
        MainlineError: a report or a page is another one, or a page has a status that no longer holds.
    """
    record = pipeline_record(store, report.pipeline, root)
    for folder in dict.fromkeys(folders):
        check_copy(folder, report.digest, lambda content, at: standing_of(store, record, content, root, at))


def check_copy(folder: Path, report_digest: str, standing: Callable[[bytes, str], Standing]) -> None:
    """Check that a folder holds the report of this digest, and its page as it is drawn now.

    ``standing`` gives the status for the bytes of a report and the time of drawing. The page of a report may have been
    drawn without ML Metadata, of which it then says so.

    Raises:
        MainlineError: the report or the page is another one, or the page has a status that no longer holds.
    """
    found = digest_of_copy(folder)
    if found != report_digest:
        raise MainlineError(
            str(folder / REPORT), "not the report of the run",
            expected=report_digest, received=found or "no such file",
            next_step="Run again: finished nodes are cached, and the copy is written again.",
        )  # fmt: skip
    content, page = (folder / REPORT).read_bytes(), folder / PAGE
    report = from_json(content, str(folder / REPORT))
    drawn = page.read_text(encoding="utf-8", errors="replace") if page.is_file() else ""
    moment = DRAWN.search(drawn)
    expected = render(report, report_digest, standing(content, moment[1]) if moment else None)
    if drawn != expected:
        next_step = f"Draw it again, and read it: {line(*module('pipeline.review'), 'draw', folder)}"
        problem = "the page is missing, was edited, or has a status that has changed since it was drawn"
        raise MainlineError(str(page), problem, next_step=next_step)
