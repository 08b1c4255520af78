"""The command line of ``kubeflow_runner.py``. It imports the standard library only, so that ``--help`` is quick."""

import argparse
import os
from pathlib import Path
from typing import Any

# The name that the SDK of Kubeflow Pipelines knows, and ours, which no library reads.
HOST_ENV, TOKEN_ENV = "KF_PIPELINES_ENDPOINT", "MAINLINE_KFP_TOKEN"
EXIT_CODES = """\
exit codes:
  0  done; with --wait: pushed, or already up to date
  1  anything else, such as a server that fails
  2  bad input or config
  3  with --wait: the model was not blessed, or a reviewer rejected it
  4  with --wait: the data was rejected by the gate
  5  with --wait: the model waits for a reviewer
"""
SCHEDULE_ACTIONS = ("create", "list", "pause", "resume", "delete")


def parse(arguments: list[str], description: str) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        prog="kubeflow_runner.py",
        description=description,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for add in (add_compile, add_submit, add_schedule, add_retrain, add_status, add_logs, add_cancel):
        add(commands)
    return parser.parse_args(arguments)


def add_compile(commands: Any) -> None:
    """``compile``: no cluster is asked."""
    parser = new(commands, "compile", "writes the pipeline as YAML; asks no cluster", config_options())
    parser.add_argument("--image", default="", metavar="IMAGE", help="what every pod runs; sets kubeflow.image")
    parser.add_argument("--output", type=Path, default=Path("pipeline.yaml"), metavar="FILE",
                        help="default: pipeline.yaml")  # fmt: skip


def add_submit(commands: Any) -> None:
    """``submit``: one run, now."""
    parser = new(commands, "submit", "uploads the pipeline if it is new, and runs it",
                 config_options(), server_options(), run_options())  # fmt: skip
    parser.add_argument("--image", default="", metavar="IMAGE", help="what every pod runs; sets kubeflow.image")
    parser.add_argument("--upload-only", action="store_true", help="upload the version, and run nothing")
    add_wait(parser)


def add_schedule(commands: Any) -> None:
    """``schedule``: a recurring run, and what may be done with one."""
    parser = new(commands, "schedule", "runs the pipeline again and again",
                 config_options(), server_options(), run_options())  # fmt: skip
    parser.add_argument("action", nargs="?", choices=SCHEDULE_ACTIONS, default="create", help="default: create")
    parser.add_argument("--image", default="", metavar="IMAGE", help="what every pod runs; sets kubeflow.image")
    parser.add_argument("--cron", metavar="CRON", help="six fields, seconds first, UTC: '0 0 3 * * *' is daily at 3")
    parser.add_argument("--max-concurrency", type=int, default=1, metavar="N", help="1 to 10; default: 1")
    parser.add_argument("--no-catchup", action="store_true", help="after a pause, run once, not for each missed time")


def add_retrain(commands: Any) -> None:
    """``retrain``: a run of what is already there."""
    parser = new(commands, "retrain", "runs an uploaded version; compiles nothing",
                 config_options(), server_options(), run_options())  # fmt: skip
    parser.add_argument("--reason", required=True, metavar="TEXT", help="why; it is in the run's name")
    parser.add_argument("--version", default="", metavar="NAME", help="default: the one that was uploaded last")
    parser.add_argument("--key", default="", metavar="TEXT",
                        help="what triggers it, such as span-7: started once, unless that run fails")  # fmt: skip
    parser.add_argument("--if-idle", action="store_true", help="only if no run of the pipeline is at work")
    add_wait(parser)


def add_status(commands: Any) -> None:
    """``status``: how far a run is."""
    parser = new(commands, "status", "shows the nodes of a run", server_options())
    parser.add_argument("run", metavar="RUN", help="its id, or the address of its page")


def add_logs(commands: Any) -> None:
    """``logs``: what its pods wrote."""
    parser = new(commands, "logs", "prints what the pods of a run wrote", server_options())
    parser.add_argument("run", metavar="RUN", help="its id, or the address of its page")
    parser.add_argument("--node", metavar="NODE", help="of this node only, such as Trainer")
    parser.add_argument("--follow", action="store_true", help="until the run is over")


def add_cancel(commands: Any) -> None:
    """``cancel``: ends a run."""
    parser = new(commands, "cancel", "stops a run, and waits until it has", server_options())
    parser.add_argument("run", metavar="RUN", help="its id, or the address of its page")
    parser.add_argument("--timeout", type=float, default=120.0, metavar="SECONDS", help="default: 120")


def new(commands: Any, name: str, does: str, *parents: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """A command that can also print JSON."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=does, description=does[0].upper() + does[1:] + ".", parents=list(parents),
        epilog=EXIT_CODES, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    if name != "logs":
        parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def add_wait(parser: argparse.ArgumentParser) -> None:
    """Whether to wait for the run."""
    parser.add_argument("--wait", action="store_true", help="show the nodes until the run is over; exit as it did")


def config_options() -> argparse.ArgumentParser:
    """Which config."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--config", default="recommender", metavar="NAME|FILE", help="default: recommender")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="overrides one key; repeatable")
    return parser


def run_options() -> argparse.ArgumentParser:
    """Where a run belongs."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--experiment", default="", metavar="NAME", help="default: the name of the pipeline")
    parser.add_argument("--service-account", default="mainline-runner", metavar="NAME", help="default: mainline-runner")
    return parser


def server_options() -> argparse.ArgumentParser:
    """Which server, and who asks."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--host", default=os.environ.get(HOST_ENV, ""), metavar="URL",
                        help=f"of Kubeflow Pipelines; default: ${HOST_ENV}")  # fmt: skip
    parser.add_argument("--namespace", default="", metavar="NAME", help="of the user, where Kubeflow has many")
    parser.add_argument("--token-file", type=Path, metavar="FILE",
                        help=f"a bearer token, read anew for each request; default: ${TOKEN_ENV}")  # fmt: skip
    parser.add_argument("--ca-cert", type=Path, metavar="FILE", help="whom to trust, if the server's authority is own")
    return parser
