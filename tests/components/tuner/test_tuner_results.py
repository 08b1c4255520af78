"""The results of a search, as Trainer's executor and TensorBoard read them."""

import json

from fakes.fake_trials import make_settings
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import api_pb2, metadata
from tfx.utils import io_utils

from components.tuner.results import write_best, write_results
from components.tuner.study import Record
from pipeline.search_space import Range

SETTINGS = make_settings(
    ranges={
        "batch_size": Range(8, 64),
        "learning_rate": Range(1e-4, 1e-1, log=True),
        "optimizer": Range(choices=("adam", "adamw")),
    }
)
PARAMS = {"batch_size": 32, "learning_rate": 0.01, "optimizer": "adam"}
BEST = Record(1, "complete", PARAMS, 0.5, (0.6, 0.5, 0.55), 12.5)
TRIALS = [
    BEST,
    Record(2, "pruned", {**PARAMS, "batch_size": 8}, 0.7, (0.7, 0.8), 8.0),
    Record(3, "failed", {**PARAMS, "learning_rate": 0.1}, None, (), 3.0, "Trainer: the loss became nan"),
]

PARSERS = {
    metadata.EXPERIMENT_TAG: metadata.parse_experiment_plugin_data,
    metadata.SESSION_START_INFO_TAG: metadata.parse_session_start_info_plugin_data,
    metadata.SESSION_END_INFO_TAG: metadata.parse_session_end_info_plugin_data,
}


def events(folder) -> EventAccumulator:
    accumulator = EventAccumulator(str(folder))
    accumulator.Reload()
    return accumulator


def hparams(accumulator, tag):
    return PARSERS[tag](accumulator.summary_metadata[tag].plugin_data.content)


def test_the_best_hyperparameters_are_alone_in_their_folder(tmp_path):
    write_best(str(tmp_path / "best"), BEST)
    path = io_utils.get_only_uri_in_dir(str(tmp_path / "best"))
    with open(path, encoding="utf-8") as file:
        assert json.load(file) == PARAMS


def test_all_trials_are_written_as_json(tmp_path):
    write_results(str(tmp_path), SETTINGS, TRIALS, BEST)
    facts = json.loads((tmp_path / "trials.json").read_text(encoding="utf-8"))
    assert (facts["metric"], facts["seed"], facts["best"]) == ("val_log_loss", 7, 1)
    assert facts["ranges"]["optimizer"] == {"choices": ["adam", "adamw"]}
    assert [trial["state"] for trial in facts["trials"]] == ["complete", "pruned", "failed"]
    assert facts["trials"][0] == {
        "trial": 1, "state": "complete", "params": PARAMS, "value": 0.5, "epochs": [0.6, 0.5, 0.55], "seconds": 12.5,
        "error": "",
    }  # fmt: skip
    assert facts["trials"][2]["error"] == "Trainer: the loss became nan"


def test_tensorboard_finds_the_search_and_every_trial(tmp_path):
    write_results(str(tmp_path), SETTINGS, TRIALS, BEST)
    logs = tmp_path / "tensorboard"
    experiment = hparams(events(logs), metadata.EXPERIMENT_TAG)
    assert [info.name for info in experiment.hparam_infos] == list(SETTINGS.ranges)
    assert [info.name.tag for info in experiment.metric_infos] == ["val_log_loss", "final/val_log_loss"]
    assert sorted(path.name for path in logs.iterdir() if path.is_dir()) == ["trial-001", "trial-002", "trial-003"]
    for record in TRIALS:
        run = events(logs / f"trial-{record.trial:03d}")
        start = hparams(run, metadata.SESSION_START_INFO_TAG)
        assert start.group_name == f"trial-{record.trial:03d}"
        assert start.hparams["batch_size"].number_value == record.params["batch_size"]
        assert start.hparams["optimizer"].string_value == "adam"
        end = hparams(run, metadata.SESSION_END_INFO_TAG)
        assert end.status == (api_pb2.STATUS_FAILURE if record.state == "failed" else api_pb2.STATUS_SUCCESS)
        assert len(run.Tensors("val_log_loss") if record.epochs else []) == len(record.epochs)
        assert ("final/val_log_loss" in run.Tags()["tensors"]) is (record.value is not None)
