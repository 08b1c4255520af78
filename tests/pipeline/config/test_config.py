import math
from pathlib import Path

import pydantic
import pytest
import yaml
from shipped import CONFIGS, WORKLOAD_NAMES

from pipeline.config.load import CONF, config_path, load_config, merge, parse_override, read_yaml
from pipeline.config.root import Config
from pipeline.errors import ConfigError

MINIMAL = """\
name: tiny
workload: census
data: {dataset: census}
training: {epochs: 2, batch_size: 32, learning_rate: 1e-3}
"""


@pytest.fixture
def minimal(tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text(MINIMAL, encoding="utf-8")
    return path


def refused(path, *overrides) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(str(path), overrides)
    return str(caught.value)


def test_the_project_has_configs():
    assert {"census", "recommender"} <= set(CONFIGS)


@pytest.mark.parametrize("name", CONFIGS)
def test_every_config_loads_and_is_named_after_its_file(name):
    assert load_config(name).name == name


def test_a_file_needs_no_more_than_the_required_keys(minimal):
    config = load_config(str(minimal))
    assert (config.training.epochs, config.training.learning_rate, config.training.optimizer) == (2, 0.001, "adamw")


def test_an_unknown_top_level_key_names_the_nearest_one(minimal):
    assert refused(minimal, "trainin={}") == f"{minimal}: trainin: unknown key. Did you mean 'training'?"


def test_an_unknown_nested_key_names_the_nearest_one(minimal):
    message = refused(minimal, "training.learn_rate=1e-3")
    assert message == f"{minimal}: training.learn_rate: unknown key. Did you mean 'learning_rate'?"


def test_an_unknown_key_without_a_near_one_lists_the_known_ones(minimal):
    message = refused(minimal, "gate.zzz=1")
    assert message == f"{minimal}: gate.zzz: unknown key. Known here: accept, block_on."


def test_an_unknown_key_inside_a_list_names_the_nearest_one(minimal):
    message = refused(minimal, "gate.accept=[{feature: age, rule: X, reason: Y, split: [eval]}]")
    assert message.startswith(f"{minimal}: gate.accept.0.split: unknown key.")
    assert "Did you mean 'splits'?" in message


def test_an_unknown_key_of_a_bound_names_the_nearest_one(minimal):
    message = refused(minimal, "evaluation.bounds=[{metric: AUC, lowr: 0.5}]")
    assert message.startswith(f"{minimal}: evaluation.bounds.0.lowr: unknown key.")
    assert "Did you mean 'lower'?" in message


@pytest.mark.parametrize(
    ("override", "key", "expected", "received"),
    [
        ('training.epochs="3"', "training.epochs", "valid integer", "'3'"),
        ("training.epochs=2.5", "training.epochs", "valid integer", "2.5"),
        ("training.epochs=yes", "training.epochs", "valid integer", "True"),
        ("training.epochs=", "training.epochs", "valid integer", "None"),
        ("training.epochs=0", "training.epochs", "greater than 0", "0"),
        ("training.learning_rate=fast", "training.learning_rate", "valid number", "'fast'"),
        ("training.learning_rate=-1e-3", "training.learning_rate", "greater than or equal to", "-0.001"),
        ("training.warmup_share=1.5", "training.warmup_share", "less than or equal to 1", "1.5"),
        ("training.optimizer=sgd", "training.optimizer", "'adam' or 'adamw'", "'sgd'"),
        ("training=3", "training", "object", "3"),
        ("data.on_bad_row=drop", "data.on_bad_row", "'fail' or 'quarantine'", "'drop'"),
        ("data.other_columns=drop", "data.other_columns", "'fail' or 'ignore'", "'drop'"),
        ("data.max_bad_share=1", "data.max_bad_share", "less than 1", "1"),
        ("beam_pipeline_args=--x", "beam_pipeline_args", "array", "'--x'"),
        ("name=Has Spaces", "name", "match pattern", "'Has Spaces'"),
        ("evaluation.confidence_intervals=1", "evaluation.confidence_intervals", "boolean", "1"),
    ],
)
def test_a_wrong_value_says_where_expected_and_received(minimal, override, key, expected, received):
    first, *details = refused(minimal, override).splitlines()
    assert first == f"{minimal}: {key}: not usable"
    assert details[0].startswith("  expected: ")
    assert expected in details[0]
    assert details[1] == f"  received: {received}"


@pytest.mark.parametrize("value", [".nan", ".inf"])
def test_a_rate_that_is_not_finite_is_refused(minimal, value):
    assert "training.learning_rate: not usable" in refused(minimal, f"training.learning_rate={value}")


def test_a_wrong_value_of_the_model_is_named_by_its_own_key(minimal):
    assert refused(minimal, "training.model.units=[1, 2]").splitlines()[0] == (
        f"{minimal}: training.model.units: not usable"
    )


def test_a_missing_required_key_is_named_with_the_next_step(tmp_path):
    path = tmp_path / "no_epochs.yaml"
    path.write_text(MINIMAL.replace("epochs: 2, ", ""))
    message = refused(path)
    assert message == (
        f"{path}: training.epochs: required key is missing\n  next:     Add it, or pass --set training.epochs=VALUE."
    )


def test_all_missing_keys_are_named_at_once(tmp_path):
    path = tmp_path / "empty.yaml"
    path.write_text("")
    assert refused(path) == (
        f"{path}: required keys are missing: name, workload, data, training.epochs, training.batch_size, "
        "training.learning_rate\n  next:     Add them, or pass --set KEY=VALUE for each."
    )
    path.write_text("workload: census\ndata: {dataset: census}\ntraining: {epochs: 3}\n")
    missing = "name, training.batch_size, training.learning_rate"
    assert f"required keys are missing: {missing}\n" in refused(path)


def test_a_misspelled_required_key_is_told_before_the_missing_one(minimal):
    minimal.write_text(MINIMAL.replace("workload:", "workloads:"))
    assert "workloads: unknown key. Did you mean 'workload'?" in refused(minimal)


@pytest.mark.parametrize(("name", "usable"), [("my_churn", "my-churn"), ("Churn 2", "churn-2"), ("2", "my-run")])
def test_a_name_that_cannot_be_used_gets_one_that_can(minimal, name, usable):
    lines = refused(minimal, f"name={name}").splitlines()
    assert lines[0] == f"{minimal}: name: not usable"
    assert lines[-1] == f"  next:     Write name: {usable}"
    assert load_config(str(minimal), (f"name={usable}",)).name == usable


@pytest.mark.parametrize("data", ["{}", "{dataset: census, path: rows}"])
def test_data_come_from_exactly_one_source(minimal, data):
    minimal.write_text(MINIMAL.replace("{dataset: census}", data))
    message = refused(minimal)
    assert message.startswith(f"{minimal}: data: not usable")
    assert "give exactly one of 'dataset' and 'path'" in message


def test_a_folder_replaces_a_data_set(minimal):
    config = load_config(str(minimal), ("data.dataset=null", "data.path=rows"))
    assert (config.data.dataset, config.data.path) == (None, "rows")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("1e-3", 0.001),
        ("2E3", 2000.0),
        ("-1e-3", -0.001),
        ("2.5e-3", 0.0025),
        ("1.5e3", 1500.0),
        ("true", True),
        ("null", None),
        ("", None),
        ("[1, b]", [1, "b"]),
        ("{a: 1}", {"a": 1}),
        ("a=b", "a=b"),
        ('"3"', "3"),
        ("1e-3x", "1e-3x"),
    ],
)
def test_a_set_is_read_as_yaml(text, value):
    parsed = parse_override(f"a.b={text}")
    assert parsed == {"a": {"b": value}}
    assert type(parsed["a"]["b"]) is type(value)


