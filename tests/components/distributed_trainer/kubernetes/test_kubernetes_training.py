"""A whole training with TensorFlow on two workers in the pods of a cluster, which lose one on the way."""

import os
import shutil
import signal
import threading
from collections.abc import Callable

import harness
import numpy as np
import pytest
from fakes.kubeflow.kubernetes_api import FakeCluster, until

from components.distributed_trainer.cluster import BACKEND_ENV
from components.evaluation.predictions import read_predictions

TWO = ("training.strategy=multi_worker", "training.workers=2", "training.backend=kubernetes")


@pytest.fixture
def world(tmp_path, monkeypatch):
    with FakeCluster(tmp_path / "cluster") as world:
        pod = world.launcher(MAINLINE_POD_OF="Trainer")
        for name, value in {**world.environment(pod), BACKEND_ENV: "local"}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("MAINLINE_WORKER_POD", '{"cpu": "1", "memory": "2Gi"}')
        yield world


def meanwhile(act: Callable[[], object]) -> threading.Thread:
    """Run a function in a thread beside the test."""
    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    return thread


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_pods_train_the_same_model_as_one_process_despite_a_kill(finished, world, tmp_path):
    killed: list[str] = []
    # Others count what is in the root of the finished run.
    runs = shutil.copytree(finished.root, tmp_path / "runs")

    def kill_one() -> None:
        root = runs / "census" / "artifacts" / "Trainer" / "model"
        until(lambda: list(root.glob("*/cluster/0/worker-1/heartbeat.json")), 300)
        killed.append(world.workers()[1]["metadata"]["name"])
        os.kill(world.pids()[1], signal.SIGKILL)

    killer = meanwhile(kill_one)
    outcome = harness.run_here(finished.rows, runs, *TWO)
    killer.join(1)
    assert outcome.code == 0, outcome.facts["error"]
    one, two = (
        read_predictions(facts["evaluation"]).column("score").to_numpy()
        for facts in (finished.outcome.facts, outcome.facts)
    )
    np.testing.assert_allclose(one, two, atol=2e-3)
    assert [name.rpartition("-")[0][-4:] for name in killed] == ["-0-1"]
    created = [kind for verb, kind, _ in world.asked if verb == "create"]
    assert created == ["services", "jobs"] * 2
    assert [*world.objects("jobs"), *world.objects("services"), *world.workers()] == []
