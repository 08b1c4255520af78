"""The section ``tuning``: allowed values, and the settings of the search."""

import json

import pytest

from pipeline.config.load import load_config
from pipeline.errors import ConfigError
from pipeline.pipeline import create_pipeline
from pipeline.search_space import Range
from pipeline.settings.tuning import searchable, tuning_settings
from pipeline.workloads.contract import load_workload

CENSUS = load_workload("census")


def load(ranges, *more, **tuning):
    section = json.dumps({"ranges": ranges, **tuning})
    return load_config("census", (f"tuning={section}", *more))


def settings(ranges, *more, **tuning):
    config = load(ranges, *more, **tuning)
    assert config.tuning is not None
    return tuning_settings(CENSUS, config, config.tuning)


def refused(ranges, *more, **tuning) -> str:
    with pytest.raises(ConfigError) as caught:
        settings(ranges, *more, **tuning)
    return str(caught.value)


def test_without_the_section_there_is_no_search():
    assert load_config("census").tuning is None


def test_ranges_have_the_types_of_their_keys():
    found = settings(
        {
            "training.learning_rate": {"low": 1e-4, "high": 1, "log": True},
            "training.batch_size": {"choices": [64, 128]},
            "training.early_stopping_patience": {"low": 1, "high": 4},
            "training.model.dropout": {"low": 0, "high": 0.5},
            "training.clip_norm": {"low": 1, "high": 10},
            "training.optimizer": {"choices": ["adam", "adamw"]},
        }
    ).ranges
    assert found == {
        "learning_rate": Range(1e-4, 1.0, log=True),
        "batch_size": Range(choices=(64, 128)),
        "early_stopping_patience": Range(1, 4),
        "model.dropout": Range(0.0, 0.5),
        "clip_norm": Range(1.0, 10.0),
        "optimizer": Range(choices=("adam", "adamw")),
    }
    assert [type(found[key].high) for key in ("learning_rate", "early_stopping_patience")] == [float, int]


def test_the_config_is_the_first_trial_if_it_is_within_the_ranges():
    rate, dropout = {"low": 1e-4, "high": 1e-2}, {"low": 0.1, "high": 0.4}
    start = settings({"training.learning_rate": rate, "training.model.dropout": dropout}).start
    assert start == {"learning_rate": 2e-3, "model.dropout": 0.3}
    set_by_hand = settings({"training.model.dropout": dropout}, "training.model.dropout=0.2").start
    assert set_by_hand == {"model.dropout": 0.2}
    assert settings({"training.learning_rate": {"low": 1e-4, "high": 1e-3}}).start is None
    assert settings({"training.clip_norm": {"low": 1.0, "high": 2.0}}).start is None


def test_there_are_no_more_processes_than_trials():
    assert settings({"training.learning_rate": {"low": 1e-4, "high": 1e-2}}, trials=2, parallel=8).parallel == 2


@pytest.mark.parametrize(
    ("key", "nearest"),
    [
        ("training.learn_rate", "training.learning_rate"),
        ("learning_rate", "training.learning_rate"),
        ("training.model.dropuot", "training.model.dropout"),
    ],
)
def test_an_unknown_key_to_search_names_the_nearest_one(key, nearest):
    message = refused({key: {"low": 1e-4, "high": 1e-2}})
    assert message == f"tuning.ranges.{key}: unknown key. Did you mean '{nearest}'?"


@pytest.mark.parametrize("key", ["training.strategy", "training.seed", "training.model", "training.class_weights"])
def test_settings_of_trials_and_non_scalars_cannot_be_searched(key):
    assert key not in searchable(CENSUS)
    assert f"tuning.ranges.{key}: unknown key." in refused({key: {"choices": ["none"]}})


@pytest.mark.parametrize(
    ("key", "entry", "expected"),
    [
        ("training.batch_size", {"low": 1.5, "high": 4}, "int"),
        ("training.batch_size", {"choices": ["64"]}, "int"),
        ("training.optimizer", {"low": 1, "high": 2}, "choices"),
        ("training.optimizer", {"choices": ["sgd"]}, "'adam' or 'adamw'"),
        ("training.learning_rate", {"low": 0, "high": 1}, "greater than or equal to"),
        ("training.weight_averaging", {"low": 0, "high": 1}, "less than 1"),
        ("training.model.dropout", {"choices": ["much"]}, "float"),
    ],
)
def test_a_value_that_the_training_would_refuse_is_refused_early(key, entry, expected):
    message = refused({key: entry})
    assert message.startswith(f"tuning.ranges.{key}: ")
    assert expected in message


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"low": 1.0}, "either 'low' and 'high', or 'choices'"),
        ({"low": 1.0, "high": 2.0, "choices": [1.0]}, "either 'low' and 'high', or 'choices'"),
        ({"choices": [1.0], "log": True}, "either 'low' and 'high', or 'choices'"),
        ({}, "either 'low' and 'high', or 'choices'"),
        ({"low": 2.0, "high": 1.0}, "'low' must be below 'high'"),
        ({"low": 0.0, "high": 1.0, "log": True}, "with 'log', 'low' must be above 0"),
        ({"low": "small", "high": 1.0}, "a number"),
        ({"low": True, "high": 2}, "a number"),
        ({"choices": [[1]]}, "a number, a text, true or false"),
    ],
)
def test_half_a_range_is_refused(entry, expected):
    with pytest.raises(ConfigError) as caught:
        load({"training.learning_rate": entry})
    assert "tuning.ranges.training.learning_rate" in str(caught.value)
    assert expected in str(caught.value)


def test_an_unknown_key_of_a_range_names_the_nearest_one():
    with pytest.raises(ConfigError, match="Did you mean 'high'"):
        load({"training.learning_rate": {"low": 1e-4, "hihg": 1e-2}})


def test_a_search_needs_a_range():
    with pytest.raises(ConfigError, match=r"tuning.ranges: not usable"):
        load({})


def test_epochs_are_either_searched_or_given():
    assert "tuning.epochs: also in tuning.ranges" in refused({"training.epochs": {"low": 1, "high": 5}}, epochs=3)


def node_ids(config, tmp_path) -> list[str]:
    graph = create_pipeline(config, tmp_path / "rows", tmp_path / "root")
    return [node.id for node in graph.components]


def test_the_graph_has_a_tuner_before_trainer_only_where_the_config_asks_for_it(tmp_path):
    assert "Tuner" not in node_ids(load_config("census"), tmp_path)
    config = load({"training.learning_rate": {"low": 1e-4, "high": 1e-2}})
    ids = node_ids(config, tmp_path)
    assert ids[ids.index("Transform") :][:3] == ["Transform", "Tuner", "Trainer"]
    graph = create_pipeline(config, tmp_path / "rows", tmp_path / "root")
    trainer = next(node for node in graph.components if node.id == "Trainer")
    assert trainer.inputs["hyperparameters"].producer_component_id == "Tuner"
