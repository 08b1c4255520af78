import json
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from pipeline.errors import MainlineError
from pipeline.run.local.lease import (
    STOPPED_EXPIRY_S,
    acquire,
    hold_briefly,
    hold_lease,
    holder,
    lease_file,
    read_lease,
    release,
    remove_expired,
    this_machine,
)

ROOT = Path(__file__).resolve().parents[4]
RACE = """
import sys
from pathlib import Path
from pipeline.errors import MainlineError
from pipeline.run.local.lease import acquire
try:
    acquire(Path(sys.argv[1]), sys.argv[2], 60.0)
    print("held")
except MainlineError:
    print("refused")
"""


def make_silent(root: Path, seconds: float) -> None:
    """Set the time of the lease back, as if it had not been renewed."""
    then_s = time.time() - seconds
    os.utime(lease_file(root), (then_s, then_s))


def test_another_run_is_refused_and_the_active_one_is_named(tmp_path):
    acquire(tmp_path, "one", 60.0)
    with pytest.raises(MainlineError, match="in use by one") as caught:
        acquire(tmp_path, "two", 60.0)
    assert re.fullmatch(r"one, since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00, last seen 0 s ago", caught.value.received)


def test_brief_work_keeps_runs_away_and_leaves_nothing(tmp_path):
    with hold_briefly(tmp_path, "rollback"), pytest.raises(MainlineError, match="in use by") as caught:
        acquire(tmp_path, "one", 3600.0)
    assert str(caught.value).startswith(f"{tmp_path}: in use by rollback on ")
    assert re.match(r"rollback on .+, boot [0-9a-f]{8}, since ", caught.value.received)
    assert holder(tmp_path) is None
    assert list(tmp_path.glob(".lease*")) == []


def test_the_same_brief_work_does_not_enter_twice(tmp_path):
    with hold_briefly(tmp_path, "rollback"):
        with pytest.raises(MainlineError, match="another run is active here"), hold_briefly(tmp_path, "rollback"):
            pass
        assert holder(tmp_path) is not None


def test_brief_work_on_another_machine_with_this_host_name_is_refused(tmp_path, monkeypatch):
    with hold_briefly(tmp_path, "rollback"):
        # As on a volume whose file locks do not reach other machines.
        (tmp_path / ".lock").unlink()
        other = tmp_path / "boot_id"
        other.write_text("0" * 36)
        monkeypatch.setattr("pipeline.run.local.lease.BOOT_ID", other)
        with pytest.raises(MainlineError, match="in use by"), hold_briefly(tmp_path, "rollback"):
            pass
        with pytest.raises(MainlineError, match="in use by"):
            acquire(tmp_path, "one", 3600.0)


