"""Trainings on a cluster: an API that enforces schemas and a role, and a real process for every worker's container."""

import dataclasses
import json
import logging
import os
import re
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import pytest
from fakes.kubeflow.api_objects import NAMESPACE
from fakes.kubeflow.kubernetes_api import FakeCluster, Fault, until
from fakes.task_scripts import IN_A_POD, PRELUDE

from components.distributed_trainer.cluster import Cluster
from components.distributed_trainer.executor import make_backend
from components.distributed_trainer.kubernetes.api import Api, connect
from components.distributed_trainer.kubernetes.backend import KubernetesBackend, Timeouts, make_kubernetes_backend
from components.distributed_trainer.kubernetes.worker_pod import WorkerPod
from components.distributed_trainer.supervisor import Supervisor
from pipeline.errors import ConfigError, MainlineError

ROOT = Path(__file__).resolve().parents[4]
TWO = Cluster("multi_worker", workers=2, max_restarts=2, startup_timeout_s=20.0, hang_timeout_s=10.0)
QUICK = Timeouts(poll_s=0.1, stuck_s=0.5, outage_s=3.0, stop_s=10.0)
# A launcher in a process of its own, as the pod of a node runs it: SIGTERM ends it as Ctrl-C does.
LAUNCHER = """
import logging, os, signal, sys
from pathlib import Path
from components.distributed_trainer.cluster import Cluster
from components.distributed_trainer.kubernetes.backend import KubernetesBackend, own_pod
from components.distributed_trainer.kubernetes.api import Api, connect
from components.distributed_trainer.supervisor import Supervisor
from components.distributed_trainer.kubernetes.worker_pod import WorkerPod
signal.signal(signal.SIGTERM, signal.default_int_handler)
logging.basicConfig(level=logging.INFO, stream=sys.stdout, force=True)
folder, source = Path(sys.argv[1]), sys.argv[2]
api = Api(connect(), os.environ["MAINLINE_NAMESPACE"])
pod = own_pod(api, os.environ["MAINLINE_POD_NAME"], os.environ["MAINLINE_POD_UID"])
backend = KubernetesBackend(api, pod, WorkerPod(), lambda *told: [sys.executable, "-c", source, *map(str, told)])
Supervisor(backend, Cluster("multi_worker", workers=2, hang_timeout_s=10.0), folder).run()
"""
# Each worker says that it lives; the first ends well when the test allows it.
LONG = """
(own / "pids").open("a").write(f"{os.getpid()}\\n")
print("up", flush=True)
while not (folder / "go").exists():
    beat("epoch 1/2")
    time.sleep(0.05)
with (folder / "saved").open("a") as file: file.write("once\\n") if task == "worker-0" else None
done() if task == "worker-0" else live()
"""


@pytest.fixture
def world(tmp_path):
    with FakeCluster(tmp_path / "cluster") as world:
        yield world


@pytest.fixture
def folder(world):
    made = world.volume / "model" / "7" / "cluster"
    made.mkdir(parents=True)
    return made


@pytest.fixture
def backend(world, monkeypatch):
    """Return a backend whose tasks run a script."""

    monkeypatch.setenv("KUBECONFIG", str(world.kubeconfig))

    def make(script="live()", pod=None, timeouts=QUICK, **api) -> KubernetesBackend:
        def command(folder, attempt) -> list[str]:
            return [sys.executable, "-c", source(script), str(folder), str(attempt)]

        reached = Api(connect(), NAMESPACE, **api)
        return KubernetesBackend(reached, pod or world.launcher(), WorkerPod(), command, timeouts)

    return make


def source(script) -> str:
    return IN_A_POD + PRELUDE + textwrap.dedent(script)


def nothing_is_left(world) -> bool:
    """Whether no job, service, worker or process is left."""
    return not (world.objects("jobs") or world.objects("services") or world.workers() or world.pids())


