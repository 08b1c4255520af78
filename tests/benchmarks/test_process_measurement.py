"""Wall time, memory and failure of a measured process and its children."""

import sys

import pytest

from benchmarks.measurement.process import run_fresh
from pipeline.errors import MainlineError

# Two children that hold 60 MB each at the same time, and a parent that waits for both.
FAMILY = """
import subprocess, sys, time
code = "held = b'x' * 60_000_000; import time; time.sleep(1.5)"
for child in [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]:
    child.wait()
"""


def test_seconds_are_those_of_the_process(tmp_path):
    usage = run_fresh([sys.executable, "-c", "import time; time.sleep(0.5)"], tmp_path / "log")
    assert 0.5 <= usage.wall_s < 5
    assert usage.cpu_s < usage.wall_s


def test_memory_is_the_sum_of_all_processes(tmp_path):
    assert 120 < run_fresh([sys.executable, "-c", FAMILY], tmp_path / "log").peak_mb < 400


def test_an_earlier_peak_is_counted(tmp_path):
    code = "held = b'x' * 150_000_000; del held; import time; time.sleep(1)"
    assert 150 < run_fresh([sys.executable, "-c", code], tmp_path / "log").peak_mb < 250


def test_memory_of_the_measuring_process_is_not_counted(tmp_path):
    held = b"x" * 300_000_000
    usage = run_fresh([sys.executable, "-c", "import time; time.sleep(1)"], tmp_path / "log")
    assert 1 < usage.peak_mb < len(held) / 1e6 / 2


def test_a_failure_contains_the_output_of_the_process(tmp_path):
    with pytest.raises(MainlineError, match="ended with 3") as caught:
        run_fresh([sys.executable, "-c", "print('the reason'); raise SystemExit(3)"], tmp_path / "log")
    assert "the reason" in caught.value.received
