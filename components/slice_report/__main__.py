"""Compares the reports of runs."""

import argparse
import os
import sys

from components.slice_report.compare import command
from pipeline.errors import MainlineError, fail

EPILOG = "exit codes: 0 done, even if a run was left out; 1 any other failure; 2 bad input"


def main(arguments: list[str], program: str = "python -m components.slice_report") -> int:
    """Run one command."""
    parser = argparse.ArgumentParser(prog=program, description=__doc__, epilog=EPILOG)
    commands = parser.add_subparsers(dest="command", required=True)
    command.add_arguments(commands.add_parser("compare", help=command.HELP, description=command.HELP, epilog=EPILOG))
    return run(parser.parse_args(arguments))


def main_of_compare(arguments: list[str], program: str) -> int:
    """Run ``compare`` as a program of its own."""
    parser = argparse.ArgumentParser(prog=program, description=command.HELP, epilog=EPILOG)
    command.add_arguments(parser)
    return run(parser.parse_args(arguments))


def run(options: argparse.Namespace) -> int:
    """Run a parsed command; an error becomes a message and an exit code."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        command.run(options)
    except (MainlineError, OSError) as error:
        return fail(error)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
