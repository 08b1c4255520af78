import json

import pytest
from fakes.processes import json_from
from tfx.types import standard_artifacts

from components.distributed_trainer import task_files as files
from components.distributed_trainer.cluster import Cluster
from components.support.failure import as_failure
from pipeline.errors import DataError


@pytest.fixture
def call(tmp_path):
    examples, model, logs = standard_artifacts.Examples(), standard_artifacts.Model(), standard_artifacts.ModelRun()
    examples.uri, model.uri, logs.uri = (str(tmp_path / name) for name in ("examples", "model", "logs"))
    examples.split_names = '["train"]'
    examples.set_string_custom_property("span", "3")
    properties = {
        "run_fn": "a.b",
        "custom_config": json.dumps({"training": {"strategy": "multi_worker", "workers": 3}}),
    }
    return files.TrainerCall({"examples": [examples]}, {"model": [model], "model_run": [logs]}, properties)


def test_a_call_survives_its_file(call):
    call.save()
    again = files.read_call(call.folder)
    (examples,) = again.inputs["examples"]
    assert (examples.uri, examples.split_names) == (call.inputs["examples"][0].uri, '["train"]')
    assert examples.get_string_custom_property("span") == "3"
    assert (again.model.uri, again.properties) == (call.model.uri, call.properties)
    assert again.cluster == Cluster("multi_worker", workers=3)


def test_a_call_without_settings_has_one_process(call):
    assert not files.TrainerCall(call.inputs, call.outputs, {"custom_config": "null"}).cluster.is_distributed


def test_a_failure_survives_its_file(tmp_path):
    failure = as_failure(DataError("rows.csv", "not a number", expected="FLOAT", received="'x'", next_step="Fix it."))
    files.write_failure(tmp_path, failure)
    assert files.read_failure(tmp_path) == failure


def test_files_are_written_atomically(tmp_path):
    files.write_heartbeat(tmp_path, files.Heartbeat(1.0, "running", "epoch 1"))
    assert [path.name for path in tmp_path.iterdir()] == ["heartbeat.json"]
    assert files.read_heartbeat(tmp_path) == files.Heartbeat(1.0, "running", "epoch 1")
    assert files.read_failure(tmp_path) is None


def test_a_launcher_and_a_task_import_tfx_late():
    code = """
import json, sys
import components.distributed_trainer.supervisor, components.distributed_trainer.worker
print(json.dumps({"loaded": [name for name in ("tfx", "tensorflow") if name in sys.modules]}))
"""
    assert json_from(code) == {"loaded": []}