def test_it_ends_once_the_chief_has_saved_and_deletes_everything(world, folder, backend, capfd):
    Supervisor(backend("print(task, 'here', flush=True)\nlive(0.5)\ndone() if task == 'worker-0' else live()"), TWO,
               folder).run()  # fmt: skip
    assert nothing_is_left(world)
    assert {path.name for path in (folder / "0").iterdir()} >= {"worker-0", "worker-1", "chief.json"}
    out = capfd.readouterr().out
    assert "[worker-0] worker-0 here\n" in out
    assert "[worker-1] worker-1 here\n" in out
    made = [(verb, kind) for verb, kind, _ in world.asked if verb == "create"]
    assert made == [("create", "services"), ("create", "jobs")]


def test_workers_reach_each_other_by_the_names_of_the_service(world, folder, backend):
    script = """
    import socket
    from components.distributed_trainer.kubernetes.pod_entrypoint import read_addresses, own_task
    places = {other.name: address.split(':') for other, address in read_addresses(os.environ).items()}
    host, port = places[task]
    listening = socket.create_server((host, int(port)))
    beat()
    peer_host, peer_port = places['worker-1' if task == 'worker-0' else 'worker-0']
    for _ in range(200):
        try:
            socket.create_connection((peer_host, int(peer_port))).close()
            break
        except OSError:
            time.sleep(0.05)
    else:
        fail('OSError', 'no peer')
    assert 'KFP_POD_NAME' not in os.environ and os.environ['MAINLINE_METADATA_PASSWORD'] == 'secret'
    live(0.5)
    done() if task == 'worker-0' else live()
    """
    Supervisor(backend(script), TWO, folder).run()
    assert [path.name for path in folder.iterdir()] == ["0"]


@pytest.mark.parametrize("victim", ["worker-0", "worker-1"])
def test_a_killed_worker_causes_a_new_job(world, folder, backend, victim, caplog):
    caplog.set_level(logging.INFO, "mainline.progress")
    script = f"""
    live(0.3)
    if attempt == 0 and task == '{victim}': os.kill(os.getpid(), 9)
    if attempt == 1 and task == 'worker-0': done()
    live()
    """
    watched = Supervisor(backend(script), TWO, folder)
    watched.run()
    assert watched.restarts == 1
    assert f"{victim} was killed by signal 9: restart 1 of 2" in caplog.messages
    assert nothing_is_left(world)


def test_a_stalled_worker_is_named_and_causes_a_new_job(world, folder, backend, caplog):
    caplog.set_level(logging.INFO, "mainline.progress")
    script = """
    live(0.3)
    if attempt == 1 and task == 'worker-0': done()
    stall('training', in_runtime=task == 'worker-0', line='own.py:7 in slow') if attempt == 0 else live()
    """
    Supervisor(backend(script), dataclasses.replace(TWO, hang_timeout_s=2.0), folder).run()
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert re.fullmatch(
        r"worker-1 has made no progress for \d s while training \(own.py:7 in slow\): restart 1 of 2", *told
    )
    assert [name for verb, kind, name in world.asked if (verb, kind) == ("create", "jobs")] != []
    assert nothing_is_left(world)


def test_a_library_error_is_raised_after_all_restarts(world, folder, backend):
    script = "beat()\nlive(0.2)\nfail('RuntimeError', 'RuntimeError: no') if task == 'worker-1' else live()"
    with pytest.raises(MainlineError) as caught:
        Supervisor(backend(script), TWO, folder).run()
    assert str(caught.value).startswith("Trainer, worker-1: RuntimeError: no")
    assert "ended with exit code 1, after 2 restarts" in caught.value.received
    assert nothing_is_left(world)


def test_our_own_error_is_raised_at_once(world, folder, backend):
    script = "beat()\nfail('ConfigError', 'wrong key') if task == 'worker-1' else live()"
    with pytest.raises(ConfigError, match="wrong key"):
        Supervisor(backend(script), TWO, folder).run()
    assert [path.name for path in folder.iterdir()] == ["0"]
    assert nothing_is_left(world)


