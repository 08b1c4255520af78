"""The component in a pipeline of its own, with workers that run TFX's executor on a function of the tests."""

import json
from pathlib import Path

import pytest
from fakes import fake_trainer
from tfx.dsl.components.common.importer import Importer
from tfx.orchestration import metadata
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.orchestration.pipeline import Pipeline
from tfx.proto import trainer_pb2
from tfx.types import artifact_utils, standard_artifacts

from components.distributed_trainer.cluster import BACKEND_ENV
from components.distributed_trainer.component import DistributedTrainer
from pipeline.errors import ConfigError, MainlineError

pytestmark = [pytest.mark.slow, pytest.mark.both_stacks]

# The first task ends this long after it began; the others must have begun by then, on a machine that is busy too.
RUN_FN = f"{fake_trainer.__name__}.{fake_trainer.run_fn.__name__}"


@pytest.fixture
def train(tmp_path):
    """Run the component and return the folders of the model and of the logs."""

    def run(told, **training) -> tuple[Path, Path]:
        for split in ("train", "eval"):
            (tmp_path / "examples" / f"Split-{split}").mkdir(parents=True, exist_ok=True)
        examples = Importer(
            str(tmp_path / "examples"), standard_artifacts.Examples,
            properties={"split_names": artifact_utils.encode_split_names(["train", "eval"])},
        ).with_id("examples")  # fmt: skip
        trainer = DistributedTrainer(
            run_fn=RUN_FN, examples=examples.outputs["result"], train_args=trainer_pb2.TrainArgs(),
            eval_args=trainer_pb2.EvalArgs(), custom_config={"training": training, "told": told},
        ).with_id("Trainer")  # fmt: skip
        store = metadata.sqlite_metadata_connection_config(str(tmp_path / "metadata.db"))
        LocalDagRunner().run(
            Pipeline(
                "training", str(tmp_path / "root"), components=[examples, trainer], metadata_connection_config=store
            )
        )
        folders = tmp_path / "root" / "Trainer"
        (model,), (logs,) = (folders / "model").iterdir(), (folders / "model_run").iterdir()
        return model, logs

    return run


def written(model: Path) -> str:
    return (model / "Format-Serving" / "saved_model.pb").read_text()


def test_one_worker_runs_in_this_process(train):
    model, _ = train({}, strategy="none", workers=1)
    assert written(model) == "alone-0"


def test_two_workers_run_and_the_first_one_saves(train):
    model, logs = train({"meet": {"worker-0": 1, "worker-1": 1}}, strategy="multi_worker", workers=2)
    assert written(model) == "worker-0"
    assert [path.name for path in model.iterdir()] == ["Format-Serving"]
    saved = {path.stem: json.loads(path.read_text())[-1] for path in logs.iterdir()}
    assert set(saved) == {"worker-0", "worker-1"}
    assert saved["worker-0"] == str(model / "Format-Serving")
    assert not Path(saved["worker-1"]).exists()


def test_a_killed_worker_causes_a_restart_of_all(train):
    model, logs = train(
        {"kill": "worker-1", "meet": {"worker-1": 2}}, strategy="multi_worker", workers=2, max_restarts=1
    )
    assert written(model) == "worker-0"
    assert len(json.loads((logs / "worker-1.json").read_text())) == 2


def test_under_a_parameter_server_the_chief_saves(train):
    model, logs = train(
        {"meet": {"chief-0": 1, "worker-0": 1, "ps-0": 1}}, strategy="parameter_server", workers=1, parameter_servers=1
    )
    assert written(model) == "chief-0"
    assert {path.stem for path in logs.iterdir()} == {"chief-0", "worker-0", "ps-0"}


def test_our_own_error_ends_the_training_with_its_class(train):
    with pytest.raises(ConfigError) as caught:
        train({"fail": "worker-1", "how": "ours", "sleep_s": 30}, strategy="multi_worker", workers=2)
    assert str(caught.value) == "training.key: wrong"


def test_a_library_error_is_reported_after_the_last_restart(train):
    with pytest.raises(MainlineError) as caught:
        train({"fail": "worker-1", "how": "theirs", "sleep_s": 30}, strategy="multi_worker", workers=2, max_restarts=0)
    assert str(caught.value).startswith("Trainer, worker-1: RuntimeError: out of <memory>")
    assert "after 0 restarts" in caught.value.received


def test_an_unknown_backend_is_refused_before_anything_starts(train, monkeypatch):
    monkeypatch.setenv(BACKEND_ENV, "slurm")
    with pytest.raises(ConfigError, match="no such backend"):
        train({}, strategy="multi_worker", workers=2)
