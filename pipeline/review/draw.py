"""Draws the report of a run again, or compares it with the report of another run."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import MainlineError

if TYPE_CHECKING:
    from components.artifacts.record.status import Standing
    from pipeline.run.history import RunRecord


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command ``draw``."""
    parser.add_argument(
        "run", nargs="?", type=Path, default=Path("runs"), metavar="RUN_DIR",
        help="runs/<pipeline>/history/<run>, runs/<pipeline> for its latest run, runs for the latest of all (the "
        "default), or a folder with a report.json",
    )  # fmt: skip
    parser.add_argument("--against", type=Path, metavar="OTHER_RUN", help="the run to compare with, named likewise")
    parser.add_argument("--out", type=Path, metavar="FILE", help="the page; by default beside the report.json")


def draw(run: Path, against: Path | None, out: Path | None) -> Path:
    """Draw the page of a run with its status from ML Metadata, and return its path.

    Raises:
        InputError: there is no such run, or its report cannot be read.
    """
    from components.artifacts.report_files import PAGE, write_whole
    from components.slice_report.output import read_report
    from components.slice_report.page import render

    folder = report_folder(run)
    report, digest = read_report(str(folder))
    other = read_report(str(report_folder(against)))[0] if against else None
    page = out or folder / (f"against-{other.run.run}.html" if other else PAGE)
    write_whole(str(page), render(report, digest, standing_in(folder), other))
    return page


def standing_in(folder: Path) -> "Standing | None":
    """Return the status of the report in a folder, and export the decision on it.

    None if no ML Metadata belongs to the folder; with a status that says so if it cannot be reached. An export that
    differed is named on standard error.
    """
    from components.artifacts.record.facts import pipeline_record
    from components.artifacts.record.standing import now, standing_of
    from components.artifacts.record.status import Standing, unknown
    from components.artifacts.report_files import REPORT
    from components.slice_report.output import export_decision
    from pipeline.review.stores import store_of

    try:
        found = store_of(folder)
    except MainlineError as error:
        print(error, file=sys.stderr)
        return Standing(unknown(f"{error.where}: {error.problem}."), now())
    if found is None:
        return None
    pipeline_store, store = found
    record = pipeline_record(store, pipeline_store.pipeline, pipeline_store.root)
    standing = standing_of(store, record, (folder / REPORT).read_bytes(), pipeline_store.root, now())
    wrong = export_decision(folder, standing.decision)
    if wrong:
        print(wrong, file=sys.stderr)
    return standing


def report_folder(given: Path) -> Path:
    """Return the folder of a run's report; a missing report is made from the run's artifacts."""
    from components.artifacts.report_files import REPORT
    from pipeline.run.history import find_run

    if (given / REPORT).is_file():
        return given
    run = find_run(given)
    if not (run.reports / REPORT).is_file():
        make_report(run)
    return run.reports


def make_report(run: "RunRecord") -> None:
    """Make the report of a run from its artifacts; output of libraries goes to the log of the run.

    Raises:
        InputError: the run left no artifacts.
    """
    from pipeline.run.log_redirect import redirect_output

    nodes = [node for node in run.summary.get("nodes") or [] if isinstance(node, dict)]
    failed = [str(node.get("node", "")) for node in nodes if node.get("state") == "failed"]
    with redirect_output(run.folder / "run.log"):
        from pipeline.run.history import open_store
        from pipeline.run.summary.report import NodeFailure, publish

        failure = NodeFailure(failed[0] if failed else "", run.summary.get("error") or "")
        with open_store(run) as handle:
            publish(handle.store, run.config, run.run, run.reports, failure)
