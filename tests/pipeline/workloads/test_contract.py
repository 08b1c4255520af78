import dataclasses
import importlib
import sys
from pathlib import Path
from typing import Annotated

import pytest
from google.protobuf import text_format
from pydantic import ConfigDict, TypeAdapter, ValidationError
from shipped import WORKLOAD_NAMES
from tensorflow_metadata.proto.v0 import schema_pb2

import pipeline.workloads
from components.evaluation.tasks.registry import METRICS
from pipeline.config import evaluation as config
from pipeline.criteria import Change, Threshold
from pipeline.errors import ConfigError
from pipeline.features.kinds.categorical import Categorical
from pipeline.features.kinds.multi_hot import MultiHot
from pipeline.features.table import closed_columns, raw_columns
from pipeline.workloads import location
from pipeline.workloads.contract import (
    Evaluation,
    check_evaluation,
    check_model_settings,
    load_workload,
    with_bounds,
    with_usual_bounds,
)

PARTS = {
    "__init__": "",
    "features": (
        "from pipeline.features.kinds.numeric import Numeric\nfrom pipeline.features.table import Table\n\n"
        "TABLE = Table((Numeric('age'),), label='y')\n"
    ),
    "preprocessing": "def preprocessing_fn(inputs, custom_config):\n    return {}\n",
    "model": "class Settings:\n    units: int = 3\n\n\ndef build_model(table, training):\n    return None\n",
    "trainer": (
        "from pipeline.workloads.tiny.features import TABLE\n"
        "from pipeline.workloads.tiny.model import build_model\n\n\n"
        "def run_fn(fn_args):\n    return TABLE, build_model\n"
    ),
    "evaluation": (
        "from pipeline.workloads.contract import Evaluation\n\nEVALUATION = Evaluation(slices=(), thresholds=())\n"
    ),
    "card": (
        "from components.slice_report.facts import Card\n\n"
        "CARD = Card('Tiny', 'A model.', (), (), (), (), ('us',), licence='none')\n"
    ),
}


@pytest.fixture
def whole(tmp_path, monkeypatch):
    """A complete workload named ``tiny``, the only one."""
    folder, schemas = tmp_path / "workloads" / "tiny", tmp_path / "schemas"
    folder.mkdir(parents=True)
    schemas.mkdir()
    for name, text in PARTS.items():
        (folder / f"{name}.py").write_text(text)
    (schemas / "tiny.pbtxt").write_text("")
    monkeypatch.setattr(location, "WORKLOADS", folder.parent)
    monkeypatch.setattr(location, "SCHEMAS", schemas)
    monkeypatch.setattr(pipeline.workloads, "__path__", [str(folder.parent)])
    importlib.invalidate_caches()
    yield folder
    for name in [name for name in sys.modules if name.startswith("pipeline.workloads.tiny")]:
        del sys.modules[name]
    vars(pipeline.workloads).pop("tiny", None)


def schema_of(workload) -> dict[str, schema_pb2.Feature]:
    schema = text_format.Parse(load_workload(workload).schema.read_text(encoding="utf-8"), schema_pb2.Schema())
    return {feature.name: feature for feature in schema.feature}


def test_a_complete_workload_loads(whole):
    loaded = load_workload("tiny")
    assert (loaded.name, loaded.table.label, loaded.evaluation) == ("tiny", "y", Evaluation(slices=(), thresholds=()))
    assert (loaded.card.title, loaded.card.owners) == ("Tiny", ("us",))
    assert loaded.schema == location.SCHEMAS / "tiny.pbtxt"


def test_an_unknown_workload_lists_the_known_ones():
    with pytest.raises(ConfigError) as caught:
        load_workload("nobody")
    first, expected, received, searched = str(caught.value).splitlines()
    assert first == "workload: no such workload"
    assert expected.startswith(f"  expected: one of {', '.join(location.built_in())}; a package")
    assert "Searched: " in searched
    assert received == "  received: nobody"


@pytest.mark.parametrize("part", ["features", "preprocessing", "model", "trainer", "evaluation", "card"])
def test_a_workload_without_one_of_its_files_is_incomplete(whole, part):
    (whole / f"{part}.py").unlink()
    with pytest.raises(ConfigError) as caught:
        load_workload("tiny")
    assert str(caught.value).startswith("workload tiny: incomplete\n  expected: six files and a schema\n  received: no")
    assert part in caught.value.received