@pytest.mark.parametrize("labels_index", [True, False])
def test_an_evicted_pod_has_failed_with_its_reason(world, folder, backend, labels_index):
    world.cluster.labels_index = labels_index
    running = backend().start(TWO, folder, 0)
    try:
        until(lambda: len(world.pids()) == 2)
        world.cluster.evict(world.workers()[1])
        codes = until(lambda: any(found := running.exit_codes().values()) and dict(zip(TWO.tasks, found, strict=True)))
        assert {task.name: code for task, code in codes.items()} == {"worker-0": None, "worker-1": -9}
        assert running.reason(TWO.tasks[1]) == "Evicted: The node was low on memory."
    finally:
        running.cancel()


def test_a_deleted_pod_has_failed(world, folder, backend):
    script = """
    if attempt == 0 and task == 'worker-1': (folder / 'up').touch()
    if attempt == 1 and task == 'worker-0': done()
    live()
    """
    alarm_when(lambda: (folder / "up").exists(), lambda: world.cluster.delete(find(world, 1)))
    watched = Supervisor(backend(script), TWO, folder)
    watched.run()
    assert watched.restarts == 1


def find(world, index):
    """Return the cluster's own object of a pod, not a copy."""
    return world.cluster.get("Pod", world.workers()[index]["metadata"]["name"])


def alarm_when(is_due, act) -> None:
    """Interrupt this thread to do something as soon as a condition holds."""

    def look(*_) -> None:
        if is_due():
            signal.setitimer(signal.ITIMER_REAL, 0)
            act()

    signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1)


@pytest.fixture(autouse=True)
def no_alarm_is_left():
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)


def test_an_image_that_cannot_be_pulled_ends_the_training(world, folder, backend):
    world.cluster.missing_images.add("registry.test/mainline@sha256:0")
    with pytest.raises(MainlineError) as caught:
        Supervisor(backend(), TWO, folder).run()
    assert str(caught.value).startswith("Trainer, worker-0: its pod cannot start\n")
    assert caught.value.received == "ErrImagePull: registry.test/mainline@sha256:0: not found"
    assert nothing_is_left(world)


def test_a_pod_that_does_not_start_in_time_is_explained(world, folder, backend):
    world.cluster.missing_images.add("registry.test/mainline@sha256:0")
    made = backend(timeouts=Timeouts(poll_s=0.1, stuck_s=60.0, stop_s=10.0))
    with pytest.raises(MainlineError) as caught:
        Supervisor(made, Cluster("multi_worker", workers=2, max_restarts=0, startup_timeout_s=1.0), folder).run()
    assert caught.value.problem.startswith("did not start within 1 s, ErrImagePull: ")


def test_ctrl_c_deletes_all(world, folder, backend):
    def interrupt() -> None:
        raise KeyboardInterrupt

    alarm_when(lambda: len(world.pids()) == 2, interrupt)
    with pytest.raises(KeyboardInterrupt):
        Supervisor(backend(), TWO, folder).run()
    assert nothing_is_left(world)


def test_cancelling_twice_is_harmless(world, folder, backend):
    running = backend().start(TWO, folder, 0)
    running.cancel()
    running.cancel()
    assert nothing_is_left(world)


