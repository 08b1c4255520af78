"""Reviews reports: lists them, shows one, approves or rejects it. A decision is final."""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.run.streams import run_main

if TYPE_CHECKING:
    import ml_metadata as mlmd

    from components.review.choice import Candidate
    from components.review.ledger import Recorded, Reviewed
    from pipeline.run.history import PipelineStore

    Opened = list[tuple[PipelineStore, mlmd.MetadataStore]]

EPILOG = "exit codes: 0 done, or decided so before; 1 anything else; 2 bad input"


def parse(arguments: list[str]) -> argparse.Namespace:
    """Reads the command line."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--root", type=Path, default=Path("runs"), metavar="DIR", help="default: runs")
    common.add_argument("--config", metavar="NAME|FILE", help="whose metadata; default: every pipeline below the root")
    common.add_argument("--json", action="store_true", help="print JSON")
    parser = argparse.ArgumentParser(prog="python -m components.review", description=__doc__, epilog=EPILOG)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", parents=[common], help="all reports, newest first")
    for name, text in (("show", "one report"), ("approve", "lets its model be pushed"), ("reject", "holds it back")):
        command = commands.add_parser(name, parents=[common], help=text)
        command.add_argument("run", metavar="RUN", help="a run, the beginning of one, or runs/<pipeline>/reports/<run>")
        if name != "show":
            command.add_argument("--by", required=True, metavar="NAME", help="who decides")
            command.add_argument("--note", required=True, metavar="TEXT", help="why")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Does what is asked, and turns what goes wrong into a message and an exit code."""
    options = parse(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Imported late, so that --help answers at once.
    from ml_metadata.errors import StatusError

    from pipeline.errors import MainlineError, of_system

    try:
        {"list": list_reports, "show": show_report}.get(options.command, decide_on)(options)
    except MainlineError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except StatusError as error:
        print(f"ML Metadata: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        told = of_system(error)
        print(told, file=sys.stderr)
        return told.exit_code
    return 0


def list_reports(options: argparse.Namespace) -> None:
    """``list``."""
    from components.review import ledger, screen

    found = [report for stored, store in opened(options) for report in ledger.reports(store, stored.pipeline)]
    found.sort(key=lambda report: report.run, reverse=True)
    if options.json:
        print_json([screen.facts(report) for report in found])
    else:
        screen.show(screen.listed(found))


def show_report(options: argparse.Namespace) -> None:
    """``show RUN``."""
    from components.review import ledger, screen
    from components.slice_report.facts.encoding import finite, from_json
    from components.slice_report.output import PAGE

    chosen, reviewed, _ = choose_report(options)
    content = ledger.read_unchanged(reviewed)
    page = chosen.folder / PAGE if chosen.folder else None
    if options.json:
        verdict = finite(json.loads(content)["verdict"])
        print_json({**screen.facts(reviewed), "verdict": verdict, "page": str(page) if page else None})
    else:
        screen.show(screen.shown(reviewed, from_json(content, reviewed.uri), page))


def decide_on(options: argparse.Namespace) -> None:
    """``approve RUN`` and ``reject RUN``."""
    from datetime import datetime, timezone

    from components.artifacts.decision import APPROVED, REJECTED
    from components.review import copies, ledger

    decision = {"approve": APPROVED, "reject": REJECTED}[options.command]
    chosen, reviewed, store = choose_report(options)
    folders = copies.folders_of(chosen.root, reviewed.digest)
    if decision == APPROVED and reviewed.decision is None:
        for folder in {*folders, *([chosen.folder] if chosen.folder else [])}:
            copies.check_copy(folder, reviewed.digest)
    now = datetime.now(timezone.utc)
    recorded = ledger.decide(store, reviewed, decision, options.by, options.note, now)
    pages = [str(copies.publish(folder, recorded.decision)) for folder in folders]
    tell(options, recorded, pages, next_command(options, chosen))


def tell(options: argparse.Namespace, recorded: "Recorded", pages: list[str], command: str) -> None:
    """Says what was decided, where it is seen, and what to type next."""
    made = recorded.decision
    if options.json:
        print_json({**vars(made), "recorded": recorded.new, "pages": pages, "next": command})
        return
    print(f"{made.decision} by {made.by}" if recorded.new else f"already {made.decision} by {made.by}", end=" ")
    print(f"at {made.decided_at}: {made.note}")
    print(*(f"page  {page}" for page in pages), f"next  {command}", sep="\n")


def next_command(options: argparse.Namespace, chosen: "Candidate") -> str:
    """How to run on: with the config that the run had, all that is done is cached."""
    from pipeline.run.history import overrides_to_restore
    from pipeline.shell import line, option, script

    kept = chosen.root / "history" / chosen.run / "config.yaml" if chosen.root else None
    root = option("--root", chosen.root.parent) if chosen.root else []
    if kept is None or not kept.is_file():
        return line(*script("local_runner.py"), *option("--config", options.config or chosen.pipeline), *root)
    return line(*script("local_runner.py"), *option("--config", kept), *root, *overrides_to_restore(kept.parent))


def choose_report(options: argparse.Namespace) -> "tuple[Candidate, Reviewed, mlmd.MetadataStore]":
    """The run that is meant, its report, and the store that has it."""
    from components.review import ledger
    from components.review.choice import candidates, choose, report_folder

    folder = report_folder(options.run)
    if folder is not None:
        options.root = folder.parents[2]
    everywhere = opened(options)
    known = [
        candidate
        for stored, store in everywhere
        for candidate in candidates(stored.pipeline, stored.root, ledger.reports(store, stored.pipeline))
    ]
    chosen, report = choose(options.run, known)
    return chosen, report, next(store for stored, store in everywhere if stored.pipeline == chosen.pipeline)


def opened(options: argparse.Namespace) -> "Opened":
    """The stores that are meant, open.

    Raises:
        InputError: there is none.
    """
    from pipeline.errors import InputError
    from pipeline.run.history import find_stores

    found = [stored for stored in find_stores(options.root, options.config) if exists(stored)]
    if not found:
        raise InputError(
            options.config or str(options.root), "its pipeline has not run here", received=str(options.root),
            next_step="Give the --root of the runs.",
        )  # fmt: skip
    return [(stored, open_store(stored)) for stored in found]


def open_store(stored: "PipelineStore") -> "mlmd.MetadataStore":
    """The store of a pipeline.

    Raises:
        MainlineError: it cannot be reached, or is none.
    """
    import ml_metadata as mlmd

    from pipeline.errors import MainlineError

    try:
        return mlmd.MetadataStore(stored.connection)
    except RuntimeError as error:
        where = f"ML Metadata of {stored.pipeline}"
        raise MainlineError(where, "cannot be opened", received=reason(str(error))) from error


def reason(text: str) -> str:
    """Why ML Metadata could not do something, without what it was about to do.

    >>> reason("mlmd: Error when executing query: file is not a database query: PRAGMA foreign_keys = ON;")
    'mlmd: file is not a database'
    """
    return text.replace("Error when executing query: ", "").split(" query: ")[0]


def exists(stored: "PipelineStore") -> bool:
    """Whether there is a store: to open one in SQLite that is not there would make it."""
    if stored.connection.WhichOneof("config") != "sqlite":
        return True
    return Path(stored.connection.sqlite.filename_uri).is_file()


def print_json(content: Any) -> None:
    """Prints to standard output."""
    from pipeline.run.streams import encoding_of, json_text

    print(json_text(content, encoding_of(sys.stdout), indent=1))


if __name__ == "__main__":
    run_main(main)
