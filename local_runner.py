#!/usr/bin/env python
"""Run a pipeline on this machine: validate the data, train and evaluate a model, and push it if it is blessed."""

import argparse
import sys
from pathlib import Path

EXIT_CODES = """\
exit codes:
  0  pushed, or already up to date
  1  any other failure
  2  bad input or config
  3  the model was not blessed, or a reviewer rejected it
  4  the gate rejected the data
  5  the model is waiting for a reviewer
"""


def parse(arguments: list[str], program: str = "local_runner.py") -> argparse.Namespace:
    """Parse the command line; ``program`` is what the user has typed before it."""
    parser = argparse.ArgumentParser(
        prog=program,
        description=__doc__,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", default="recommender", metavar="NAME|FILE", help="default: recommender")
    parser.add_argument("--env", default="local", metavar="NAME", help="conf/env/NAME.yaml; default: local")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="overrides one key; repeatable")
    parser.add_argument("--from", dest="from_node", metavar="NODE", help="first node to run; earlier ones are reused")
    parser.add_argument("--to", dest="to_node", metavar="NODE", help="last node to run")
    parser.add_argument("--no-cache", action="store_true", help="run every node, even if nothing changed")
    parser.add_argument("--root", type=Path, default=Path("runs"), metavar="DIR", help="default: runs")
    parser.add_argument("--orchestrator", choices=("local", "beam"), default="local", help="default: local")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON; with --watch, one a line")
    parser.add_argument("--watch", action="store_true", help="keep running, and start a run whenever one is due")
    parser.add_argument("--cron", metavar="TEXT", help="with --watch: schedule in UTC; '0 0 3 * * *' is 3:00")
    parser.add_argument("--on-new-span", action="store_true", help="with --watch: run on each new span of data.path")
    parser.add_argument(
        "--missed", choices=("run", "skip"), help="with --cron: times missed while not watching; default: run"
    )
    parser.add_argument("--max-runs", type=int, metavar="N", help="with --watch: stop after N runs")
    options = parser.parse_args(arguments)
    watches = bool(options.cron or options.on_new_span)
    stray = (options.missed and not options.cron) or (options.max_runs is not None and not watches)
    if stray or options.watch != watches:
        parser.error("--watch goes with --cron, --on-new-span or both, --missed with --cron, --max-runs with --watch")
    return options


def main(arguments: list[str], program: str = "local_runner.py") -> int:
    """Run or watch; print an error as a message and return the exit code."""
    options = parse(arguments, program)
    # Imported here so that --help answers at once.
    from pipeline.errors import MainlineError
    from pipeline.run.local.runner import run
    from pipeline.run.request import Request
    from pipeline.run.watch.watcher import WatchOptions, watch

    request = Request(
        config=options.config, overrides=tuple(options.set), env=options.env, from_node=options.from_node,
        to_node=options.to_node, cache=not options.no_cache, root=options.root, orchestrator=options.orchestrator,
        as_json=options.json,
    )  # fmt: skip
    watch_options = WatchOptions(options.cron, options.on_new_span, options.missed or "run", options.max_runs)
    try:
        return watch(request, watch_options, (sys.executable, __file__)) if options.watch else run(request)
    except MainlineError as error:
        print(error, file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    from pipeline.run.streams import run_main

    run_main(main)
