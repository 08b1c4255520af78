import json
from pathlib import Path

import pytest
import tensorflow as tf

from pipeline.errors import ConfigError
from pipeline.training.distribution.strategy import (
    export_directory,
    has_role,
    is_chief,
    make_strategy,
    of_chief,
    serve_if_coordinated,
    share,
    task,
    wait_for_all,
)
from pipeline.training.input.batches import Share

WORKERS = {"worker": ["a:1", "b:1", "c:1"]}
SERVED = {"chief": ["a:1"], "worker": ["b:1", "c:1"], "ps": ["d:1", "e:1"]}
CHIEF_AND_WORKERS = {"chief": ["a:1"], "worker": ["b:1", "c:1"]}


def tf_config(cluster, kind, index) -> str:
    return json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (None, ("chief", 0, 1)),
        ("", ("chief", 0, 1)),
        ("{}", ("chief", 0, 1)),
        (json.dumps({"task": {"type": "worker", "index": 0}}), ("worker", 0, 1)),
        (tf_config(WORKERS, "worker", 0), ("worker", 0, 3)),
        (tf_config(WORKERS, "worker", 2), ("worker", 2, 3)),
        (tf_config(CHIEF_AND_WORKERS, "chief", 0), ("chief", 0, 3)),
        (tf_config(CHIEF_AND_WORKERS, "worker", 0), ("worker", 1, 3)),
        (tf_config(CHIEF_AND_WORKERS, "worker", 1), ("worker", 2, 3)),
        (tf_config({"chief": ["a:1"]}, "chief", 0), ("chief", 0, 1)),
        (tf_config(SERVED, "chief", 0), ("chief", 0, 2)),
        (tf_config(SERVED, "worker", 0), ("worker", 1, 2)),
        (tf_config(SERVED, "worker", 1), ("worker", 2, 2)),
        (tf_config(SERVED, "ps", 0), ("ps", 3, 2)),
        (tf_config(SERVED, "ps", 1), ("ps", 4, 2)),
    ],
)
def test_a_process_knows_its_place(config, expected):
    assert task(config) == expected


def test_the_place_is_read_from_the_environment(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", tf_config(WORKERS, "worker", 1))
    assert task() == ("worker", 1, 3)


def test_what_is_given_goes_over_the_environment(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", tf_config(WORKERS, "worker", 1))
    assert task(tf_config(WORKERS, "worker", 2)) == ("worker", 2, 3)


@pytest.mark.parametrize("cluster", [WORKERS, CHIEF_AND_WORKERS, SERVED])
def test_each_process_has_a_place_of_its_own_and_one_is_the_chief(cluster, monkeypatch):
    indexes = []
    for kind, addresses in cluster.items():
        for index in range(len(addresses)):
            monkeypatch.setenv("TF_CONFIG", tf_config(cluster, kind, index))
            indexes.append(task()[1])
            assert is_chief() == (indexes[-1] == 0)
    assert indexes == list(range(len(indexes)))


def test_a_process_alone_saves_to_the_real_folder():
    assert export_directory("/serving/model") == "/serving/model"


def test_a_chief_saves_to_the_real_folder(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", tf_config(CHIEF_AND_WORKERS, "chief", 0))
    assert export_directory("/serving/model") == "/serving/model"


@pytest.mark.parametrize(
    ("cluster", "kind", "index"),
    [(WORKERS, "worker", 1), (CHIEF_AND_WORKERS, "worker", 0), (SERVED, "worker", 0), (SERVED, "ps", 0)],
)
def test_another_task_saves_where_nobody_looks(cluster, kind, index, monkeypatch, tmp_path):
    monkeypatch.setenv("TF_CONFIG", tf_config(cluster, kind, index))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    first, second = (Path(export_directory("/serving/model")) for _ in range(2))
    assert first != second
    assert all(path.parent.is_dir() and path.parent.parent == tmp_path for path in (first, second))


def test_a_strategy_by_name():
    assert make_strategy("none").num_replicas_in_sync == 1
    assert isinstance(make_strategy("mirrored"), tf.distribute.MirroredStrategy)


def test_an_unknown_strategy_is_named():
    with pytest.raises(ValueError, match="no strategy named 'horovod'"):
        make_strategy("horovod")


@pytest.mark.parametrize("config", [None, tf_config(WORKERS, "worker", 1), tf_config(SERVED, "chief", 0)])
def test_a_process_that_trains_does_not_serve(config, monkeypatch):
    if config:
        monkeypatch.setenv("TF_CONFIG", config)
    serve_if_coordinated()


@pytest.mark.parametrize(("kind", "index"), [("worker", 1), ("ps", 0)])
def test_a_coordinated_process_serves(kind, index, monkeypatch):
    made = []

    class Server:
        def __init__(self, cluster, job, task, protocol):
            made.append((cluster.as_dict(), job, task, protocol))

        def join(self):
            made.append("joined")

    monkeypatch.setenv("TF_CONFIG", tf_config(SERVED, kind, index))
    monkeypatch.setenv("GRPC_FAIL_FAST", "")
    monkeypatch.setattr(tf.distribute, "Server", Server)
    serve_if_coordinated()
    assert made == [(SERVED, kind, index, "grpc"), "joined"]


def test_roles_of_a_cluster():
    assert has_role("ps", tf_config(SERVED, "chief", 0))
    assert not has_role("ps", tf_config(WORKERS, "worker", 0))
    assert not has_role("ps")


def test_parameter_servers_need_a_cluster(monkeypatch):
    with pytest.raises(ConfigError, match="there is no cluster"):
        make_strategy("parameter_server")
    monkeypatch.setenv("TF_CONFIG", tf_config(WORKERS, "worker", 0))
    with pytest.raises(ConfigError, match="there is no cluster"):
        make_strategy("parameter_server")


def test_a_single_process_has_one_share_and_waits_for_nobody():
    alone = make_strategy("none")
    assert share(alone) == Share(0, 1, 1)
    assert of_chief(alone, 7) == 7
    wait_for_all(alone)
