"""A run killed in the middle of a node and started again: it continues, with consistent metadata and one push."""

import os
import signal
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import harness
import pytest

RUNNING = 2


def run_until(rows: Path, root: Path, sign: str, left: str = "") -> None:
    """Start a run and kill it with SIGKILL once it prints ``sign`` and a file below its artifacts matches a pattern."""
    process = harness.start(harness.command(rows, root, "training.epochs=40", "training.checkpoint_every_steps=5",
                                            "training.early_stopping_patience=40"))  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:
        if sign in line:
            break
    else:
        pytest.fail(f"never said {sign!r}")
    # ML Metadata gets to know the node a moment after it is printed; a fast node ends soon.
    wait_until(lambda: running(root))
    if left:
        wait_until(lambda: list((root / "census" / "artifacts").glob(left)), timeout_s=60.0)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()


def wait_until(what: Callable[[], object], timeout_s: float = 10.0) -> None:
    """Wait until a condition is true."""
    until_s = time.monotonic() + timeout_s
    while not what():
        assert time.monotonic() < until_s
        time.sleep(0.01)


def running(root: Path) -> int:
    """The executions that are unfinished in ML Metadata."""
    with sqlite3.connect(root / "census" / "metadata.db") as database:
        (count,) = database.execute("select count(*) from Execution where last_known_state = ?", (RUNNING,)).fetchone()
    return int(count)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_run_killed_in_every_long_node_completes(tmp_path):
    rows, root = harness.tiny_rows(tmp_path / "rows"), tmp_path / "runs"
    for node in ("ExampleGen", "StatisticsGen", "Transform"):
        run_until(rows, root, f"{node} running")
        assert running(root) == 1
    run_until(rows, root, "Trainer epoch", left="Trainer/resume/*/checkpoints/*.json")
    outcome = harness.run_here(rows, root, "training.epochs=40", "training.checkpoint_every_steps=5",
                               "training.early_stopping_patience=40")  # fmt: skip
    assert outcome.code == 0
    assert outcome.states()["Transform"] == "cached"
    assert running(root) == 0
    assert len(harness.versions(root)) == 1
    assert not list((root / "census" / "artifacts" / "Trainer" / "resume").glob("*"))


@pytest.mark.slow
def test_ctrl_c_and_sigterm_stop_a_run_cleanly(finished):
    process = harness.start([*harness.command(finished.rows, finished.root, "training.epochs=41")])
    assert process.stderr is not None
    for line in process.stderr:
        if "Trainer running" in line:
            break
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "interrupted" in out
