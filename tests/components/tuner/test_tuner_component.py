"""The node: its results, and that it cleans up."""

import json
from functools import partial
from pathlib import Path

import pytest
from fakes.fake_trials import TRIAL, calls, make_settings
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.channel import Channel

from components.tuner import executor
from components.tuner.component import Tuner
from components.tuner.search import Search
from pipeline.errors import MainlineError


def artifact(kind, uri: Path):
    uri.mkdir(parents=True)
    made = kind()
    made.uri = str(uri)
    return made


@pytest.fixture
def search(tmp_path, monkeypatch):
    """Run the executor as the launcher does, and return the folders of its outputs."""
    monkeypatch.setattr(executor, "Search", partial(Search, command=TRIAL))
    inputs = {
        "examples": [artifact(standard_artifacts.Examples, tmp_path / "examples")],
        "transform_graph": [artifact(standard_artifacts.TransformGraph, tmp_path / "transform")],
        "schema": [artifact(standard_artifacts.Schema, tmp_path / "schema")],
    }
    inputs["examples"][0].split_names = artifact_utils.encode_split_names(["train", "eval"])
    (tmp_path / "schema" / "schema.pbtxt").touch()

    def run(settings, model=None, execution=1):
        outputs = {
            "best_hyperparameters": [
                artifact(
                    standard_artifacts.HyperParameters, tmp_path / "Tuner" / "best_hyperparameters" / str(execution)
                )
            ],
            "tuner_results": [
                artifact(standard_artifacts.TunerResults, tmp_path / "Tuner" / "tuner_results" / str(execution))
            ],
        }
        training = {"epochs": 2, "learning_rate": 0.01, "model": {"calls": str(tmp_path / "calls"), **(model or {})}}
        properties = {
            "run_fn": "fake_trials.none",
            "training": json.dumps(training),
            "settings": settings.as_json(),
            "source": "digest",
        }
        executor.Executor().Do(inputs, outputs, properties)
        return {key: Path(value[0].uri) for key, value in outputs.items()}

    return run


def test_the_node_writes_its_results_and_cleans_up(search, tmp_path):
    folders = search(make_settings(trials=3, parallel=2))
    facts = json.loads((folders["tuner_results"] / "trials.json").read_text(encoding="utf-8"))
    (path,) = folders["best_hyperparameters"].iterdir()
    assert json.loads(path.read_text(encoding="utf-8")) == facts["trials"][facts["best"] - 1]["params"]
    assert len(facts["trials"]) == 3
    assert list((tmp_path / "Tuner" / "searches").iterdir()) == []


def test_a_node_whose_trials_all_fail_leaves_nothing(search, tmp_path):
    for execution in (1, 2):
        with pytest.raises(MainlineError, match="all 2 trials failed"):
            search(make_settings(trials=2), {"nan_above": 0.0}, execution)
        assert list((tmp_path / "Tuner" / "searches").iterdir()) == []
    assert len(calls(tmp_path / "calls")) == 4


def test_a_trial_gets_all_paths(tmp_path, search, monkeypatch):
    told = []
    rows = tmp_path / "examples" / "Split-train" / "a.gz"
    rows.parent.mkdir(parents=True)
    rows.write_bytes(b"")
    monkeypatch.setattr(
        executor, "Search", lambda job, folder: told.append((job, folder)) or Search(job, folder, TRIAL)
    )
    search(make_settings(trials=1))
    ((job, folder),) = told
    arguments = job.fn_args({"learning_rate": 0.5}, folder / "trial-001")
    assert arguments["train_files"] == [str(rows)]
    assert arguments["eval_files"] == []
    assert arguments["schema_path"] == str(tmp_path / "schema" / "schema.pbtxt")
    assert arguments["transform_output"] == str(tmp_path / "transform")
    assert arguments["custom_config"]["training"]["learning_rate"] == 0.5
    outputs = ("serving_model_dir", "eval_model_dir", "model_run_dir", "working_dir")
    assert all(Path(arguments[key]).is_relative_to(folder / "trial-001") for key in outputs)


def test_the_outputs_are_those_of_the_stock_tuner():
    node = Tuner(
        run_fn="a.b", training={"epochs": 1}, settings=make_settings(), source="digest",
        examples=Channel(type=standard_artifacts.Examples),
        transform_graph=Channel(type=standard_artifacts.TransformGraph),
        schema=Channel(type=standard_artifacts.Schema),
    )  # fmt: skip
    assert node.id == "Tuner"
    types = {key: channel.type for key, channel in node.outputs.items()}
    assert types == {
        "best_hyperparameters": standard_artifacts.HyperParameters, "tuner_results": standard_artifacts.TunerResults,
    }  # fmt: skip
