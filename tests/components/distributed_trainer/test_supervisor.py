"""The supervisor with real processes that run scripts instead of TensorFlow, which takes seconds, not minutes."""

import dataclasses
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest
from fakes.task_scripts import PRELUDE

from components.distributed_trainer.cluster import Cluster, Task
from components.distributed_trainer.health import TaskFailure, blame_order
from components.distributed_trainer.local_backend import LocalBackend, free_ports
from components.distributed_trainer.supervisor import Supervisor
from components.distributed_trainer.task_files import read_heartbeat
from components.support.failure import Failure, as_failure
from pipeline.errors import ConfigError, MainlineError

ROOT = Path(__file__).resolve().parents[3]
LAUNCHER = """
import sys, time
from pathlib import Path
from components.distributed_trainer.cluster import Cluster
from components.distributed_trainer.local_backend import LocalBackend
code = '''
import time
print(1, flush=True)
time.sleep(60)
'''
start = LocalBackend(lambda *_: [sys.executable, "-c", code]).start
print(*start(Cluster("multi_worker", workers=2), Path(sys.argv[1]), 0).pids.values(), flush=True)
time.sleep(60)
"""
TWO = Cluster("multi_worker", workers=2, max_restarts=2, startup_timeout_s=5.0, hang_timeout_s=1.5)


def supervisor(tmp_path, script, cluster=TWO, **backend) -> Supervisor:
    """Return a supervisor whose tasks run a script."""
    source = PRELUDE + textwrap.dedent(script)

    def command(folder, attempt, task):
        return [sys.executable, "-c", source, str(folder), str(attempt), task.name]

    return Supervisor(LocalBackend(command, **backend), cluster, tmp_path)


def children() -> list[psutil.Process]:
    return [child for child in psutil.Process().children(recursive=True) if child.status() != psutil.STATUS_ZOMBIE]


@pytest.fixture(autouse=True)
def no_orphans():
    before = {child.pid for child in children()}
    yield
    assert [child for child in children() if child.pid not in before] == []


def test_it_ends_once_the_chief_has_saved(tmp_path):
    watched = supervisor(tmp_path, "live(0.5)\nif task == 'worker-0': done()\nlive()")
    watched.run()
    assert watched.restarts == 0


@pytest.mark.parametrize("victim", ["worker-0", "worker-1"])
def test_all_tasks_restart_when_one_is_killed(tmp_path, victim, caplog):
    caplog.set_level(logging.INFO, "mainline.progress")
    watched = supervisor(
        tmp_path,
        f"""
        live(0.3)
        if attempt == 0 and task == '{victim}': os.kill(os.getpid(), 9)
        if attempt == 1 and task == 'worker-0': done()
        live()
        """,
    )
    watched.run()
    assert watched.restarts == 1
    assert {path.name for path in tmp_path.iterdir()} == {"0", "1"}
    assert {path.name for path in (tmp_path / "1").iterdir()} >= {"worker-0", "worker-1"}
    assert f"{victim} was killed by signal 9: restart 1 of 2" in caplog.messages
    assert "2 tasks: epoch 1/2" in caplog.messages


def test_a_stopped_process_counts_as_failed(tmp_path):
    script = "live(0.3)\nif attempt == 0 and task == 'worker-1': os.kill(os.getpid(), 19)\n"
    watched = supervisor(tmp_path, script + "live(0.3)\nif attempt and task == 'worker-0': done()\nlive()")
    started_s = time.monotonic()
    watched.run()
    assert watched.restarts == 1
    assert time.monotonic() - started_s < 15


@pytest.mark.parametrize("state", ["training", "validating"])
def test_a_stalled_worker_is_blamed_and_not_its_waiting_peers(tmp_path, caplog, state):
    caplog.set_level(logging.INFO, "mainline.progress")
    watched = supervisor(
        tmp_path,
        f"""
        live(0.3)
        if attempt and task == 'worker-0': done()
        stall({state!r}, in_runtime=task == 'worker-0', line='own.py:7 in slow')
        """,
    )
    watched.run()
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert re.fullmatch(
        rf"worker-1 has made no progress for \d s while {state} \(own.py:7 in slow\): restart 1 of 2", *told
    )


def test_a_waiting_worker_is_not_blamed_during_a_longer_phase_of_another(tmp_path):
    watched = supervisor(
        tmp_path,
        """
        live(0.3)
        stall('training' if task == 'worker-1' else 'exporting', in_runtime=task == 'worker-1', seconds=5)
        if task == 'worker-0': done()
        live()
        """,
    )
    watched.run()
    assert watched.restarts == 0


