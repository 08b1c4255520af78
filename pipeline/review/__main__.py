"""Lists, shows and draws the reports of runs, approves or rejects them, and rolls back what is served."""

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

    from components.artifacts.record.reports import ReportRecord
    from pipeline.review.choice import Candidate
    from pipeline.review.ledger import RecordedDecision

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
        ("rollback", "take the served version out of serving"),
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

    from pipeline.errors import MainlineError, fail

    try:
        COMMANDS[options.command](options)
    except (MainlineError, OSError) as error:
        return fail(error)
    except StatusError as error:
        print(f"ML Metadata: {error}", file=sys.stderr)
        return 1
    return 0


def list_reports(options: argparse.Namespace) -> None:
    """Run the command ``list``."""
    from components.artifacts.record.facts import pipeline_record
    from pipeline.review import screen
    from pipeline.review.stores import opened

    found = []
    for pipeline_store, store in opened(options.root, options.config):
        record = pipeline_record(store, pipeline_store.pipeline, pipeline_store.root)
        found += [screen.review(record, report, pipeline_store.root) for report in record.reports]
    found.sort(key=lambda item: item.report.run, reverse=True)
    if options.json:
        print_json([screen.facts(item) for item in found])
    else:
        screen.show(screen.listed(found))


def show_report(options: argparse.Namespace) -> None:
    """Run the command ``show RUN``."""
    from components.artifacts.record.facts import baseline_of, pipeline_record
    from components.artifacts.report_files import PAGE
    from components.slice_report.facts.encoding import finite, from_json
    from pipeline.review import ledger, screen

    chosen, reviewed, store = choose_report(options)
    content = ledger.read_unchanged(reviewed)
    page = chosen.folder / PAGE if chosen.folder else None
    record = pipeline_record(store, chosen.pipeline, chosen.root)
    item = screen.review(record, reviewed, chosen.root, baseline_of(store, record, reviewed))
    if options.json:
        verdict = finite(json.loads(content)["verdict"])
        print_json({**screen.facts(item), "verdict": verdict, "page": str(page) if page else None})
    else:
        screen.show(screen.shown(item, from_json(content, reviewed.uri), page))


def draw_page(options: argparse.Namespace) -> None:
    """Run the command ``draw RUN_DIR``."""
    print(draw(options.run, options.against, options.out))


def decide_on(options: argparse.Namespace) -> None:
    """Run the command ``approve RUN`` or ``reject RUN``."""
    from datetime import datetime, timezone

    from components.artifacts.decision import APPROVED, REJECTED
    from pipeline.review import copies, ledger

    decision = {"approve": APPROVED, "reject": REJECTED}[options.command]
    chosen, reviewed, store = choose_report(options)
    folders = copies.folders_with(chosen.root, [reviewed.digest])
    if decision == APPROVED and reviewed.decision is None and chosen.root is not None:
        copies.check_copies(store, chosen.root, reviewed, [*folders, *([chosen.folder] if chosen.folder else [])])
    now = datetime.now(timezone.utc)
    recorded = ledger.decide(store, reviewed, decision, options.by, options.note, now)
    pages = copies.draw_again(store, chosen.pipeline, chosen.root, folders)
    print_decision(options, recorded, pages, next_command(options, chosen))


def roll_back(options: argparse.Namespace) -> None:
    """Run the command ``rollback RUN``."""
    from datetime import datetime, timezone

    from components.artifacts.record.facts import pipeline_record
    from pipeline.errors import InputError
    from pipeline.review import copies, rollback

    chosen, reviewed, store = choose_report(options)
    if chosen.root is None:
        raise InputError("--root", "the served folder is not on this machine", next_step="Give the --root of the runs.")
    made = rollback.roll_back(store, reviewed, chosen.root, options.by, options.note, datetime.now(timezone.utc))
    record = pipeline_record(store, chosen.pipeline, chosen.root)
    models = {withdrawal.model_digest for withdrawal in made} | ({record.served.digest} if record.served else set())
    digests = [report.digest for report in record.reports if record.digest_of(report) in models]
    pages = copies.draw_again(store, chosen.pipeline, chosen.root, copies.folders_with(chosen.root, digests))
    if options.json:
        print_json({"withdrawn": [vars(withdrawal) for withdrawal in made], "pages": pages})
        return
    numbers = ", ".join(str(withdrawal.version) for withdrawal in made)
    print(f"version {numbers} taken out of serving; version {made[-1].serves} is served now")
    print(*(f"version {found.version} was damaged: {found.damage}\n" for found in made if found.damage), sep="", end="")
    print(*(f"page  {page}" for page in pages), sep="\n")


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
    from components.artifacts.record.reports import reports
    from pipeline.review.choice import candidates, choose, report_folder
    from pipeline.review.stores import opened

    folder = report_folder(options.run)
    if folder is not None:
        options.root = folder.parents[2]
    everywhere = opened(options.root, options.config)
    known = [
        candidate
        for pipeline_store, store in everywhere
        for candidate in candidates(
            pipeline_store.pipeline, pipeline_store.root, reports(store, pipeline_store.pipeline)
        )
    ]
    chosen, report = choose(options.run, known)
    return (
        chosen,
        report,
        next(store for pipeline_store, store in everywhere if pipeline_store.pipeline == chosen.pipeline),
    )


def print_json(content: Any) -> None:
    """Print JSON to standard output."""
    from pipeline.run.streams import encoding_of, json_text

    print(json_text(content, encoding_of(sys.stdout), indent=1))


COMMANDS = {
    "list": list_reports,
    "show": show_report,
    "draw": draw_page,
    "approve": decide_on,
    "reject": decide_on,
    "rollback": roll_back,
}

if __name__ == "__main__":
    run_main(main)
