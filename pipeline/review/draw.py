"""Draws the report of a run again, or compares it with the report of another run."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import DataError

if TYPE_CHECKING:
    from components.artifacts.decision import Decision
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
    """Draw the page of a run and return its path.

    Raises:
        InputError: there is no such run, or its report cannot be read.
    """
    from components.artifacts.report_files import PAGE, write_whole
    from components.slice_report.output import read_report
    from components.slice_report.page import render

    folder = report_folder(run)
    report, digest = read_report(str(folder))
    other = read_report(str(report_folder(against)))[0] if against else None
    name = f"against-{other.run.run}.html" if other else PAGE
    page = out or folder / name
    write_whole(str(page), render(report, digest, read_decision(folder), other))
    return page


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


def read_decision(folder: Path) -> "Decision | None":
    """Read the decision on a report, if there is one.

    Raises:
        DataError: the file is damaged.
    """
    from components.artifacts.decision import Decision
    from components.artifacts.report_files import DECISION

    path = folder / DECISION
    if not path.is_file():
        return None
    try:
        return Decision(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        next_step = "Remove it and run again: the decision is copied from ML Metadata."
        raise DataError(str(path), "damaged", received=str(error), next_step=next_step) from error
