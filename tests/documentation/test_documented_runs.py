"""The commands of the documentation run, and a run leaves the documented files."""

import contextlib
import glob
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import harness
import pytest
from markdown_pages import DOCS, OWN_FILES, ROOT, Command, commands_of, section

import local_runner
from pipeline.run.summary.summary import AWAITING_CODE

COMMANDS = [command for document in DOCS if document.name not in OWN_FILES for command in commands_of(document)]
RUNNER = [command for command in COMMANDS if command.starts("python", "local_runner.py")]
REVIEWED, PUSHED = "release.review=required", ("pushed", "up to date")
REVIEW, COMPARE = "pipeline.review", "components.slice_report"
OWN_ROWS = "data.path=my-rows"
OWN_SPANS = "data.path=my-rows/span-{SPAN}"
# A scheduled time may be hours away.
NO_RUN = {"--help", "--cron"}
# Each command once, even if several pages show it.
RUNS = [
    command for number, command in enumerate(RUNNER)
    if command.words not in [other.words for other in RUNNER[:number]] and not NO_RUN & {*command.words}
]  # fmt: skip


@dataclass(frozen=True)
class CommandRun:
    """A command of the documentation that ran: its exit code, its output, and the facts of the latest run."""

    command: Command
    code: int
    out: str
    facts: Mapping[str, Any]

    def check(self) -> None:
        """Compare the outcome with what the command asks for."""
        words = self.command.words
        assert self.code == (AWAITING_CODE if REVIEWED in words else 0), f"{self.command}\n{self.out}"
        if "--json" in words:
            assert json.loads(self.out) == self.facts
        expected = ("stopped as asked",) if "--to" in words else ("awaiting review",) if REVIEWED in words else PUSHED
        assert self.facts["status"] in expected


@pytest.fixture(scope="module")
def root(finished, tmp_path_factory):
    """A copy of a finished run's root, where all commands of the documentation run."""
    return shutil.copytree(finished.root, tmp_path_factory.mktemp("documented") / "runs")


@pytest.fixture(scope="module")
def command_runs(finished, root):
    """Every command of the documentation that starts a run, with few rows and epochs."""
    shutil.copytree(finished.rows, root.parent / "span-1")
    (root.parent / "span-1" / "_SUCCESS").touch()
    own = {OWN_ROWS: f"data.path={finished.rows}", OWN_SPANS: f"data.path={root.parent}/span-{{SPAN}}"}
    fast = [part for value in harness.settings(finished.rows) for part in ("--set", value)]
    return [run_command(command, ["--root", str(root), *fast], own, root) for command in RUNS]


def run_command(command: Command, first: Sequence[str], own: Mapping[str, str], root: Path) -> CommandRun:
    """Run a command in this process; ``own`` replaces the example paths in it."""
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with contextlib.redirect_stdout(out):
        code = local_runner.main([*first, *(own.get(word, word) for word in command.words[2:])])
    out.flush()
    return CommandRun(command, code, out.buffer.getvalue().decode(), harness.latest_facts(root))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_commands_of_the_documentation_run(command_runs):
    assert len(command_runs) >= 10
    for run in command_runs:
        run.check()


@pytest.mark.slow
def test_the_commands_on_reports_run(finished, command_runs, root):
    (awaiting,) = [run.facts["run"] for run in command_runs if REVIEWED in run.command.words]
    names = {"<run>": awaiting, "<other>": finished.outcome.facts["run"]}
    commands = [command for command in COMMANDS if command.starts("python", "-m") and command.words[2] == REVIEW]
    assert {command.words[3] for command in commands} >= {"list", "show", "approve", "reject", "draw"}
    decided = False
    for command in commands:
        words = [re.sub("<run>|<other>", lambda found: names[found.group()], word) for word in command.words[1:]]
        done = subprocess.run(
            [sys.executable, *words],
            capture_output=True,
            text=True,
            cwd=root.parent,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert done.returncode == int(decided and "reject" in words), f"{command}\n{done.stderr}"
        decided |= "approve" in words
    assert (root.parent / "diff.html").is_file()


@pytest.mark.slow
def test_the_commands_that_compare_runs_run(finished, command_runs, root):
    (awaiting,) = [run.facts["run"] for run in command_runs if REVIEWED in run.command.words]
    names = {"<run>": awaiting, "<other>": finished.outcome.facts["run"]}
    commands = [command for command in COMMANDS if command.starts("python", "-m") and command.words[2] == COMPARE]
    for command in commands:
        words = [re.sub("<run>|<other>", lambda found: names[found.group()], word) for word in command.words[1:]]
        # As a shell does.
        expanded = [name for word in words for name in (sorted(glob.glob(word, root_dir=root.parent)) or [word])]
        done = subprocess.run(
            [sys.executable, *expanded],
            capture_output=True,
            text=True,
            cwd=root.parent,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        assert ("--json" in words) == done.stdout.startswith("{")
    assert len(commands) >= 3
    assert (root.parent / "comparison.html").is_file()
    assert (root.parent / "mlflow.db").is_file()


@pytest.mark.slow
def test_a_finished_run_has_the_documented_files(finished):
    root = finished.root / "census"
    (version,) = harness.versions(finished.root)[:1]
    (history, *_) = sorted((root / "history").iterdir())
    text = section("docs/cli.md", "The files of a run")
    for name in ("metadata.db", ".lock", ".lock.json", "artifacts", "schemas"):
        assert name in text
        assert (root / name).exists()
    assert (root / "serving" / version / "READY.json").is_file()
    assert {path.name for path in history.iterdir()} == {"config.yaml", "run.log", "summary.json"}
    for pattern in ("Evaluator/evaluation/*/predictions/part-*.parquet", "Trainer/model_run/*/training.json",
                    "ValidationGate/verdict/*/verdict.json"):  # fmt: skip
        assert list((root / "artifacts").glob(pattern)), pattern


@pytest.mark.slow
def test_the_summary_in_the_readme_has_the_nodes_of_a_run(finished):
    names = re.findall(r"^(\w+) +done ", section("README.md", "What a run prints"), re.MULTILINE)
    assert names == [node["node"] for node in finished.outcome.facts["nodes"]]
