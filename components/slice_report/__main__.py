"""``python -m components.slice_report``: draws the report of a run again, or sets it against another run's."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import DataError, MainlineError, of_system
from pipeline.run.streams import run_main

if TYPE_CHECKING:
    from components.artifacts.decision import Decision
    from pipeline.run.history import RunRecord

EPILOG = "exit codes: 0 the page is written, 1 something failed, 2 bad input"


def main(arguments: list[str] | None = None) -> int:
    """Writes a page and prints where it is."""
    options = parser().parse_args(arguments)
    try:
        page = draw(options.run, options.against, options.out)
    except MainlineError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except OSError as error:
        told = of_system(error)
        print(told, file=sys.stderr)
        return told.exit_code
    print(page)
    return 0


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m components.slice_report", description=__doc__, epilog=EPILOG)
    made.add_argument(
        "run", nargs="?", type=Path, default=Path("runs"), metavar="RUN_DIR",
        help="runs/<pipeline>/history/<run>, runs/<pipeline> for its latest run, runs for the latest of all (the "
        "default), or a folder with a report.json",
    )  # fmt: skip
    made.add_argument("--against", type=Path, metavar="OTHER_RUN", help="the run to compare with, named likewise")
    made.add_argument("--out", type=Path, metavar="FILE", help="the page; by default beside the report.json")
    return made


def draw(run: Path, against: Path | None, out: Path | None) -> Path:
    """Draws the page of a run.

    Raises:
        InputError: there is no such run, or its report cannot be read.
    """
    from components.slice_report.output import PAGE, read_report, write_whole
    from components.slice_report.page import render

    folder = report_folder(run)
    report, digest = read_report(str(folder))
    other = read_report(str(report_folder(against)))[0] if against else None
    name = f"against-{other.run.run}.html" if other else PAGE
    page = out or folder / name
    write_whole(str(page), render(report, digest, read_decision(folder), other))
    return page


def report_folder(given: Path) -> Path:
    """The folder of a report; where a run has none yet, it is made from the artifacts."""
    from components.slice_report.output import REPORT
    from pipeline.run.history import find_run

    if (given / REPORT).is_file():
        return given
    run = find_run(given)
    if not (run.reports / REPORT).is_file():
        make_again(run)
    return run.reports


def make_again(run: "RunRecord") -> None:
    """The report of a run from what its nodes left; what libraries print goes to the log of the run.

    Raises:
        InputError: they left nothing.
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
    """What a reviewer decided, if it is there.

    Raises:
        DataError: it is damaged.
    """
    from components.artifacts.decision import Decision
    from components.slice_report.output import DECISION

    path = folder / DECISION
    if not path.is_file():
        return None
    try:
        return Decision(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        again = "Remove it, and run again: what is done is cached, and the decision is copied from ML Metadata."
        raise DataError(str(path), "damaged", received=str(error), next_step=again) from error


if __name__ == "__main__":
    run_main(main)