@pytest.mark.parametrize("text", ["training.epochs", "=3", ""])
def test_a_set_that_assigns_nothing_is_refused(text):
    with pytest.raises(ConfigError) as caught:
        parse_override(text)
    first, expected = str(caught.value).splitlines()
    assert first == f"--set {text}: not an assignment"
    assert expected == "  expected: key=value, such as training.epochs=3"


def test_a_set_whose_value_is_not_yaml_is_refused():
    with pytest.raises(ConfigError) as caught:
        parse_override("gate.accept=[1, 2")
    assert str(caught.value) == "--set gate.accept: the value is not YAML\n  received: [1, 2"


@pytest.mark.parametrize("text", ["2025-10-1", "2025-10-01", "2025-10-01 10:00:00"])
def test_a_date_stays_the_text_as_written(minimal, text):
    assert load_config(str(minimal), ("data.dataset=null", f"data.path={text}")).data.path == text


def test_a_list_by_set_reaches_the_config(minimal):
    config = load_config(str(minimal), ("beam_pipeline_args=[--direct_num_workers=2]",))
    assert config.beam_pipeline_args == ("--direct_num_workers=2",)


def test_an_acceptance_by_set_reaches_the_config(minimal):
    config = load_config(str(minimal), ("gate.accept=[{feature: age, rule: X, reason: Y, splits: [eval]}]",))
    (accepted,) = config.gate.accept
    assert (accepted.feature, accepted.splits) == ("age", ("eval",))


def test_model_settings_keep_their_types(minimal):
    sets = ("training.model.units=64", "training.model.dropout=0.5", "training.model.wide=true", "training.model.act=x")
    model = load_config(str(minimal), sets).training.model
    assert [(name, type(value)) for name, value in model.items()] == [
        ("units", int),
        ("dropout", float),
        ("wide", bool),
        ("act", str),
    ]


def test_the_overlay_overrides_the_file(minimal):
    minimal.write_text(MINIMAL + "beam_pipeline_args: [--from-the-file]\n")
    overlay = yaml.safe_load((CONF / "env" / "local.yaml").read_text(encoding="utf-8"))
    assert load_config(str(minimal)).beam_pipeline_args == tuple(overlay["beam_pipeline_args"])


