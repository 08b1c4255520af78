#!/usr/bin/env python
"""Runs a pipeline on Kubeflow Pipelines: compiles it, submits it, schedules it, and looks after its runs."""

import sys


def main(arguments: list[str]) -> int:
    """Does what is asked, and turns what goes wrong into a message and an exit code."""
    from pipeline.kubeflow.command_line import parse

    options = parse(arguments, __doc__ or "")
    # Imported late, so that --help answers at once.
    from pipeline.errors import MainlineError
    from pipeline.kubeflow.commands import run

    try:
        return run(options)
    except MainlineError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("stopped; nothing more is done", file=sys.stderr)
        return 1


if __name__ == "__main__":
    from pipeline.run.streams import run_main

    run_main(main)
