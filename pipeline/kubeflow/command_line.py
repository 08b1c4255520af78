"""The command line of ``kubeflow_runner.py``. It only imports the standard library, so that ``--help`` is fast."""

import argparse
import os
from pathlib import Path
from typing import Any

# The SDK reads the first variable too; only we read the second.
HOST_ENV, TOKEN_ENV = "KF_PIPELINES_ENDPOINT", "MAINLINE_KFP_TOKEN"
EXIT_CODES = """\
exit codes:
  0  done; with --wait: pushed, or already up to date
  1  any other error, such as a failed server
  2  bad input or config
  3  with --wait: the model was not blessed, or a reviewer rejected it
  4  with --wait: the gate rejected the data
  5  with --wait: the model is waiting for a reviewer
"""
SCHEDULE_ACTIONS = ("create", "list", "pause", "resume", "delete")


def parse(arguments: list[str], description: str, program: str = "kubeflow_runner.py") -> argparse.Namespace:
    """Parse the command line; ``program`` is what the user has typed before it."""
    parser = argparse.ArgumentParser(
        prog=program,
        description=description,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for add in (add_compile, add_submit, add_schedule, add_retrain, add_status, add_logs, add_cancel):
        add(commands)
    return parser.parse_args(arguments)


def add_compile(commands: Any) -> None:
    parser = new(commands, "compile", "writes the pipeline as YAML; needs no cluster", config_options())
    parser.add_argument("--image", default="", metavar="IMAGE", help="of every pod; sets kubeflow.image")
    parser.add_argument("--output", type=Path, default=Path("pipeline.yaml"), metavar="FILE",
                        help="default: pipeline.yaml")  # fmt: skip


def add_submit(commands: Any) -> None:
    parser = new(commands, "submit", "uploads the pipeline if it is new, and runs it",
                 config_options(), server_options(), run_options())  # fmt: skip
    parser.add_argument("--image", default="", metavar="IMAGE", help="of every pod; sets kubeflow.image")
    parser.add_argument("--upload-only", action="store_true", help="upload the version, but do not run it")
    add_wait(parser)


def add_schedule(commands: Any) -> None:
    parser = new(commands, "schedule", "runs the pipeline regularly",
                 config_options(), server_options(), run_options())  # fmt: skip
    parser.add_argument("action", nargs="?", choices=SCHEDULE_ACTIONS, default="create", help="default: create")
    parser.add_argument("--image", default="", metavar="IMAGE", help="of every pod; sets kubeflow.image")
    parser.add_argument("--cron", metavar="CRON", help="six fields, seconds first, UTC: '0 0 3 * * *' is daily at 3")
    parser.add_argument("--max-concurrency", type=int, default=1, metavar="N", help="1 to 10; default: 1")
    parser.add_argument("--no-catchup", action="store_true", help="after a pause, run once for all missed times")


def add_retrain(commands: Any) -> None:
    parser = new(commands, "retrain", "runs an uploaded version, without compiling",
                 config_options(), server_options(), run_options())  # fmt: skip
    parser.add_argument("--reason", required=True, metavar="TEXT", help="appears in the name of the run")
    parser.add_argument("--version", default="", metavar="NAME", help="default: the latest")
    parser.add_argument("--key", default="", metavar="TEXT",
                        help="of the trigger, such as span-7: starts only one run, unless that run fails")  # fmt: skip
    parser.add_argument("--if-idle", action="store_true", help="only if no run of the pipeline is active")
    add_wait(parser)


def add_status(commands: Any) -> None:
    parser = new(commands, "status", "shows the nodes of a run", server_options())
    parser.add_argument("run", metavar="RUN", help="its id, or the URL of its page")


def add_logs(commands: Any) -> None:
    parser = new(commands, "logs", "prints the logs of a run's pods", server_options())
    parser.add_argument("run", metavar="RUN", help="its id, or the URL of its page")
    parser.add_argument("--node", metavar="NODE", help="only this node, such as Trainer")
    parser.add_argument("--follow", action="store_true", help="until the run ends")


def add_cancel(commands: Any) -> None:
    parser = new(commands, "cancel", "stops a run, and waits until it has stopped", server_options())
    parser.add_argument("run", metavar="RUN", help="its id, or the URL of its page")
    parser.add_argument("--timeout", type=float, default=120.0, metavar="SECONDS", help="default: 120")


def new(commands: Any, name: str, does: str, *parents: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Add a command, with ``--json`` unless it is ``logs``."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=does, description=does[0].upper() + does[1:] + ".", parents=list(parents),
        epilog=EXIT_CODES, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    if name != "logs":
        parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def add_wait(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--wait", action="store_true", help="show the nodes until the run ends; exit with its code")


def config_options() -> argparse.ArgumentParser:
    """The options that name a config."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--config", default="recommender", metavar="NAME|FILE", help="default: recommender")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="overrides one key; repeatable")
    return parser


def run_options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--experiment", default="", metavar="NAME", help="default: the name of the pipeline")
    parser.add_argument("--service-account", default="mainline-runner", metavar="NAME", help="default: mainline-runner")
    return parser


def server_options() -> argparse.ArgumentParser:
    """The address and credentials of a server."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--host", default=os.environ.get(HOST_ENV, ""), metavar="URL",
                        help=f"of Kubeflow Pipelines; default: ${HOST_ENV}")  # fmt: skip
    parser.add_argument("--namespace", default="", metavar="NAME", help="of the user, in multi-user mode")
    parser.add_argument("--token-file", type=Path, metavar="FILE",
                        help=f"a bearer token, read again for each request; default: ${TOKEN_ENV}")  # fmt: skip
    parser.add_argument("--ca-cert", type=Path, metavar="FILE", help="CA certificate of the server, if not public")
    return parser
