"""Measuring a process: its seconds, the memory of it and of its children, and how it ended."""

import sys

import pytest

from benchmarks.fresh import Measured, Usage, check_equal_rows, check_near_metrics, median_of, run_fresh, take_turns
from pipeline.errors import MainlineError

# Two children that hold 60 MB each at the same time, and a parent that waits for both.
FAMILY = """
import subprocess, sys, time
code = "held = b'x' * 60_000_000; import time; time.sleep(1.5)"
for child in [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]:
    child.wait()
"""


def run_of(side, seconds, rows=10, auc=0.75, nodes=("Trainer",)):
    usage = Usage(seconds + 5, seconds, 100 * seconds)
    return Measured(side, usage, seconds, dict.fromkeys(nodes, seconds), {"train": rows}, {"auc": auc})


def test_the_seconds_are_those_of_the_process(tmp_path):
    usage = run_fresh([sys.executable, "-c", "import time; time.sleep(0.5)"], tmp_path / "log")
    assert 0.5 <= usage.wall_s < 5
    assert usage.cpu_s < usage.wall_s


def test_memory_is_of_all_processes_together(tmp_path):
    assert 120 < run_fresh([sys.executable, "-c", FAMILY], tmp_path / "log").peak_mb < 400


def test_a_peak_that_has_passed_is_seen(tmp_path):
    code = "held = b'x' * 150_000_000; del held; import time; time.sleep(1)"
    assert 150 < run_fresh([sys.executable, "-c", code], tmp_path / "log").peak_mb < 250


def test_what_the_measuring_process_holds_is_not_counted(tmp_path):
    held = b"x" * 300_000_000
    usage = run_fresh([sys.executable, "-c", "import time; time.sleep(1)"], tmp_path / "log")
    assert 1 < usage.peak_mb < len(held) / 1e6 / 2


def test_a_failure_says_what_the_process_said(tmp_path):
    with pytest.raises(MainlineError, match="ended with 3") as caught:
        run_fresh([sys.executable, "-c", "print('the reason'); raise SystemExit(3)"], tmp_path / "log")
    assert "the reason" in caught.value.received


def test_medians_are_of_one_side_and_of_nodes_that_every_run_has():
    runs = [run_of("ours", 1), run_of("ours", 9, nodes=("Trainer", "Tuner")), run_of("ours", 2), run_of("stock", 50)]
    found = median_of(runs, "ours")
    assert (found["Trainer"], found["all nodes"], found["whole process"]) == (2, 2, 7)
    assert "Tuner" not in found


def test_each_side_is_first_as_often():
    turns = list(take_turns(("a", "b"), 4))
    assert turns[::2].count("a") == turns[::2].count("b") == 2


def test_other_rows_are_refused():
    check_equal_rows([run_of("ours", 1), run_of("stock", 1)])
    with pytest.raises(MainlineError, match="rows"):
        check_equal_rows([run_of("ours", 1), run_of("stock", 1, rows=11)])


def test_metrics_that_are_apart_are_refused():
    runs = [run_of("ours", 1), run_of("stock", 1, auc=0.7)]
    assert check_near_metrics(runs, 0.06) == {"auc": pytest.approx(0.05)}
    with pytest.raises(MainlineError, match="do not agree"):
        check_near_metrics(runs, 0.04)
