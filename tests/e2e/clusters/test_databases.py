"""Whole runs with ML Metadata on a database server: complete, cached, refused, and interrupted."""

import os
import signal
import subprocess
from pathlib import Path

import harness
import pytest
from fakes.databases import PASSWORD, STARTERS, free_port

from pipeline.review.__main__ import main as review

pytestmark = pytest.mark.slow
PASSWORD_ENV = "MAINLINE_METADATA_PASSWORD"


@pytest.fixture(autouse=True)
def password(monkeypatch):
    monkeypatch.setenv(PASSWORD_ENV, PASSWORD)


@pytest.mark.parametrize("backend", sorted(STARTERS))
def test_a_run_ends_pushed_and_the_next_one_has_nothing_to_do(backend, tmp_path, capsys):
    # A quote in a path must reach ML Metadata, too.
    rows = harness.tiny_rows(tmp_path / "it's rows")
    (tmp_path / "server").mkdir()
    with STARTERS[backend](tmp_path / "server") as server:
        where = (f"data.path='{str(rows).replace(chr(39), 2 * chr(39))}'", *server.settings())
        first = harness.run_here(rows, tmp_path / "runs", *where)
        again = harness.run_here(rows, tmp_path / "runs", *where)
        assert (first.code, first.facts["status"]) == (0, "pushed"), first.facts["error"]
        assert (again.code, again.facts["status"]) == (0, "up to date"), again.facts["error"]
        assert [node for node, state in again.states().items() if state != "cached"] == ["Baseline"]
        assert Path(first.facts["report"]).is_file()
        capsys.readouterr()
        assert review(["list", "--root", str(tmp_path / "runs")]) == 0
        assert first.facts["run"] in capsys.readouterr().out


@pytest.mark.parametrize("backend", sorted(STARTERS))
def test_a_wrong_password_is_reported_before_any_node_runs(backend, tmp_path, monkeypatch):
    rows = harness.tiny_rows(tmp_path / "rows")
    (tmp_path / "server").mkdir()
    monkeypatch.setenv(PASSWORD_ENV, "wrong-horse")
    with STARTERS[backend](tmp_path / "server") as server:
        ended = harness.run_here(rows, tmp_path / "runs", *server.settings())
    assert ended.code == 2
    assert "the server refuses the user or the database" in ended.facts["error"]
    assert PASSWORD_ENV in ended.facts["error"]
    assert "horse" not in ended.facts["error"]


@pytest.mark.parametrize("backend", sorted(STARTERS))
def test_a_missing_server_is_reported(backend, tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.run.local.runner.STORE_PATIENCE_S", 1.0)
    rows, port = harness.tiny_rows(tmp_path / "rows"), free_port()
    where = (f"metadata.backend={backend}", f"metadata.port={port}", "metadata.user=mainline")
    ended = harness.run_here(rows, tmp_path / "runs", *where)
    assert ended.code == 1
    assert f"ML Metadata, {backend} at 127.0.0.1:{port}: no answer within 1 s" in ended.facts["error"]
    assert "refused" in ended.facts["error"]


@pytest.mark.parametrize("backend", sorted(STARTERS))
def test_a_server_killed_while_a_node_runs_is_reported(backend, tmp_path):
    rows = harness.tiny_rows(tmp_path / "rows")
    (tmp_path / "server").mkdir()
    with STARTERS[backend](tmp_path / "server") as server:
        command = harness.command(rows, tmp_path / "runs", *server.settings(), "training.epochs=4")
        running = harness.start(command)
        kill_once_training(running, server.pid)
        _, said = running.communicate(timeout=300)
    assert running.returncode == 1, said
    facts = harness.latest_facts(tmp_path / "runs")
    assert f"ML Metadata, {backend} at 127.0.0.1:{server.port}: no answer" in facts["error"]
    assert facts["model"] is None


def kill_once_training(running: "subprocess.Popen[str]", server: int) -> None:
    """Kill the server when Trainer starts."""
    assert running.stderr is not None
    next(line for line in running.stderr if "Trainer" in line and "running" in line)
    os.kill(server, signal.SIGKILL)