def test_under_a_chief_only_the_failed_worker_restarts(world, folder, backend, caplog):
    caplog.set_level(logging.INFO, "mainline.progress")
    cluster = Cluster("parameter_server", workers=2, hang_timeout_s=10.0)
    script = """
    (own / 'pids').open('a').write(f'{os.getpid()}\\n')
    beat()
    flag = folder / 'died'
    if task == 'worker-1' and not flag.exists():
        flag.touch()
        sys.exit(3)
    if task == 'chief-0':
        while len((own.parent / 'worker-1' / 'pids').read_text().split()) < 2 if flag.exists() else True: live(0.1)
        live(0.5)
        done()
    live()
    """
    watched = Supervisor(backend(script), cluster, folder)
    watched.run()
    assert watched.restarts == 1
    assert "worker-1 ended with exit code 3: restarted, the other tasks go on" in caplog.messages
    pids = {path.parent.name: len(path.read_text().split()) for path in folder.glob("0/*/pids")}
    assert pids == {"chief-0": 1, "worker-0": 1, "worker-1": 2, "ps-0": 1}
    assert nothing_is_left(world)


def test_under_a_chief_a_hanging_worker_is_replaced(world, folder, backend, caplog):
    caplog.set_level(logging.INFO, "mainline.progress")
    cluster = Cluster("parameter_server", workers=1, hang_timeout_s=1.5)
    script = """
    flag = folder / 'stopped'
    live(0.3)
    if task == 'worker-0':
        if not flag.exists():
            flag.touch()
            os.kill(os.getpid(), 19)
        (folder / 'again').touch()
    if task == 'chief-0':
        while not (folder / 'again').exists(): live(0.1)
        done()
    live()
    """
    watched = Supervisor(backend(script), cluster, folder)
    watched.run()
    assert watched.restarts == 1
    assert any("worker-0 sent no heartbeat" in message for message in caplog.messages)


def test_a_log_with_a_broken_connection_is_copied_completely_and_once(world, folder, backend, capfd):
    world.cut_log_after = 3
    script = "for n in range(8): print('line', n, flush=True)\nlive(2.5)\ndone() if task == 'worker-0' else live()"
    Supervisor(backend(script), TWO, folder).run()
    out = capfd.readouterr().out.splitlines()
    for task in ("worker-0", "worker-1"):
        assert [line for line in out if line.startswith(f"[{task}]")] == [f"[{task}] line {n}" for n in range(8)]
    assert world.cut_log_after is None


@pytest.mark.parametrize("status", [0, 429, 500, 503])
def test_temporary_errors_are_retried(world, folder, backend, status):
    made = backend("live(0.3)\ndone() if task == 'worker-0' else live()")
    world.faults += [Fault(status, verb, "jobs", 2) for verb in ("create", "list", "delete")]
    world.faults += [Fault(status, "list", "pods", 2)]
    Supervisor(made, TWO, folder).run()
    assert [fault.times for fault in world.faults] == [0] * 4
    assert nothing_is_left(world)


def test_a_job_created_despite_a_lost_answer_is_adopted(world, folder, backend):
    made = backend()
    running = made.start(TWO, folder, 0)
    (job,) = world.objects("jobs")
    again = made.start(TWO, folder, 0)
    assert world.objects("jobs")[0]["metadata"]["uid"] == job["metadata"]["uid"]
    for one in (running, again):
        one.cancel()


def test_a_name_taken_by_another_pod_is_refused(world, folder, backend):
    running = backend().start(TWO, folder, 0)
    with pytest.raises(MainlineError, match="the name is taken"):
        backend(pod=world.launcher("census-trainer-2")).start(TWO, folder, 0)
    running.cancel()


def test_a_long_api_outage_ends_the_training(world, folder, backend):
    made = backend(timeouts=Timeouts(poll_s=0.1, outage_s=1.0, stop_s=1.0), retry_s=1.0)
    alarm_when(lambda: len(world.pids()) == 2, lambda: world.faults.append(Fault(503, "list", "pods", 10_000)))
    with pytest.raises(MainlineError, match="list pods in namespace team-a: no answer") as caught:
        Supervisor(made, TWO, folder).run()
    assert caught.value.received == "503: the server is starting"
    assert not world.objects("jobs")
    assert not world.objects("services")


