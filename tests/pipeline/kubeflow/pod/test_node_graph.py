"""The cleanup of a pod before its node runs, on a real store."""

from pathlib import Path
from types import SimpleNamespace

import ml_metadata as mlmd
import pytest
from ml_metadata.proto import metadata_store_pb2

from pipeline.errors import InputError
from pipeline.kubeflow.pod.node_graph import clear_earlier
from pipeline.metadata.connection import sqlite
from pipeline.run.output_folders import claim_outputs
from pipeline.run.request import RunPaths

Execution = metadata_store_pb2.Execution


class StoreOfRuns:
    """A store with executions of several runs, each with an output folder."""

    def __init__(self, root: Path) -> None:
        self.place = RunPaths(root, root / "history" / "now", "now")
        self.connection = sqlite(root / "metadata.db")
        self.store = mlmd.MetadataStore(self.connection)
        self.types = {
            name: self.store.put_context_type(metadata_store_pb2.ContextType(name=name))
            for name in ("pipeline", "pipeline_run", "node")
        }

    def execution(self, run: str, node: str, state: int, pipeline: str = "") -> int:
        kind = self.store.put_execution_type(metadata_store_pb2.ExecutionType(name=node))
        names = {"pipeline": pipeline or self.place.root.name, "pipeline_run": run, "node": f"p.{node}"}
        contexts = [metadata_store_pb2.Context(type_id=self.types[key], name=name) for key, name in names.items()]
        execution = Execution(type_id=kind, last_known_state=state)
        found, _, _ = self.store.put_execution(execution, [], contexts, reuse_context_if_already_exist=True)
        (record,) = self.store.get_executions_by_id([found])
        output = self.output(node, found, pipeline)
        claim_outputs(output.parents[1], record, [str(output)])
        output.mkdir(parents=True)
        return int(found)

    def output(self, node: str, execution: int, pipeline: str = "") -> Path:
        root = self.place.root.parent / pipeline if pipeline else self.place.root
        return root / "artifacts" / node / "model" / str(execution)

    def state(self, execution: int) -> int:
        return int(self.store.get_executions_by_id([execution])[0].last_known_state)

    def clear(self, node: str, workers_survive: bool = False) -> None:
        clear_earlier(SimpleNamespace(connection=self.connection), node, self.place, workers_survive)


@pytest.fixture
def world(tmp_path) -> StoreOfRuns:
    (tmp_path / "census").mkdir()
    return StoreOfRuns(tmp_path / "census")


def test_the_first_pod_of_a_run_cleans_up_after_killed_runs(world):
    lost = world.execution("before", "Trainer", Execution.RUNNING)
    done = world.execution("before", "Transform", Execution.COMPLETE)
    foreign = world.execution("elsewhere", "Trainer", Execution.RUNNING, pipeline="recommender")
    world.clear("ExampleGen")
    assert [world.state(item) for item in (lost, done, foreign)] == [
        Execution.FAILED, Execution.COMPLETE, Execution.RUNNING,
    ]  # fmt: skip
    assert not world.output("Trainer", lost).exists()
    assert world.output("Transform", done).exists()
    assert world.output("Trainer", foreign, "recommender").exists()


def test_a_root_of_another_store_is_not_changed(world, tmp_path):
    lost = world.execution("before", "Trainer", Execution.RUNNING)
    world.clear("ExampleGen")
    world.connection = sqlite(tmp_path / "empty.db")
    output = world.output("Trainer", lost)
    output.mkdir()
    with pytest.raises(InputError, match="was used with another ML Metadata store"):
        world.clear("ExampleGen")
    assert output.is_dir()


@pytest.mark.parametrize("state", [Execution.RUNNING, Execution.FAILED])
def test_a_retry_starts_with_empty_folders_and_the_same_execution(world, state):
    earlier = world.execution("now", "Trainer", state)
    beside = world.execution("now", "StatisticsGen", Execution.RUNNING)
    world.clear("Trainer")
    assert not world.output("Trainer", earlier).exists()
    assert world.state(earlier) == state
    assert world.output("StatisticsGen", beside).exists()
    assert world.state(beside) == Execution.RUNNING


@pytest.mark.parametrize("workers_survive", [False, True])
def test_surviving_workers_keep_their_folder(world, workers_survive):
    earlier = world.execution("now", "Trainer", Execution.RUNNING)
    (world.output("Trainer", earlier) / "cluster").mkdir()
    (world.output("Trainer", earlier) / "cluster" / "call.json").write_text("{}")
    world.clear("Trainer", workers_survive)
    assert world.output("Trainer", earlier).exists() is workers_survive


def test_later_pods_of_a_run_do_not_clean_up_after_other_runs(world):
    world.execution("now", "ExampleGen", Execution.COMPLETE)
    other = world.execution("before", "Trainer", Execution.RUNNING)
    world.clear("StatisticsGen")
    assert world.state(other) == Execution.RUNNING
