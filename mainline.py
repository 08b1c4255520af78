#!/usr/bin/env python
"""Mainline as one command: ``mainline COMMAND ...``, the same as the runners and modules it stands for."""

import importlib
import sys
from typing import NoReturn

# By command: the module whose main is called, and what it does.
COMMANDS = {
    "run": ("local_runner", "run a pipeline on this machine"),
    "kubeflow": ("kubeflow_runner", "compile, submit and schedule a pipeline on Kubeflow Pipelines"),
    "report": ("components.slice_report.__main__", "write the report of a run again, or compare two runs"),
    "review": ("pipeline.review.__main__", "list, show, approve and reject reports"),
    "data": ("data.prepare", "fetch and prepare a data set"),
}
USAGE = "usage: mainline COMMAND ...; mainline COMMAND --help says more"


def main(arguments: list[str]) -> int:
    """Run a command and return its exit code, or 2 where there is no such command."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(USAGE, *(f"  {name:9}{does}" for name, (_, does) in COMMANDS.items()), sep="\n")
        return 0
    if arguments[0] not in COMMANDS:
        print(f"mainline: no such command: {arguments[0]}; expected {', '.join(COMMANDS)}", file=sys.stderr)
        return 2
    # Imported here, so that --help answers at once.
    module = importlib.import_module(COMMANDS[arguments[0]][0])
    return int(module.main(arguments[1:]))


def enter() -> NoReturn:
    """Start the command line, as the console script does."""
    from pipeline.run.streams import run_main

    run_main(main)


if __name__ == "__main__":
    enter()
