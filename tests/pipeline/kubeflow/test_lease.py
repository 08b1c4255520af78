import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.errors import MainlineError
from pipeline.kubeflow.lease import acquire, holder, lease_of, leased, release

ROOT = Path(__file__).resolve().parents[3]
RACE = """
import sys
from pathlib import Path
from pipeline.errors import MainlineError
from pipeline.kubeflow.lease import acquire
try:
    acquire(Path(sys.argv[1]), sys.argv[2], 60.0)
    print("held")
except MainlineError:
    print("refused")
"""


def make_silent(root: Path, seconds: float) -> None:
    """As if nobody had renewed it for so long."""
    then_s = time.time() - seconds
    os.utime(lease_of(root), (then_s, then_s))


def test_another_run_is_kept_out_and_told_which_one_is_at_work(tmp_path):
    acquire(tmp_path, "one", 60.0)
    with pytest.raises(MainlineError, match="another run of this pipeline is at work") as caught:
        acquire(tmp_path, "two", 60.0)
    assert caught.value.received.startswith("one, last seen 0 s ago")


def test_the_same_run_renews_it(tmp_path):
    acquire(tmp_path, "one", 60.0)
    make_silent(tmp_path, 50.0)
    acquire(tmp_path, "one", 60.0)
    assert time.time() - lease_of(tmp_path).stat().st_mtime < 10


def test_one_that_nobody_renews_is_taken_over(tmp_path):
    acquire(tmp_path, "one", 60.0)
    make_silent(tmp_path, 61.0)
    acquire(tmp_path, "two", 60.0)
    assert holder(lease_of(tmp_path)) == "two"
    assert [path.name for path in tmp_path.iterdir()] == [".lease.json"]


def test_only_the_run_that_holds_it_gives_it_back(tmp_path):
    acquire(tmp_path, "one", 60.0)
    release(tmp_path, "two")
    assert holder(lease_of(tmp_path)) == "one"
    release(tmp_path, "one")
    assert holder(lease_of(tmp_path)) is None
    release(tmp_path, "one")


def test_it_outlives_a_pod_that_ends_or_fails(tmp_path):
    with leased(tmp_path, "one", 60.0):
        pass
    with pytest.raises(ValueError, match="broken"), leased(tmp_path, "one", 60.0):
        raise ValueError("broken")
    assert holder(lease_of(tmp_path)) == "one"


def test_a_pod_that_is_stopped_gives_it_back(tmp_path):
    with pytest.raises(KeyboardInterrupt), leased(tmp_path, "one", 60.0):
        raise KeyboardInterrupt
    assert holder(lease_of(tmp_path)) is None


def test_a_pod_at_work_renews_it(tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.kubeflow.lease.RENEW_S", 0.05)
    with leased(tmp_path, "one", 60.0):
        make_silent(tmp_path, 1000.0)
        end_s = time.monotonic() + 5
        while time.time() - lease_of(tmp_path).stat().st_mtime > 10:
            assert time.monotonic() < end_s
            time.sleep(0.02)


@pytest.mark.parametrize("stale", [False, True])
def test_of_several_runs_that_ask_at_once_one_gets_it(tmp_path, stale):
    if stale:
        acquire(tmp_path, "old", 60.0)
        make_silent(tmp_path, 100.0)
    command = [sys.executable, "-c", RACE, str(tmp_path)]
    pods = [
        subprocess.Popen([*command, f"run-{index}"], stdout=subprocess.PIPE, text=True, cwd=ROOT) for index in range(4)
    ]
    said = [pod.communicate()[0].strip() for pod in pods]
    assert sorted(said) == ["held", "refused", "refused", "refused"]
    assert json.loads(lease_of(tmp_path).read_text())["run"] == f"run-{said.index('held')}"