def test_the_timeout_covers_all_steps_of_one_execution(tmp_path):
    script = "live(0.3)\nstall('training', in_runtime=True, seconds=4)\ndone() if task == 'worker-0' else live()"
    watched = supervisor(tmp_path, script, dataclasses.replace(TWO, steps_per_execution=10))
    watched.run()
    assert watched.restarts == 0


class PausedClock:
    """A clock that jumps by an hour once, after two seconds."""

    sleep = staticmethod(time.sleep)

    def __init__(self) -> None:
        self.begun_s, self.slept_s = time.time(), 0.0

    def time(self):
        self.slept_s = 3600.0 * (time.time() - self.begun_s > 2.0)
        return time.time() + self.slept_s


def test_no_task_fails_because_the_machine_was_suspended(tmp_path, monkeypatch):
    clock = PausedClock()
    monkeypatch.setattr("components.distributed_trainer.supervisor.time", clock)
    script = """
    live(2.3)
    awake = time.time
    time.time = lambda: awake() + 3600.0
    live(2.0)
    if task == 'worker-0': done()
    live()
    """
    watched = supervisor(tmp_path, script)
    watched.run()
    assert (watched.restarts, clock.slept_s) == (0, 3600.0)


def test_a_process_stopped_before_a_suspension_fails_soon_after_it(tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.INFO, "mainline.progress")
    monkeypatch.setattr("components.distributed_trainer.supervisor.time", PausedClock())
    script = """
    live(1.9)
    if attempt == 0 and task == 'worker-1': os.kill(os.getpid(), 19)
    awake = time.time
    time.time = lambda: awake() + 3600.0
    live(0.6)
    if attempt and task == 'worker-0': done()
    live()
    """
    cluster = dataclasses.replace(TWO, startup_timeout_s=300.0)
    started_s = time.monotonic()
    supervisor(tmp_path, script, cluster).run()
    assert time.monotonic() - started_s < 20
    assert any(re.search(r"worker-1 sent no heartbeat for \d s: restart 1", message) for message in caplog.messages)


def test_when_all_tasks_stall_the_first_is_blamed(tmp_path):
    cluster = dataclasses.replace(TWO, max_restarts=0)
    script = "live(0.3)\nif task == 'worker-1': time.sleep(0.5)\nstall('training', in_runtime=True)"
    with pytest.raises(MainlineError) as caught:
        supervisor(tmp_path, script, cluster).run()
    assert re.search(
        r"worker-0: has made no progress for \d s while training, and so have all other tasks", str(caught.value)
    )


def test_a_peer_s_error_is_blamed_on_the_stopped_task(tmp_path, monkeypatch):
    monkeypatch.setattr("components.distributed_trainer.health.STALE_S", 1.0)
    watched = supervisor(
        tmp_path,
        """
        live(0.3)
        if task == 'worker-1': os.kill(os.getpid(), 19)
        live(2.0)
        fail('UnavailableError', 'UnavailableError: worker-1 is not healthy')
        """,
        dataclasses.replace(TWO, max_restarts=0, hang_timeout_s=20.0),
    )
    with pytest.raises(MainlineError, match="Trainer, worker-1: sent no heartbeat for"):
        watched.run()


@pytest.mark.parametrize("state", ["serving", "running"])
def test_a_serving_task_may_make_no_progress(tmp_path, state):
    script = f"live(0.3)\nstall({state!r}, in_runtime=True, seconds=4)\ndone() if task == 'worker-0' else live()"
    watched = supervisor(tmp_path, script)
    watched.run()
    assert watched.restarts == 0


def test_a_worker_that_never_starts_is_named(tmp_path):
    cluster = Cluster("multi_worker", workers=2, max_restarts=0, startup_timeout_s=1.0)
    with pytest.raises(MainlineError) as caught:
        supervisor(tmp_path, "live() if task == 'worker-0' else time.sleep(60)", cluster).run()
    assert str(caught.value).startswith("Trainer, worker-1: did not start within 1 s")


def test_the_cause_is_reported_after_the_last_restart(tmp_path):
    watched = supervisor(
        tmp_path,
        """
        live(0.3)
        if task == 'worker-1': fail('ResourceExhaustedError', 'ResourceExhaustedError: out of memory')
        live(0.5)
        fail('UnavailableError', 'UnavailableError: connection reset by peer')
        """,
    )
    with pytest.raises(MainlineError) as caught:
        watched.run()
    first, *_ = str(caught.value).splitlines()
    assert first == "Trainer, worker-1: ResourceExhaustedError: out of memory"
    assert "after 2 restarts" in caught.value.received
    assert watched.restarts == 2