@pytest.mark.parametrize(("verb", "resource"), [("create", "jobs"), ("create", "services"), ("list", "pods")])
def test_a_missing_permission_is_named_and_nothing_is_left(world, folder, backend, verb, resource):
    made = backend()
    world.role.remove((verb, resource))
    with pytest.raises(ConfigError) as caught:
        Supervisor(made, TWO, folder).run()
    assert caught.value.where == f"Kubernetes API, {verb} {resource} in namespace team-a"
    assert f'cannot {verb} resource "{resource}"' in caught.value.received
    assert "deploy/kubeflow" in caught.value.next_step
    assert until(lambda: not (world.objects("jobs") or world.objects("services") or world.pids()))


def test_an_unreadable_log_does_not_stop_the_training(world, folder, backend):
    world.role.remove(("get", "pods/log"))
    Supervisor(backend("live(0.5)\ndone() if task == 'worker-0' else live()"), TWO, folder).run()
    assert nothing_is_left(world)


def test_a_failed_start_leaves_nothing(world, folder, backend):
    pod = world.launcher()
    pod["spec"]["containers"][1]["image"] = 7
    made = backend(pod=pod)
    with pytest.raises(MainlineError, match="create jobs in namespace team-a: refused") as caught:
        made.start(TWO, folder, 0)
    assert "7 is not of type 'string'" in caught.value.received
    assert ("create", "services", 200) in world.asked
    assert nothing_is_left(world)


def test_a_missing_pod_is_reported(world, monkeypatch):
    for name, value in world.environment(world.launcher()).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MAINLINE_POD_NAME", "other")
    with pytest.raises(MainlineError, match="there is no such pod"):
        make_kubernetes_backend()


def test_outside_a_pod_the_backend_is_refused(monkeypatch):
    monkeypatch.setenv("MAINLINE_POD_NAME", "a")
    with pytest.raises(ConfigError) as caught:
        make_backend("kubernetes")
    assert caught.value.received == "no MAINLINE_POD_UID, MAINLINE_NAMESPACE"
    assert "training.backend=local" in caught.value.next_step


def test_a_pod_without_a_token_is_reported(monkeypatch, tmp_path):
    for name in ("MAINLINE_POD_NAME", "MAINLINE_POD_UID", "MAINLINE_NAMESPACE"):
        monkeypatch.setenv(name, "a")
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(ConfigError, match="this pod has no access to it"):
        make_backend("kubernetes")


