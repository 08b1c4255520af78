"""Lists, shows and draws the reports of runs, and approves or rejects them. A decision is final."""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.review.draw import add_arguments, draw
from pipeline.run.streams import run_main

if TYPE_CHECKING:
    import ml_metadata as mlmd

    from pipeline.review.choice import Candidate
    from pipeline.review.ledger import RecordedDecision, ReportRecord
    from pipeline.run.history import PipelineStore

    OpenStores = list[tuple[PipelineStore, mlmd.MetadataStore]]

DRAW = "draw the page of a report, or compare two reports"
EPILOG = "exit codes: 0 done, or already decided that way; 1 any other failure; 2 bad input"


def parse(arguments: list[str], program: str = "python -m pipeline.review") -> argparse.Namespace:
    """Parse the command line; ``program`` is what the user has typed before it."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--root", type=Path, default=Path("runs"), metavar="DIR", help="default: runs")
    common.add_argument("--config", metavar="NAME|FILE", help="the pipeline; default: every pipeline below the root")
    common.add_argument("--json", action="store_true", help="print JSON")
    parser = argparse.ArgumentParser(prog=program, description=__doc__, epilog=EPILOG)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", parents=[common], help="list reports, newest first")
    add_arguments(commands.add_parser("draw", help=DRAW))
    for name, text in (
        ("show", "show a report"),
        ("approve", "let the model be pushed"),
        ("reject", "hold the model back"),
    ):
        command = commands.add_parser(name, parents=[common], help=text)
        command.add_argument(
            "run", metavar="RUN", help="a run's id, its first characters, or runs/<pipeline>/reports/<run>"
        )
        if name != "show":
            command.add_argument("--by", required=True, metavar="NAME", help="who decides")
            command.add_argument("--note", required=True, metavar="TEXT", help="why")
    return parser.parse_args(arguments)


def main(arguments: list[str], program: str = "python -m pipeline.review") -> int:
    """Run one command; an error becomes a message and an exit code."""
    return run(parse(arguments, program))


def main_of_draw(arguments: list[str], program: str) -> int:
    """Run ``draw`` as a program of its own."""
    parser = argparse.ArgumentParser(prog=program, description=DRAW, epilog=EPILOG)
    parser.set_defaults(command="draw")
    add_arguments(parser)
    return run(parser.parse_args(arguments))


def run(options: argparse.Namespace) -> int:
    """Run a parsed command; an error becomes a message and an exit code."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Imported late, so that --help is fast.
    from ml_metadata.errors import StatusError

    from pipeline.errors import MainlineError, of_system

    try:
        {"list": list_reports, "show": show_report, "draw": draw_page}.get(options.command, decide_on)(options)
    except MainlineError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except StatusError as error:
        print(f"ML Metadata: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        explained = of_system(error)
        print(explained, file=sys.stderr)
        return explained.exit_code
    return 0


def list_reports(options: argparse.Namespace) -> None:
    """Run the command ``list``."""
    from pipeline.review import ledger, screen

    found = [
        report for pipeline_store, store in opened(options) for report in ledger.reports(store, pipeline_store.pipeline)
    ]
    found.sort(key=lambda report: report.run, reverse=True)
    if options.json:
        print_json([screen.facts(report) for report in found])
    else:
        screen.show(screen.listed(found))


def show_report(options: argparse.Namespace) -> None:
    """Run the command ``show RUN``."""
    from components.artifacts.report_files import PAGE
    from components.slice_report.facts.encoding import finite, from_json
    from pipeline.review import ledger, screen

    chosen, reviewed, _ = choose_report(options)
    content = ledger.read_unchanged(reviewed)
    page = chosen.folder / PAGE if chosen.folder else None
    if options.json:
        verdict = finite(json.loads(content)["verdict"])
        print_json({**screen.facts(reviewed), "verdict": verdict, "page": str(page) if page else None})
    else:
        screen.show(screen.shown(reviewed, from_json(content, reviewed.uri), page))


def draw_page(options: argparse.Namespace) -> None:
    """Run the command ``draw RUN_DIR``."""
    print(draw(options.run, options.against, options.out))


def decide_on(options: argparse.Namespace) -> None:
    """Run the command ``approve RUN`` or ``reject RUN``."""
    from datetime import datetime, timezone

    from components.artifacts.decision import APPROVED, REJECTED
    from components.slice_report.output import write_decision
    from pipeline.review import copies, ledger

    decision = {"approve": APPROVED, "reject": REJECTED}[options.command]
    chosen, reviewed, store = choose_report(options)
    folders = copies.folders_with(chosen.root, reviewed.digest)
    if decision == APPROVED and reviewed.decision is None:
        for folder in {*folders, *([chosen.folder] if chosen.folder else [])}:
            copies.check_copy(folder, reviewed.digest)
    now = datetime.now(timezone.utc)
    recorded = ledger.decide(store, reviewed, decision, options.by, options.note, now)
    pages = [str(write_decision(folder, recorded.decision)) for folder in folders]
    print_decision(options, recorded, pages, next_command(options, chosen))


def print_decision(options: argparse.Namespace, recorded: "RecordedDecision", pages: list[str], command: str) -> None:
    """Print the decision, the pages that show it, and the command that continues the run."""
    made = recorded.decision
    if options.json:
        print_json({**vars(made), "recorded": recorded.new, "pages": pages, "next": command})
        return
    print(f"{made.decision} by {made.by}" if recorded.new else f"already {made.decision} by {made.by}", end=" ")
    print(f"at {made.decided_at}: {made.note}")
    print(*(f"page  {page}" for page in pages), f"next  {command}", sep="\n")


def next_command(options: argparse.Namespace, chosen: "Candidate") -> str:
    """Return the command that continues the run with its own config, so that finished nodes are cached."""
    from pipeline.run.history import overrides_to_restore
    from pipeline.shell import line, option, script

    kept = chosen.root / "history" / chosen.run / "config.yaml" if chosen.root else None
    root = option("--root", chosen.root.parent) if chosen.root else []
    if kept is None or not kept.is_file():
        return line(*script("local_runner.py"), *option("--config", options.config or chosen.pipeline), *root)
    return line(*script("local_runner.py"), *option("--config", kept), *root, *overrides_to_restore(kept.parent))


def choose_report(options: argparse.Namespace) -> "tuple[Candidate, ReportRecord, mlmd.MetadataStore]":
    """Return the run that the user named, its report, and the store that has it."""
    from pipeline.review import ledger
    from pipeline.review.choice import candidates, choose, report_folder

    folder = report_folder(options.run)
    if folder is not None:
        options.root = folder.parents[2]
    everywhere = opened(options)
    known = [
        candidate
        for pipeline_store, store in everywhere
        for candidate in candidates(
            pipeline_store.pipeline, pipeline_store.root, ledger.reports(store, pipeline_store.pipeline)
        )
    ]
    chosen, report = choose(options.run, known)
    return (
        chosen,
        report,
        next(store for pipeline_store, store in everywhere if pipeline_store.pipeline == chosen.pipeline),
    )


def opened(options: argparse.Namespace) -> "OpenStores":
    """Open the stores of the pipelines that the user named.

    Raises:
        InputError: there are none.
    """
    from pipeline.errors import InputError
    from pipeline.run.history import find_stores

    found = [store for store in find_stores(options.root, options.config) if exists(store)]
    if not found:
        raise InputError(
            options.config or str(options.root), "its pipeline has not run here", received=str(options.root),
            next_step="Give the --root of the runs.",
        )  # fmt: skip
    return [(pipeline_store, open_store(pipeline_store)) for pipeline_store in found]


def open_store(pipeline_store: "PipelineStore") -> "mlmd.MetadataStore":
    """Open the store of a pipeline.

    Raises:
        MainlineError: it cannot be reached, or is not a store of ML Metadata.
    """
    import ml_metadata as mlmd

    from pipeline.errors import MainlineError

    try:
        return mlmd.MetadataStore(pipeline_store.connection)
    except RuntimeError as error:
        where = f"ML Metadata of {pipeline_store.pipeline}"
        raise MainlineError(where, "cannot be opened", received=reason(str(error))) from error


def reason(text: str) -> str:
    """Return the cause in an error of ML Metadata, without the query that failed.

    >>> reason("mlmd: Error when executing query: file is not a database query: PRAGMA foreign_keys = ON;")
    'mlmd: file is not a database'
    """
    return text.replace("Error when executing query: ", "").split(" query: ")[0]


def exists(pipeline_store: "PipelineStore") -> bool:
    """Return whether there is a store: opening a SQLite file that does not exist would create it."""
    if pipeline_store.connection.WhichOneof("config") != "sqlite":
        return True
    return Path(pipeline_store.connection.sqlite.filename_uri).is_file()


def print_json(content: Any) -> None:
    """Print JSON to standard output."""
    from pipeline.run.streams import encoding_of, json_text

    print(json_text(content, encoding_of(sys.stdout), indent=1))


if __name__ == "__main__":
    run_main(main)
