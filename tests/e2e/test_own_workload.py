"""The example of docs/own-workload.md, as it stands on the page, over a few rows."""

import os
import re
import subprocess
import sys
from pathlib import Path

import harness
import pytest

PAGE = harness.ROOT / "docs" / "own-workload.md"
BLOCK = re.compile(r"```(sh|yaml)\n(.*?)```", re.DOTALL)


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A folder of the code and of rows, where the page's commands have made the workload and its config."""
    folder = harness.copy_code(tmp_path_factory.mktemp("own") / "project")
    harness.tiny_rows(folder / "rows")
    (make, config, _) = (text for _, text in BLOCK.findall(PAGE.read_text(encoding="utf-8")))
    subprocess.run(["sh", "-ec", make], cwd=folder, check=True)
    (folder / "churn.yaml").write_text(config, encoding="utf-8")
    return folder


def run(project: Path, command: str) -> harness.Outcome:
    """Runs a command of the page with fast settings."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    sets = " ".join(f"--set '{value}'" for value in harness.FAST)
    done = subprocess.run(
        ["sh", "-ec", f"{command.strip()} {sets}"], cwd=project, env={**os.environ, "PATH": path},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return harness.Outcome(done.returncode, harness.latest_facts(project / "my_runs", "churn"))


@pytest.mark.slow
def test_the_example_trains_and_pushes_and_an_edit_to_it_is_seen(project):
    command = BLOCK.findall(PAGE.read_text(encoding="utf-8"))[2][1]
    first = run(project, command)
    assert set(first.states().values()) == {"done"}
    assert len(harness.versions(project / "my_runs", "churn")) == 1
    model = project / "my_company" / "churn" / "model.py"
    model.write_text(model.read_text() + "\nEDITED = True\n")
    again = run(project, f"{command.strip()} --to Trainer")
    ran = {node for node, state in again.states().items() if state == "done"}
    assert ran == {"Trainer"}
