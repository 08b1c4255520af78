"""What a task does around the executor, which is replaced by a fake."""

from pathlib import Path

import pytest
from tfx.types import standard_artifacts

from components.distributed_trainer import worker
from components.distributed_trainer.task_files import MARKER, TrainerCall


@pytest.fixture
def trained(monkeypatch) -> list[str]:
    """The folder in which each executor had to save its model."""
    folders: list[str] = []

    class Recorder:
        def Do(self, inputs, outputs, properties):
            folders.append(outputs["model"][0].uri)

    monkeypatch.setattr("components.distributed_trainer.trainer_executor.TrainerExecutor", Recorder)
    return folders


def call(tmp_path: Path) -> TrainerCall:
    model = standard_artifacts.Model()
    model.uri = str(tmp_path / "model")
    training = '{"training": {"strategy": "parameter_server", "workers": 2}}'
    return TrainerCall({}, {"model": [model]}, {"custom_config": training})


def test_a_restarted_worker_reuses_its_folder(tmp_path, trained):
    for _ in range(2):
        worker.run(call(tmp_path), tmp_path / "0", "worker-1")
    assert trained == [str(tmp_path / "0" / "worker-1" / "scratch")] * 2
    assert not (tmp_path / "0" / MARKER).exists()


def test_the_chief_saves_the_model_and_writes_the_marker_last(tmp_path, trained):
    worker.run(call(tmp_path), tmp_path / "0", "chief-0")
    assert trained == [str(tmp_path / "model")]
    assert (tmp_path / "0" / MARKER).is_file()