@pytest.fixture
def killed(tmp_path):
    """Brief work of another process of this machine, which was killed."""
    code = (
        "import sys, time; from pathlib import Path; from pipeline.run.local.lease import hold_briefly\n"
        "with hold_briefly(Path(sys.argv[1]), 'rollback'): print('up', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        process.kill()


def test_brief_work_that_was_killed_delays_runs_for_minutes(tmp_path, killed):
    with pytest.raises(MainlineError, match="in use by"):
        acquire(tmp_path, "one", 3600.0)
    make_silent(tmp_path, STOPPED_EXPIRY_S + 1)
    acquire(tmp_path, "one", 3600.0)
    assert holder(tmp_path) == "one"


def test_brief_work_that_was_killed_does_not_delay_itself(tmp_path, killed):
    with hold_briefly(tmp_path, "rollback"):
        pass
    assert holder(tmp_path) is None


def test_without_a_boot_id_brief_work_that_was_killed_delays_itself_too(tmp_path, killed, monkeypatch):
    monkeypatch.setattr("pipeline.run.local.lease.BOOT_ID", tmp_path / "none")
    with pytest.raises(MainlineError, match="in use by"), hold_briefly(tmp_path, "rollback"):
        pass
    make_silent(tmp_path, STOPPED_EXPIRY_S + 1)
    with hold_briefly(tmp_path, "rollback"):
        pass


def test_brief_work_waits_as_long_as_the_run_said(tmp_path):
    acquire(tmp_path, "one", 7200.0)
    make_silent(tmp_path, 7000.0)
    with pytest.raises(MainlineError, match="in use by"), hold_briefly(tmp_path, "rollback"):
        pass
    make_silent(tmp_path, 7201.0)
    with hold_briefly(tmp_path, "rollback"):
        assert holder(tmp_path) == f"rollback on {this_machine()}"


EXPIRY = {
    "of this run": (7200.0, 60.0, "60 s after it was last seen (kubeflow.lease_timeout_s)."),
    "of both": (60.0, 60.0, "60 s after it was last seen (kubeflow.lease_timeout_s)."),
    "of the other": (60.0, 3600.0, "60 s after it was last seen."),
}


@pytest.mark.parametrize(("theirs_s", "mine_s", "words"), EXPIRY.values(), ids=EXPIRY)
def test_the_setting_is_named_only_if_the_expiry_is_its_value(tmp_path, theirs_s, mine_s, words):
    acquire(tmp_path, "one", theirs_s)
    with pytest.raises(MainlineError) as caught:
        acquire(tmp_path, "two", mine_s)
    assert caught.value.next_step == f"Wait until it ends. If it was killed, its lease expires {words}"


def test_no_setting_is_named_to_or_about_brief_work(tmp_path):
    about = "Wait until it ends. If it was killed, its lease expires 300 s after it was last seen."
    with hold_briefly(tmp_path, "rollback"), pytest.raises(MainlineError) as caught:
        acquire(tmp_path, "one", 3600.0)
    assert caught.value.next_step == about
    acquire(tmp_path, "rollback elsewhere", STOPPED_EXPIRY_S, is_setting=False)
    with pytest.raises(MainlineError) as caught, hold_briefly(tmp_path, "rollback"):
        pass
    assert caught.value.next_step == about
    lease_file(tmp_path).write_text("")
    with pytest.raises(MainlineError) as caught, hold_briefly(tmp_path, "rollback"):
        pass
    assert caught.value.next_step == about.replace("300 s", "3600 s")


def test_the_same_run_renews_the_lease(tmp_path):
    acquire(tmp_path, "one", 60.0)
    make_silent(tmp_path, 50.0)
    acquire(tmp_path, "one", 60.0)
    assert time.time() - lease_file(tmp_path).stat().st_mtime < 10


def test_an_expired_lease_is_taken_over(tmp_path):
    acquire(tmp_path, "one", 60.0)
    make_silent(tmp_path, 61.0)
    acquire(tmp_path, "two", 60.0)
    assert holder(tmp_path) == "two"
    assert [path.name for path in tmp_path.iterdir()] == [".lease.json"]


def test_only_its_run_releases_a_lease(tmp_path):
    acquire(tmp_path, "one", 60.0)
    release(tmp_path, "two")
    assert holder(tmp_path) == "one"
    release(tmp_path, "one")
    assert holder(tmp_path) is None
    release(tmp_path, "one")


def test_the_lease_survives_a_pod_that_ends_or_fails(tmp_path):
    with hold_lease(tmp_path, "one", 60.0):
        pass
    with pytest.raises(ValueError, match="broken"), hold_lease(tmp_path, "one", 60.0):
        raise ValueError("broken")
    assert holder(tmp_path) == "one"


def stopped(root: Path, run: str) -> None:
    """Interrupt a pod of a run."""
    with pytest.raises(KeyboardInterrupt), hold_lease(root, run, 3600.0):
        raise KeyboardInterrupt


def test_the_lease_of_a_stopped_pod_expires_in_minutes(tmp_path):
    stopped(tmp_path, "one")
    with pytest.raises(MainlineError, match="in use by"):
        acquire(tmp_path, "two", 3600.0)
    found = read_lease(tmp_path)
    assert found is not None
    assert 3600.0 - found.age_s == pytest.approx(STOPPED_EXPIRY_S, abs=5.0)
    make_silent(tmp_path, found.age_s + STOPPED_EXPIRY_S + 1)
    acquire(tmp_path, "two", 3600.0)


def test_a_stopped_pod_leaves_the_lease_to_others_of_its_run(tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.run.local.lease.RENEW_S", 0.05)
    with hold_lease(tmp_path, "one", 3600.0):
        stopped(tmp_path, "one")
        wait_until(lambda: (found := read_lease(tmp_path)) is not None and found.age_s < 10)


def test_a_working_pod_renews_the_lease(tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.run.local.lease.RENEW_S", 0.05)
    with hold_lease(tmp_path, "one", 60.0):
        make_silent(tmp_path, 1000.0)
        wait_until(lambda: time.time() - lease_file(tmp_path).stat().st_mtime < 10)


def wait_until(what) -> None:
    end_s = time.monotonic() + 5
    while not what():
        assert time.monotonic() < end_s
        time.sleep(0.02)


def test_a_pod_that_loses_its_lease_is_told_and_stops_renewing(tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.run.local.lease.RENEW_S", 0.05)
    lost = threading.Event()
    with hold_lease(tmp_path, "one", 60.0, on_lost=lost.set):
        lease_file(tmp_path).write_text('{"run": "two"}')
        make_silent(tmp_path, 30.0)
        assert lost.wait(5)
        time.sleep(0.2)
        assert time.time() - lease_file(tmp_path).stat().st_mtime > 25


def test_a_pod_that_has_lost_its_lease_ends_cleanly(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; import pipeline.run.local.lease as lease\n"
        "from pipeline.kubeflow.pod.process import running_pod\n"
        "lease.RENEW_S = 0.05\n"
        "with running_pod('Trainer') as status:\n"
        "    with lease.hold_lease(Path(sys.argv[1]), 'one', 60.0): print('up', flush=True); time.sleep(60)\n"
        "sys.exit(status.exit_code)"
    )
    pod = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert pod.stdout is not None
    assert pod.stdout.readline() == "up\n"
    lease_file(tmp_path).write_text('{"run": "two"}')
    assert pod.wait(10) == 1
    assert holder(tmp_path) == "two"


def test_an_incomplete_lease_expires_like_any_other(tmp_path):
    lease_file(tmp_path).write_text("")
    with pytest.raises(MainlineError, match="in use by") as caught:
        acquire(tmp_path, "one", 60.0)
    assert str(caught.value).startswith(f"{tmp_path}: in use by an unknown run")
    assert caught.value.received.startswith("unknown")
    make_silent(tmp_path, 61.0)
    acquire(tmp_path, "one", 60.0)
    assert holder(tmp_path) == "one"


@pytest.mark.parametrize("renewed", [False, True])
def test_a_lease_that_was_renewed_or_replaced_is_not_removed(tmp_path, renewed):
    acquire(tmp_path, "old", 60.0)
    make_silent(tmp_path, 100.0)
    judged = read_lease(tmp_path)
    assert judged is not None
    # In the meantime its run renews it, or another run replaces it.
    if renewed:
        acquire(tmp_path, "old", 60.0)
    else:
        acquire(tmp_path, "quicker", 60.0)
    remove_expired(tmp_path, judged)
    assert holder(tmp_path) == ("old" if renewed else "quicker")
    assert [path.name for path in tmp_path.iterdir()] == [".lease.json"]


@pytest.mark.parametrize("stale", [False, True])
def test_one_of_several_simultaneous_runs_gets_the_lease(tmp_path, stale):
    if stale:
        acquire(tmp_path, "old", 60.0)
        make_silent(tmp_path, 100.0)
    command = [sys.executable, "-c", RACE, str(tmp_path)]
    pods = [
        subprocess.Popen([*command, f"run-{index}"], stdout=subprocess.PIPE, text=True, cwd=ROOT) for index in range(4)
    ]
    said = [pod.communicate()[0].strip() for pod in pods]
    assert sorted(said) == ["held", "refused", "refused", "refused"]
    assert json.loads(lease_file(tmp_path).read_text())["run"] == f"run-{said.index('held')}"
