"""A pod finds its task and waits until the host names of the others resolve."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from components.distributed_trainer.cluster import Cluster, Task, parse_task
from components.distributed_trainer.kubernetes import pod_entrypoint
from components.distributed_trainer.kubernetes.pod_entrypoint import ADDRESSES_ENV, INDEX_ENV
from components.distributed_trainer.task_files import read_failure

ROOT = Path(__file__).resolve().parents[4]


@pytest.mark.parametrize("task", Cluster("parameter_server", workers=2).tasks)
def test_task_names_are_parsed(task):
    assert parse_task(task.name) == task


def test_it_waits_until_every_host_has_an_address(monkeypatch, capsys):
    known = iter([True, False, False, True])
    monkeypatch.setattr(pod_entrypoint, "resolves", lambda host: next(known))
    monkeypatch.setattr(pod_entrypoint, "LOOKUP_S", 0.0)
    pod_entrypoint.wait_for_names({Task("worker", 0): "one:1", Task("worker", 1): "two:1"})
    assert capsys.readouterr().out == "waiting for the host name of worker-1, two\n"
    assert list(known) == []


def test_host_names_are_resolved():
    assert pod_entrypoint.resolves("127.0.0.1")
    assert not pod_entrypoint.resolves("no-such-host.invalid")


@pytest.mark.slow
def test_a_task_without_a_call_reports_the_missing_file(tmp_path):
    addresses = {"worker-0": "127.0.0.1:1", "worker-1": "127.0.0.1:2"}
    environment = {**os.environ, INDEX_ENV: "1", ADDRESSES_ENV: json.dumps(addresses)}
    done = subprocess.run(
        [sys.executable, "-m", "components.distributed_trainer.kubernetes.pod_entrypoint", str(tmp_path), "4"],
        cwd=ROOT,
        env=environment,
    )
    assert done.returncode == 1
    assert "call.json" in read_failure(tmp_path / "4" / "worker-1").problem