def test_a_workload_without_a_schema_is_incomplete(whole):
    (location.SCHEMAS / "tiny.pbtxt").unlink()
    with pytest.raises(ConfigError, match=r"workload tiny: incomplete") as caught:
        load_workload("tiny")
    assert caught.value.received == "no ['schemas/tiny.pbtxt']"


@pytest.mark.parametrize(
    ("part", "text", "attribute", "expected", "received"),
    [
        ("features", "TABLE = 3\n", "TABLE", "Table", "3"),
        ("evaluation", "EVALUATION = {}\n", "EVALUATION", "Evaluation", "{}"),
        ("card", "CARD = 'a card'\n", "CARD", "Card", "'a card'"),
        ("features", "def TABLE():\n    pass\n", "TABLE", "Table", "<function TABLE at"),
    ],
)
def test_a_file_without_what_it_must_define_is_named(whole, part, text, attribute, expected, received):
    (whole / f"{part}.py").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_workload("tiny")
    where, expects, receives = str(caught.value).splitlines()
    assert where == f"pipeline/workloads/tiny/{part}.py: {attribute} is wrong"
    assert expects == f"  expected: {expected}"
    assert receives.startswith(f"  received: {received}")


def test_there_are_workloads():
    assert {"census", "impressions", "recommender"} <= set(WORKLOAD_NAMES)


@pytest.mark.parametrize("name", WORKLOAD_NAMES)
def test_every_workload_loads_and_its_functions_are_where_it_says(name):
    loaded = load_workload(name)
    for path, part in ((loaded.preprocessing_fn, "preprocessing"), (loaded.run_fn, "trainer")):
        module, function = path.rsplit(".", 1)
        source = Path(location.WORKLOADS / name / f"{part}.py").read_text(encoding="utf-8")
        assert module == f"pipeline.workloads.{name}.{part}"
        assert f"def {function}(" in source


@pytest.mark.parametrize("name", WORKLOAD_NAMES)
def test_every_column_of_the_table_is_in_the_schema(name):
    table = load_workload(name).table
    assert set(raw_columns(table.features)) | {table.target.column} <= set(schema_of(name))


@pytest.mark.parametrize("name", WORKLOAD_NAMES)
def test_every_feature_that_is_sliced_on_is_in_the_schema(name):
    evaluation = load_workload(name).evaluation
    sliced = {feature for names in evaluation.slices for feature in names}
    bounded = {feature for threshold in evaluation.thresholds for feature in threshold.slice}
    assert sliced
    assert sliced | bounded <= set(schema_of(name))


@pytest.mark.parametrize("name", WORKLOAD_NAMES)
def test_every_slice_with_a_bound_is_computed_and_its_value_can_occur(name):
    evaluation, schema = load_workload(name).evaluation, schema_of(name)
    slices = {tuple(sorted(names)) for names in evaluation.slices}
    for named in (threshold.slice for threshold in evaluation.thresholds if threshold.slice):
        assert tuple(sorted(named)) in slices
        assert all(value in schema[feature].string_domain.value for feature, value in named.items())


@pytest.mark.parametrize("name", WORKLOAD_NAMES)
def test_every_metric_with_a_bound_is_known_and_every_bound_can_be_kept(name):
    evaluation = load_workload(name).evaluation
    assert {bound.metric for bound in (*evaluation.thresholds, *evaluation.changes)} <= set(METRICS)
    assert all((bound.lower, bound.upper) != (None, None) for bound in evaluation.thresholds)
    assert all(change.better in ("higher", "lower") and change.tolerance > 0 for change in evaluation.changes)


@pytest.mark.parametrize("name", WORKLOAD_NAMES)
def test_every_closed_vocabulary_is_the_domain_of_its_column(name):
    features, schema = load_workload(name).table.features, schema_of(name)
    domains = {column: len(schema[column].string_domain.value) for column in closed_columns(features)}
    assert all(domains.values())
    for feature in features:
        if isinstance(feature, MultiHot):
            assert feature.vocabulary == domains[feature.domain_of]
        elif isinstance(feature, Categorical) and feature.closed:
            assert feature.vocabulary == domains[feature.name]


@pytest.mark.parametrize("name", WORKLOAD_NAMES)
def test_the_label_is_absent_when_serving_and_the_columns_of_the_model_are_not(name):
    table, schema = load_workload(name).table, schema_of(name)
    assert list(schema[table.target.column].not_in_environment) == ["SERVING"]
    assert table.target.column not in raw_columns(table.features)
    assert all(not schema[column].not_in_environment for column in raw_columns(table.features))


