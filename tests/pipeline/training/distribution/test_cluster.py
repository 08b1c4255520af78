"""Clusters of several local processes."""

import time

import numpy as np
import pytest
from fakes import small_training

# Fifty steps.
SPREAD = {"strategy": "multi_worker", "workers": 2, "epochs": 5, "early_stopping_patience": 9}
DROPPING = {"model": {"dropout": 0.3}}


def ended(processes) -> dict:
    """Return the output of each task, after all have succeeded."""
    said = {}
    for task, process in processes.items():
        said[task], _ = process.communicate(timeout=240)
    codes = {task: process.returncode for task, process in processes.items()}
    assert set(codes.values()) == {0}, f"{codes}\n" + "\n".join(text[-3000:] for text in said.values())
    return said


def curves(record) -> dict:
    return {name: pytest.approx(values, abs=1e-4) for name, values in record["history"].items()}


@pytest.fixture(scope="module")
def one(world, tmp_path_factory):
    """The folder and the record of a training without a strategy."""
    out = tmp_path_factory.mktemp("one")
    changes = {**SPREAD, **DROPPING, "strategy": "none", "workers": 1, "histogram_every_epochs": 1}
    return out, small_training.fit(world, out, **changes, checkpoint_every_steps=3)


# Shares of batches of 21 rows differ by a row.
UNEVEN = {**SPREAD, **DROPPING, "batch_size": 21, "checkpoint_every_steps": 7, "histogram_every_epochs": 1}


@pytest.fixture(scope="module")
def two(world, tmp_path_factory):
    """The folder of a training on two workers."""
    out = tmp_path_factory.mktemp("two")
    ended(small_training.start_cluster(world, out, {"worker": 2}, **UNEVEN))
    return out


@pytest.mark.slow
def test_two_workers_have_the_loss_curve_of_one(world, tmp_path, two):
    """At an equal global batch, though shares differ by a row, and with dropout, whose draws belong to the rows."""
    alone = small_training.fit(world, tmp_path, **{**UNEVEN, "strategy": "none", "workers": 1})
    together = small_training.record(two)
    assert together["workers"] == 2
    assert together["history"] == curves(alone)
    np.testing.assert_allclose(small_training.scores(world, two), small_training.scores(world, tmp_path), atol=1e-3)


@pytest.mark.slow
def test_multi_worker_with_one_worker_has_the_loss_curve_of_no_strategy(world, tmp_path, one):
    """With every setting that a strategy might break."""
    changes = {**SPREAD, **DROPPING, "workers": 1, "histogram_every_epochs": 1, "checkpoint_every_steps": 3}
    ended({"alone": small_training.start(world, tmp_path, **changes)})
    out, alone = one
    assert small_training.record(tmp_path)["history"] == curves(alone)
    np.testing.assert_allclose(small_training.scores(world, tmp_path), small_training.scores(world, out), atol=1e-3)


@pytest.mark.slow
def test_only_one_worker_writes(two):
    events = [path.parent.relative_to(two / "model_run" / "1") for path in two.rglob("events*")]
    assert {str(path) for path in events} >= {"train", "validation"}
    assert len(events) == len(set(events))
    assert (two / "model" / "saved_model.pb").is_file()
    assert not list((two / "resume").iterdir())


@pytest.mark.slow
def test_a_cluster_that_lost_a_worker_is_started_again_and_goes_on(world, tmp_path, one):
    changes = {**SPREAD, **DROPPING, "checkpoint_every_steps": 4}
    first = small_training.start_cluster(world, tmp_path, {"worker": 2}, **changes, dies={"worker:1": 23})
    for process in first.values():
        process.communicate(timeout=240)
    assert all(process.returncode for process in first.values())
    ended(small_training.start_cluster(world, tmp_path, {"worker": 2}, **changes))
    record, alone = small_training.record(tmp_path), one[1]
    assert record["resumed_at"] == [20]
    full = {name: values[3:] for name, values in record["history"].items()}
    assert full == {name: pytest.approx(values[3:], abs=1e-3) for name, values in alone["history"].items()}


@pytest.mark.slow
def test_workers_may_read_their_own_files(world, tmp_path):
    ended(small_training.start_cluster(world, tmp_path, {"worker": 2}, **SPREAD, sharding="file"))
    record = small_training.record(tmp_path)
    assert record["history"]["val_auc"][-1] > 0.75


@pytest.mark.slow
def test_more_workers_than_files_share_by_record_and_eval_rows_may_be_fewer(tmp_path):
    small = small_training.make_world(tmp_path / "world", train_rows=60, eval_rows=1, shards=1)
    said = ended(small_training.start_cluster(small, tmp_path / "out", {"worker": 2}, **SPREAD, sharding="file"))
    assert all("1 files are too few for 2 workers" in text for text in said.values())
    assert np.isfinite(small_training.record(tmp_path / "out")["history"]["val_log_loss"]).all()


COORDINATED = {"strategy": "parameter_server", "workers": 2, "epochs": 4, "early_stopping_patience": 9}
ROLES = {"chief": 1, "worker": 2, "ps": 1}


def wait_for_chief(processes) -> str:
    """Return the output of the chief; the processes that serve it are then stopped, as a supervisor would."""
    try:
        said, _ = processes["chief", 0].communicate(timeout=400)
    finally:
        for process in processes.values():
            process.kill()
    assert processes["chief", 0].returncode == 0, said[-4000:]
    return said


@pytest.mark.slow
def test_parameter_servers_train_a_plain_model(world, tmp_path):
    processes = small_training.start_cluster(world, tmp_path, ROLES, **COORDINATED)
    wait_for_chief(processes)
    record = small_training.record(tmp_path)
    assert len(record["history"]["val_auc"]) == 4
    assert record["history"]["val_auc"][-1] > 0.75
    scores = small_training.scores(world, tmp_path)
    assert np.isfinite(scores).all()
    assert np.std(scores) > 0.05


@pytest.mark.slow
@pytest.mark.timeout(500)
def test_a_killed_chief_resumes_at_an_epoch(world, tmp_path):
    changes = {**COORDINATED, "epochs": 10, "early_stopping_patience": 99, "parameter_servers": 2}
    processes = small_training.start_cluster(world, tmp_path, {**ROLES, "ps": 2}, **changes)
    wait_for_checkpoint(tmp_path, step=20)
    for process in processes.values():
        process.kill()
        process.communicate()
    wait_for_chief(small_training.start_cluster(world, tmp_path, {**ROLES, "ps": 2}, **changes))
    record = small_training.record(tmp_path)
    (step,) = record["resumed_at"]
    assert step >= 20
    assert step % record["steps_per_epoch"] == 0
    assert len(record["history"]["val_auc"]) == 10


def wait_for_checkpoint(out, step, within_s=200.0) -> None:
    until_s = time.monotonic() + within_s
    while time.monotonic() < until_s:
        if any(int(path.stem) >= step for path in out.glob("resume/*/checkpoints/*.json")):
            return
        time.sleep(0.1)
    pytest.fail(f"no checkpoint of step {step}")
