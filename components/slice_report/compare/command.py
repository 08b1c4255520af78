"""The command ``compare``: reads runs, compares them, and writes a page, JSON, or an MLflow store."""

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import InputError

if TYPE_CHECKING:
    from components.slice_report.compare.facts import Comparison

PAGE = Path("comparison.html")
HELP = "compare any number of runs on one page"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "runs", nargs="+", metavar="RUN",
        help="runs/<pipeline>/history/<run>, runs/<pipeline> for its latest run, or a report.json; the first one that "
        "was evaluated is the reference",
    )  # fmt: skip
    parser.add_argument("--against", metavar="RUN", help="the reference, named likewise; default: the first run")
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help=f"the page; default: {PAGE}, unless --json or --mlflow"
    )
    parser.add_argument("--json", action="store_true", help="print the facts as JSON")
    parser.add_argument(
        "--mlflow", metavar="URI", help="write the facts to an MLflow store, such as sqlite:///mlflow.db"
    )
    parser.add_argument("--experiment", metavar="NAME", help="the experiment there; default: the workload")


def run(options: argparse.Namespace) -> None:
    """Run the command.

    Raises:
        InputError: a run does not exist, or fewer than two runs can be compared.
        MainlineError: the store cannot be written.
    """
    from components.artifacts.report_files import write_whole
    from components.slice_report.compare import mlflow_store
    from components.slice_report.compare.facts import as_json
    from components.slice_report.compare.page import render

    if options.mlflow:
        mlflow_store.check_installed()
    comparison = compare(options.runs, options.against)
    for left_out in comparison.left_out:
        print(f"left out: {left_out.given}: {left_out.why}", file=sys.stderr)
    out = options.out or (None if options.json or options.mlflow else PAGE)
    if out is not None:
        write_whole(str(out), render(comparison))
    if options.mlflow:
        mlflow_store.write(comparison, options.mlflow, options.experiment or comparison.workload)
    if options.json:
        print(json.dumps(as_json(comparison), indent=1, ensure_ascii=True))
    elif out is not None:
        print(out)


def compare(given: Iterable[str], against: str | None = None) -> "Comparison":
    """Compare the runs that a user named.

    Raises:
        InputError: a run does not exist, or fewer than two runs can be compared.
    """
    from components.slice_report.compare.find import find
    from components.slice_report.compare.runs import of_one_workload, read_all

    # All are found before any is read, which takes longer: a mistyped name is told at once.
    found = [find(name) for name in ([against] if against else []) + list(given)]
    runs, left_out = read_all(found)
    if against and (not runs or runs[0].found is not found[0]):
        raise InputError(against, "cannot be the reference", received=left_out[0].why)
    kept, others = of_one_workload(runs)
    left_out += others
    if len(kept) < 2:
        reasons = "; ".join(f"{item.given}: {item.why}" for item in left_out)
        raise InputError(
            "RUN", "nothing to compare", expected="at least two runs that were evaluated", received=reasons
        )
    # Imported last: reading predictions takes TFX, which takes seconds to load.
    from components.slice_report.compare.make import make_comparison

    return make_comparison(kept, kept[0], left_out)
