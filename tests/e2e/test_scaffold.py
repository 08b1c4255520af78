"""From a table to a pushed model by the commands of docs/scaffold.md, as they stand on the page."""

import os
import re
import subprocess
import sys
from pathlib import Path

import harness
import pytest
from fakes.tables.customers import customers, write_csv
from markdown_pages import ROOT, blocks

PAGE = ROOT / "docs" / "scaffold.md"
FIRST, AFTERWARDS = (block.splitlines() for block in blocks(PAGE, "sh"))
NUMBER = re.compile(r"\d+(\.\d+)?")


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A folder with the code and a table of customers."""
    folder = harness.copy_code(tmp_path_factory.mktemp("scaffold") / "project")
    write_csv(folder / "customers.csv", customers())
    return folder


def run(project: Path, command: str) -> str:
    """Run a command of the page, and return what it prints."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["sh", "-ec", command], cwd=project, env={**os.environ, "PATH": path, "PYTHONPATH": ""},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.slow
def test_a_table_becomes_a_pushed_model(project):
    draft, train = FIRST
    (session,) = blocks(PAGE, "text")
    printed = run(project, draft).splitlines()
    # The references may differ in a digit between versions of scikit-learn.
    assert [NUMBER.sub("0", line) for line in printed][:-2] == [NUMBER.sub("0", line) for line in session.splitlines()]
    run(project, train)
    facts = harness.latest_facts(project / "runs", "customers")
    assert facts["status"] == "pushed"
    assert len(harness.versions(project / "runs", "customers")) == 1
    check, update, remove = AFTERWARDS
    assert "300 rows fit together" in run(project, check)
    assert run(project, update).splitlines()[-1] == "no file differs from its draft"
    run(project, remove)
    assert not (project / "customers").exists()


def test_the_readme_shows_the_same_commands():
    shown = [line.removeprefix("$ ") for block in blocks(ROOT / "README.md", "console") for line in block.splitlines()]
    assert shown == FIRST
