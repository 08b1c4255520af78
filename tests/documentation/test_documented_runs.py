"""The commands of the documentation run, and a run leaves the documented files."""

import json
import os
import re
import shutil
import subprocess
import sys

import harness
import pytest
from markdown_pages import DOCS, ROOT, commands_of, section

import local_runner
from pipeline.run.summary.summary import AWAITING_CODE

COMMANDS = [command for document in DOCS for command in commands_of(document)]
RUNNER = [command for command in COMMANDS if command.starts("python", "local_runner.py")]
REVIEWED, PUSHED = "release.review=required", ("pushed", "up to date")
ON_REPORTS = ("components.review", "components.slice_report")
OWN_ROWS = "data.path=my-rows"
OWN_SPANS = "data.path=my-rows/span-{SPAN}"
# A scheduled time may be hours away.
NO_RUN = {"--help", "--cron"}
# Each command once, even if several pages show it.
RUNS = [
    command for number, command in enumerate(RUNNER)
    if command.words not in [other.words for other in RUNNER[:number]] and not NO_RUN & {*command.words}
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_commands_of_the_documentation_run(finished, tmp_path, capsys):
    shutil.copytree(finished.rows, tmp_path / "span-1")
    (tmp_path / "span-1" / "_SUCCESS").touch()
    own = {OWN_ROWS: f"data.path={finished.rows}", OWN_SPANS: f"data.path={tmp_path}/span-{{SPAN}}"}
    root = shutil.copytree(finished.root, tmp_path / "runs")
    fast = [part for value in harness.settings(finished.rows) for part in ("--set", value)]
    for command in RUNS:
        words = [own.get(word, word) for word in command.words[2:]]
        code = local_runner.main(["--root", str(root), *fast, *words])
        out = capsys.readouterr().out
        assert code == (AWAITING_CODE if REVIEWED in words else 0), f"{command}\n{out}"
        check_outcome(words, out, harness.latest_facts(root))


def check_outcome(words: list[str], out: str, facts: dict[str, object]) -> None:
    """Check what a finished command printed and recorded."""
    if "--json" in words:
        assert json.loads(out) == facts
    expected = ("stopped as asked",) if "--to" in words else ("awaiting review",) if REVIEWED in words else PUSHED
    assert facts["status"] in expected


@pytest.mark.slow
def test_the_commands_on_reports_run(finished, tmp_path):
    root = shutil.copytree(finished.root, tmp_path / "runs")
    facts = harness.run_here(finished.rows, root, REVIEWED, "training.learning_rate=3e-3").facts
    names = {"<run>": facts["run"], "<other>": finished.outcome.facts["run"]}
    commands = [command for command in COMMANDS if command.starts("python", "-m") and command.words[2] in ON_REPORTS]
    assert {command.words[3] for command in commands} >= {"list", "show", "approve", "reject", "runs/census"}
    decided = False
    for command in commands:
        words = [re.sub("<run>|<other>", lambda found: names[found.group()], word) for word in command.words[1:]]
        done = subprocess.run(
            [sys.executable, *words],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert done.returncode == int(decided and "reject" in words), f"{command}\n{done.stderr}"
        decided |= "approve" in words
    assert (tmp_path / "diff.html").is_file()


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