def test_our_own_error_is_raised_without_a_restart(tmp_path):
    watched = supervisor(tmp_path, "beat()\nfail('ConfigError', 'batch_size is smaller than workers')")
    with pytest.raises(ConfigError, match="Trainer") as caught:
        watched.run()
    assert (watched.restarts, caught.value.exit_code) == (0, 2)
    assert caught.value.problem == "batch_size is smaller than workers"


def test_a_chief_that_ends_without_a_model_has_failed(tmp_path):
    cluster = Cluster("multi_worker", workers=2, max_restarts=0)
    with pytest.raises(MainlineError, match="Trainer, worker-0"):
        supervisor(tmp_path, "beat()\nif task == 'worker-1': live()", cluster).run()


def test_under_a_chief_only_the_failed_worker_restarts(tmp_path, caplog):
    caplog.set_level(logging.INFO, "mainline.progress")
    cluster = Cluster("parameter_server", workers=2, hang_timeout_s=2.0)
    watched = supervisor(
        tmp_path,
        """
        beat()
        flag = folder / 'died'
        if task == 'worker-1' and not flag.exists():
            flag.touch()
            sys.exit(3)
        live(2.0)
        if task == 'chief-0': done()
        live()
        """,
        cluster,
    )
    watched.run()
    assert watched.restarts == 1
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["0"]
    assert "worker-1 ended with exit code 3: restarted, the other tasks go on" in caplog.messages


def test_a_failed_parameter_server_restarts_all(tmp_path):
    cluster = Cluster("parameter_server", workers=1, hang_timeout_s=2.0)
    watched = supervisor(
        tmp_path,
        """
        live(0.3)
        if task == 'ps-0' and attempt == 0: os.kill(os.getpid(), 9)
        if task == 'chief-0' and attempt == 1: done()
        live()
        """,
        cluster,
    )
    watched.run()
    assert {path.name for path in tmp_path.iterdir()} == {"0", "1"}


def test_a_port_in_use_is_replaced_at_the_next_start(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        first = [taken.getsockname()[1], *free_ports(1)]
        offers = iter([first, free_ports(2)])
        watched = supervisor(
            tmp_path,
            """
            import socket
            config = json.loads(os.environ['TF_CONFIG'])
            host, port = config['cluster']['worker'][config['task']['index']].split(':')
            beat()
            try:
                socket.create_server((host, int(port)))
            except OSError as error:
                fail('UnknownError', str(error))
            live(0.3)
            done() if task == 'worker-0' else live()
            """,
            ports=lambda count: next(offers),
        )
        watched.run()
    assert watched.restarts == 1


def test_ctrl_c_stops_all(tmp_path):
    watched = supervisor(tmp_path, "live()")
    signal.signal(signal.SIGALRM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    signal.setitimer(signal.ITIMER_REAL, 1.0)
    with pytest.raises(KeyboardInterrupt):
        watched.run()


def test_tasks_die_with_a_launcher_that_is_killed(tmp_path):
    launcher = subprocess.Popen(
        [sys.executable, "-c", LAUNCHER, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert launcher.stdout is not None
    pids = [int(pid) for pid in launcher.stdout.readline().split()]
    for _ in pids:
        launcher.stdout.readline()
    launcher.kill()
    launcher.wait()
    _, alive = psutil.wait_procs([psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)], timeout=10)
    assert (len(pids), alive) == (2, [])


def test_output_of_tasks_is_prefixed_with_their_name(tmp_path, capfd):
    supervisor(tmp_path, "print('hello', flush=True)\nlive(0.3)\ndone() if task == 'worker-0' else live()").run()
    out = capfd.readouterr().out
    assert "[worker-0] hello\n" in out
    assert "[worker-1] hello\n" in out


def test_blame_order_is_our_errors_then_unexplained_deaths_then_the_earliest():
    ours = TaskFailure(Task("worker", 0), "", as_failure(ConfigError("key", "wrong")))
    silent = TaskFailure(Task("worker", 1), "was killed by signal 9")
    early, late = (TaskFailure(Task("worker", 2), "", Failure(at_s, "UnavailableError", "", "")) for at_s in (1.0, 2.0))
    assert sorted([late, early, silent, ours], key=blame_order) == [ours, silent, early, late]


def test_a_missing_heartbeat_is_none(tmp_path):
    assert read_heartbeat(tmp_path) is None