def start_launcher(world, folder, pod) -> "subprocess.Popen[str]":
    environment = {**os.environ, **world.environment(pod), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", LAUNCHER, str(folder), source(LONG)]
    return subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def both_are_up(folder, attempt=0) -> bool:
    return all((folder / str(attempt) / f"worker-{index}" / "heartbeat.json").exists() for index in range(2))


@pytest.mark.slow
def test_a_terminated_launcher_deletes_everything(world, folder):
    launcher = start_launcher(world, folder, world.launcher())
    until(lambda: both_are_up(folder))
    launcher.terminate()
    launcher.communicate(timeout=20)
    assert launcher.returncode != 0
    assert nothing_is_left(world)


@pytest.mark.slow
def test_a_new_launcher_takes_over_from_a_killed_one(world, folder):
    first_pod = world.launcher("census-trainer-1")
    first = start_launcher(world, folder, first_pod)
    until(lambda: both_are_up(folder))
    first.kill()
    first.communicate()
    pids = world.pids()
    second_pod = world.launcher("census-trainer-2")
    second = start_launcher(world, folder, second_pod)
    until(lambda: {owner(body) for body in world.objects("jobs") + world.objects("services")} == {"census-trainer-2"})
    world.cluster.delete(world.cluster.get("Pod", "census-trainer-1"))
    until(lambda: world.cluster.get("Pod", "census-trainer-1") is None)
    psutil.wait_procs([psutil.Process(pid) for pid in pids.values()], timeout=0.5)
    assert world.pids() == pids
    (folder / "go").touch()
    out, _ = second.communicate(timeout=60)
    assert second.returncode == 0
    assert "resuming the tasks that an earlier launcher started" in out
    assert (folder / "saved").read_text() == "once\n"
    assert [len(path.read_text().split()) for path in folder.glob("0/*/pids")] == [1, 1]
    assert "[worker-0] up\n" in out
    assert nothing_is_left(world)


def owner(body) -> str:
    (one,) = body["metadata"]["ownerReferences"]
    return str(one["name"])


def test_leftovers_are_deleted_with_the_launcher_s_pod(world, folder, backend):
    backend("live()").start(TWO, folder, 0)
    until(lambda: len(world.pids()) == 2)
    world.cluster.delete(world.cluster.get("Pod", "census-trainer-1"))
    assert until(lambda: nothing_is_left(world))


def test_a_new_launcher_continues_the_attempt_number(world, folder, backend):
    script = "live(0.5)\nif attempt == 2 and task == 'worker-1': os.kill(os.getpid(), 9)\nlive()"
    first = backend(script)
    first.start(TWO, folder, 2)
    watched = Supervisor(backend(script, world.launcher("census-trainer-2")), TWO, folder)
    with pytest.raises(MainlineError, match="Trainer, worker-1: was killed by signal 9") as caught:
        watched.run()
    assert "after 2 restarts" in caught.value.received
    assert [path.name for path in folder.iterdir()] == ["2"]


def test_the_latest_running_job_is_taken_over(world, folder, backend):
    first = backend("sys.exit(1) if attempt == 3 else live()")
    for attempt in (0, 1, 3):
        first.start(TWO, folder, attempt)
    without_a_job = json.loads(json.dumps(world.objects("services")[0]).replace('-0"', '-4"').replace('"0"', '"4"'))
    world.create("services", NAMESPACE, without_a_job)
    until(lambda: any(job["status"].get("conditions") for job in world.objects("jobs")))
    adopted = first.adopt(TWO, folder)
    assert adopted.attempt == 1
    assert {job["metadata"]["name"][-2:] for job in world.objects("jobs") + world.objects("services")} == {"-1"}
    adopted.cancel()
    assert nothing_is_left(world)
    assert first.adopt(TWO, folder) is None


def test_tasks_with_other_settings_are_not_taken_over(world, folder, backend):
    made = backend()
    made.start(TWO, folder, 0)
    assert made.adopt(Cluster("multi_worker", workers=3), folder) is None
    assert nothing_is_left(world)


def test_tasks_of_another_release_are_replaced(world, folder, backend):
    backend("live()").start(TWO, folder, 0)
    until(lambda: len(world.pids()) == 2)
    other = backend("live(0.5)\ndone() if task == 'worker-0' else live()", world.launcher("census-trainer-2"))
    assert other.adopt(TWO, folder) is None
    assert nothing_is_left(world)
    watched = Supervisor(other, TWO, folder)
    watched.run()
    assert watched.restarts == 0


def test_a_complete_model_needs_no_new_tasks(world, folder, backend):
    (folder / "1").mkdir()
    (folder / "1" / "chief.json").write_text("{}")
    Supervisor(backend(), TWO, folder).run()
    assert not [verb for verb, _, _ in world.asked if verb == "create"]


def test_files_of_an_earlier_attempt_with_that_number_are_ignored(world, folder, backend):
    stale = folder / "0" / "worker-1"
    stale.mkdir(parents=True)
    (stale / "error.json").write_text(json.dumps({"at_s": 1.0, "kind": "ConfigError", "where": "", "problem": "stale"}))
    script = "live(0.3)\nos.kill(os.getpid(), 9) if task == 'worker-1' else live()"
    with pytest.raises(MainlineError, match="Trainer, worker-1: was killed by signal 9"):
        Supervisor(backend(script), Cluster("multi_worker", workers=2, max_restarts=0), folder).run()