@pytest.mark.parametrize("name", WORKLOAD_NAMES)
def test_every_schema_has_both_environments(name):
    schema = text_format.Parse(load_workload(name).schema.read_text(encoding="utf-8"), schema_pb2.Schema())
    assert list(schema.default_environment) == ["TRAINING", "SERVING"]


def test_bounds_of_a_config_replace_those_of_the_workload():
    own = load_workload("census").evaluation
    bound = Threshold(metric="AUC", lower=0.5, slice={"sex": "Male", "race": "White"})
    changed = with_bounds(own, config.Evaluation(bounds=(bound,)))
    assert changed.thresholds == (Threshold("AUC", lower=0.5, slice={"race": "White", "sex": "Male"}),)
    assert (changed.slices, changed.changes) == (own.slices, own.changes)


def test_a_config_without_bounds_leaves_those_of_the_workload():
    own = load_workload("census").evaluation
    assert with_bounds(own, config.Evaluation()) is own


def test_a_config_may_rank_within_other_groups_than_the_workload():
    own = load_workload("census").evaluation
    bound = Threshold(metric="GroupNDCG", lower=0.5)
    changed = with_bounds(own, config.Evaluation(bounds=(bound,), rank_by=("race",), rank_at=3))
    assert (changed.rank_by, changed.rank_at) == (("race",), 3)
    assert (own.rank_by, own.rank_at) == ((), 10)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (config.Evaluation(bounds=()), "no bound on any metric"),
        (config.Evaluation(bounds=(Threshold(metric="AUC"),)), "neither lower nor upper"),
        (config.Evaluation(bounds=(Threshold(metric="AUCC", lower=0.5),)), "no such metric"),
        (
            config.Evaluation(bounds=(Threshold(metric="AUC", lower=0.5, slice={"sexx": "Male"}),)),
            "no such slice",
        ),
        (
            config.Evaluation(changes=(Change(metric="Auc", better="higher", tolerance=0.1),)),
            "no such metric",
        ),
        (config.Evaluation(bounds=(Threshold(metric="GroupNDCG", lower=0.5),)), "not ranked within groups"),
        (config.Evaluation(changes=(Change("GroupAUC", better="higher", tolerance=0.1),)), "not ranked within groups"),
    ],
)
def test_a_bound_that_cannot_be_measured_is_refused(settings, said):
    with pytest.raises(ConfigError, match=said):
        with_bounds(load_workload("census").evaluation, settings)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("dropout", 2.0), ("dropout", 1.0), ("dropout", -0.1), ("dropout", True), ("dropout", "0.1"),
        ("dropout", float("nan")), ("embedding_l2", float("inf")), ("embedding_l2", 1e30), ("cross_l2", "small"),
    ],
)  # fmt: skip
def test_a_model_setting_out_of_bounds_is_refused(key, value):
    with pytest.raises(ConfigError, match=rf"training.model.{key}: not usable"):
        check_model_settings(load_workload("census"), {key: value})


@pytest.mark.parametrize(("key", "value"), [("dropout", 0), ("dropout", 0.99), ("embedding_l2", 1e-9)])
def test_a_model_setting_within_bounds_is_accepted(key, value):
    check_model_settings(load_workload("census"), {key: value})


def test_a_workload_may_set_bounds_of_its_own_and_whole_numbers_are_whole():
    assert with_usual_bounds("dropout", Annotated[float, "mine"]) == Annotated[float, "mine"]
    taken = TypeAdapter(with_usual_bounds("units", int), config=ConfigDict(strict=True))
    assert taken.validate_python(64) == 64
    for wrong in (True, 64.0, 10**9):
        with pytest.raises(ValidationError):
            taken.validate_python(wrong)


NAN = float("nan")


@pytest.mark.parametrize(
    "change",
    [{"decision_threshold": NAN}, {"decision_threshold": 2.0}, {"thresholds": (Threshold("AUC", lower=NAN),)},
     {"thresholds": (Threshold("AUC", lower=0.9, upper=0.1),)}, {"changes": (Change("AUC", "up", 0.1),)},
     {"changes": (Change("AUC", "higher", -0.1),)}, {"changes": (Change("AUC", "higher", NAN),)}, {"rank_at": 0}],
)  # fmt: skip
def test_bounds_of_a_workload_are_such_as_can_be_kept(change):
    with pytest.raises(ConfigError):
        check_evaluation(dataclasses.replace(load_workload("census").evaluation, **change))
