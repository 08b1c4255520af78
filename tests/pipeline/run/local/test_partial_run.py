import json

import pytest
from ml_metadata.proto import metadata_store_pb2 as pb

from pipeline.nodes import SCHEMA_IMPORT
from pipeline.run.local.partial_run import Difference, key_of, settings_differ, settings_of


def told(**parameters) -> dict[str, pb.Value]:
    return {name: pb.Value(string_value=value) for name, value in parameters.items()}


def wrapped(settings) -> str:
    """The custom config of an ExampleGen, as TFX records it."""
    value = {"@type": "type.googleapis.com/google.protobuf.Struct", "value": {"settings": json.dumps(settings)}}
    return json.dumps({"custom_config": value})


def test_settings_of_a_training_have_the_keys_of_the_config_without_code_and_paths():
    custom = {"training": {"epochs": 2, "model": {"units": [8, 4]}}, "source": "ab12", "labels": "/rows/labels"}
    found = settings_of("Trainer", told(run_fn="a.b.run_fn", custom_config=json.dumps(custom)), ["hyperparameters"])
    assert found == {
        "workload": {"run_fn": "a.b.run_fn"},
        "training.epochs": 2,
        "training.model.units": [8, 4],
        "tuning": "given",
    }


def test_settings_of_the_rows_have_the_keys_of_the_config():
    settings = {
        "columns": {"rules": {"age": {"type": "INT", "required": True}}, "others": "fail"},
        "on_bad_row": "fail", "splitting": {"by": "key", "begins": [5]}, "seed": 1, "layout": 2,
    }  # fmt: skip
    found = settings_of("ExampleGen", told(input_base="/rows", custom_config=wrapped(settings)), [])
    assert found == {
        "data (the folder of the rows)": {"input_base": "/rows"},
        "schema": {"settings.columns.rules.age.type": "INT", "settings.columns.rules.age.required": True},
        "data.other_columns": "fail",
        "data.on_bad_row": "fail",
        "data.split_by": {"settings.splitting.by": "key", "settings.splitting.begins": [5]},
        "data.seed": 1,
    }


def test_a_schema_is_the_same_wherever_its_copy_is():
    copies = (told(schema_file=f"{root}/schemas/a-1.pbtxt") for root in ("/a", "/b"))
    one, other = (settings_of(SCHEMA_IMPORT, copy, []) for copy in copies)
    assert one == other == {"schema": {"schema_file": "a-1.pbtxt"}}


@pytest.mark.parametrize(
    ("node", "path", "key"),
    [
        ("ValidationGate", "accept", "gate.accept"),
        ("Transform", "custom_config.source", ""),
        ("Transform", "custom_config.domains.city", "schema"),
        ("Trainer", "custom_config.training_like", ""),
        ("Tuner", "settings.fixed.mixed_precision", ""),
        ("Tuner", "settings.trials", "tuning.trials"),
        ("Evaluator", "eval_config.options", "evaluation"),
        ("SliceReport", "settings.config", ""),
        ("SliceReport", "settings.sensitive", "report"),
        ("StatisticsGen", "anything", ""),
    ],
)
def test_the_key_is_that_of_the_longest_prefix(node, path, key):
    assert key_of(node, path) == key


def test_a_refusal_names_each_key_once_with_both_values_and_the_node_to_start_from():
    error = settings_differ([
        Difference("Tuner", "training.epochs", 2, 77),
        Difference("Trainer", "training.epochs", 2, 77),
        Difference("Trainer", "workload", {"run_fn": "a"}, {"run_fn": "b"}),
    ])  # fmt: skip
    assert error.exit_code == 2
    assert error.problem.endswith("other settings: training.epochs, workload")
    assert (error.expected, error.received) == ("training.epochs=2", "training.epochs=77")
    assert "--from Tuner" in error.next_step
    assert settings_differ([Difference("Trainer", "workload", {"run_fn": "a"}, {})]).expected == "others"
