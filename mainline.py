#!/usr/bin/env python
"""Mainline as one command: ``mainline COMMAND ...``, the same as the runners and modules it stands for."""

import importlib
import sys
from typing import NoReturn

# By command: the module and its function of arguments and program name, and what it does.
COMMANDS: dict[str, tuple[str, str, str]] = {
    "run": ("local_runner", "main", "run a pipeline on this machine"),
    "kubeflow": ("kubeflow_runner", "main", "compile, submit and schedule a pipeline on Kubeflow Pipelines"),
    "report": ("pipeline.review.__main__", "main_of_draw", "draw the report of a run again, or compare two runs"),
    "compare": ("components.slice_report.__main__", "main_of_compare", "compare any number of runs on one page"),
    "review": ("pipeline.review.__main__", "main", "list, show, approve and reject reports"),
    "scaffold": ("pipeline.scaffold.command", "main", "draft a workload from a table"),
    "data": ("data.prepare", "main", "fetch and prepare a data set"),
}
USAGE = "usage: mainline COMMAND ...; mainline COMMAND --help says more"


def main(arguments: list[str]) -> int:
    """Run a command and return its exit code, or 2 where there is no such command."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(USAGE, *(f"  {name:10}{does}" for name, (_, _, does) in COMMANDS.items()), sep="\n")
        return 0
    if arguments[0] not in COMMANDS:
        print(f"mainline: no such command: {arguments[0]}; expected {', '.join(COMMANDS)}", file=sys.stderr)
        return 2
    # Imported here, so that --help answers at once.
    module, function, _ = COMMANDS[arguments[0]]
    return int(getattr(importlib.import_module(module), function)(arguments[1:], f"mainline {arguments[0]}"))


def enter() -> NoReturn:
    """Start the command line, as the console script does."""
    from pipeline.run.streams import run_main

    run_main(main)


if __name__ == "__main__":
    enter()
