#!/usr/bin/env python
"""Run a pipeline on Kubeflow Pipelines: compile, submit and schedule it, and manage its runs."""

import sys


def main(arguments: list[str], program: str = "kubeflow_runner.py") -> int:
    """Run a command; an error becomes a message and an exit code."""
    from pipeline.kubeflow.command_line import parse

    options = parse(arguments, __doc__ or "", program)
    # Imported here, so that --help is fast.
    from pipeline.errors import MainlineError
    from pipeline.kubeflow.commands import run

    try:
        return run(options)
    except MainlineError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 1


if __name__ == "__main__":
    from pipeline.run.streams import run_main

    run_main(main)