def test_a_set_overrides_the_overlay_and_earlier_sets(minimal):
    sets = ("beam_pipeline_args=[--first]", "beam_pipeline_args=[--second]")
    assert load_config(str(minimal), sets).beam_pipeline_args == ("--second",)


def test_a_set_leaves_other_keys_alone(minimal):
    before, after = load_config(str(minimal)), load_config(str(minimal), ("training.epochs=7",))
    assert after.training.epochs == 7
    assert after.model_copy(update={"training": before.training}) == before
    assert after.training.model_copy(update={"epochs": 2}) == before.training


def test_merging_changes_neither_argument():
    base, over = {"a": {"b": 1}}, {"a": {"c": 2}, "d": [1]}
    assert merge(base, over) == {"a": {"b": 1, "c": 2}, "d": [1]}
    assert (base, over) == ({"a": {"b": 1}}, {"a": {"c": 2}, "d": [1]})


def test_lists_are_replaced_and_not_joined():
    assert merge({"a": [1, 2]}, {"a": [3]}) == {"a": [3]}


def test_an_unknown_environment_is_refused(minimal):
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: cannot be read as YAML\n  received: .*No such file"):
        load_config(str(minimal), env="nowhere")


@pytest.mark.parametrize("env", ["flink", "spark", "dataflow"])
def test_an_overlay_for_a_runner_of_beam_changes_its_options_only_and_beam_knows_them_all(minimal, env):
    from apache_beam.options.pipeline_options import PipelineOptions

    local, config = load_config(str(minimal)), load_config(str(minimal), env=env)
    assert config.model_copy(update={"beam_pipeline_args": local.beam_pipeline_args}) == local
    known = PipelineOptions(list(config.beam_pipeline_args)).get_all_options(drop_default=True)
    given = dict(argument.removeprefix("--").split("=", 1) for argument in config.beam_pipeline_args)
    assert {name: str(value) for name, value in known.items()} == given
    assert given["setup_file"] == "./setup.py"


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ConfigError) as caught:
        config_path("nobody")
    first, expected, received = str(caught.value).splitlines()
    assert first == "--config nobody: no such config"
    assert all(name in expected for name in CONFIGS)
    assert received == "  received: nobody"


def test_a_missing_file_is_an_unknown_config(tmp_path):
    assert "no such config" in refused(tmp_path / "absent.yaml")


def test_broken_yaml_is_shown_with_its_line(tmp_path):
    path = tmp_path / "broken.yaml"
    path.write_text("name: tiny\ntraining: {epochs: 3\n")
    message = refused(path)
    assert message.startswith(f"{path}: cannot be read as YAML\n  received: ")
    assert "line 2" in message


def test_a_file_that_is_not_utf8_is_refused(tmp_path):
    path = tmp_path / "latin.yaml"
    path.write_bytes("name: caf\xe9\n".encode("latin-1"))
    message = refused(path)
    assert message.startswith(f"{path}: cannot be read as YAML")
    assert "utf-8" in message


def test_a_file_that_builds_python_objects_is_refused(tmp_path):
    path = tmp_path / "evil.yaml"
    path.write_text("name: !!python/object/apply:os.getcwd []\n")
    assert "cannot be read as YAML" in refused(path)


def test_a_file_that_is_a_list_is_refused(tmp_path):
    path = tmp_path / "list.yaml"
    path.write_text("- name: tiny\n")
    assert refused(path) == f"{path}: not a mapping\n  expected: key: value\n  received: list"


def test_a_key_that_is_a_date_is_an_unknown_key(minimal):
    minimal.write_text(MINIMAL + "2020-01-01: x\n")
    assert "2020-01-01: unknown key" in refused(minimal)


def test_an_empty_file_is_an_empty_mapping(tmp_path):
    path = tmp_path / "empty.yaml"
    path.write_text("# nothing\n")
    assert read_yaml(path) == {}


def test_a_config_is_frozen(minimal):
    config = load_config(str(minimal))
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        config.name = "other"
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        config.training.epochs = 9


def test_a_config_survives_yaml(minimal, tmp_path):
    config = load_config(str(minimal), ("gate.accept=[{feature: age, rule: X, reason: Y}]", "training.clip_norm=0.5"))
    saved = tmp_path / "config.yaml"
    saved.write_text(yaml.safe_dump(config.model_dump(mode="json")), encoding="utf-8")
    assert load_config(str(saved)) == config


def test_every_share_and_rate_in_conf_is_sensible():
    trainings = [load_config(name).training for name in CONFIGS]
    assert all(math.isfinite(training.learning_rate) and training.learning_rate < 1 for training in trainings)


def test_a_config_names_a_workload_that_exists():
    assert {load_config(name).workload for name in CONFIGS} <= set(WORKLOAD_NAMES)


def test_paths_do_not_depend_on_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert isinstance(load_config("census"), Config)
    assert Path(config_path("census")).is_absolute()
