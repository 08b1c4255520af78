"""Unknown names are refused before any node runs, with the nearest known one."""

import dataclasses

import pytest
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.utils import io_utils

from pipeline.config.load import load_config
from pipeline.errors import ConfigError
from pipeline.features.kinds.categorical import Categorical
from pipeline.features.kinds.multi_hot import MultiHot
from pipeline.features.kinds.numeric import Numeric
from pipeline.features.table import Table
from pipeline.pipeline import create_pipeline
from pipeline.settings.known_names import check_names
from pipeline.workloads.contract import Evaluation, load_workload, read_schema

CENSUS = load_workload("census")
SCHEMA = io_utils.SchemaReader().read(str(CENSUS.schema))
NAMED = {
    "training.exclude_columns": ("training.exclude_columns=[age, Sex]", "sex"),
    "report.sensitive": ("report.sensitive=[Race]", "race"),
    "report.id_columns": ("report.id_columns=[relationshp]", "relationship"),
    "evaluation.bounds, AUC": ("evaluation.bounds=[{metric: AUC, lower: 0.1, slice: {Sex: Male}}]", "mean 'sex'"),
    "evaluation.bounds, AUC, slice sex": (
        "evaluation.bounds=[{metric: AUC, lower: 0.1, slice: {sex: male}}]",
        "mean 'Male'",
    ),
    "evaluation": ("evaluation.bounds=[{metric: auc, lower: 0.1}]", "mean 'AUC'"),
    "data.split_by.key": ("data.split_by={key: Age}", "age"),
    "data.split_by.time": ("data.split_by={time: Age, cuts: [1, 2]}", "age"),
    "gate.accept, feature": ("gate.accept=[{feature: Sex, rule: DATA_MISSING, reason: x}]", "sex"),
    "gate.accept, rule": ("gate.accept=[{feature: sex, rule: DATA_MISING, reason: x}]", "DATA_MISSING"),
    "gate.accept, splits": ("gate.accept=[{feature: sex, rule: DATA_MISSING, reason: x, splits: [Eval]}]", "eval"),
}


def census(*overrides):
    return load_config("census", ("data.dataset=null", "data.path=rows", *overrides))


@pytest.mark.parametrize("where", NAMED)
def test_an_unknown_name_in_a_config_is_refused_with_the_nearest(where, tmp_path):
    override, nearest = NAMED[where]
    with pytest.raises(ConfigError) as caught:
        create_pipeline(census(override), tmp_path, tmp_path / "root")
    assert caught.value.where == where
    assert caught.value.exit_code == 2
    assert nearest in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "override",
    ["training.exclude_columns=[sex, age_bucket, fnlwgt]",
     "gate.accept=[{feature: (all), rule: DATA_MISSING, reason: x}]",
     "gate.accept=[{feature: fnlwgt, rule: ENUM_TYPE_UNEXPECTED_STRING_VALUES, reason: x}]",
     "evaluation.bounds=[{metric: AUC, lower: 0.1, slice: {sex: Male, race: White}}]"],
)  # fmt: skip
def test_known_names_pass(override):
    check_names(CENSUS, census(override), SCHEMA)


def test_a_bound_may_be_on_a_value_that_the_gate_accepts_outside_the_domain():
    bound = "evaluation.bounds=[{metric: AUC, lower: 0.1, slice: {sex: other}}]"
    accepted = "gate.accept=[{feature: sex, rule: ENUM_TYPE_UNEXPECTED_STRING_VALUES, reason: x}]"
    check_names(CENSUS, census(bound, accepted), SCHEMA)


@pytest.mark.parametrize("feature", [Numeric("Age"), MultiHot("sex", vocabulary=2, domain_of="Sex")])
def test_a_column_of_the_table_is_in_the_schema(feature):
    workload = dataclasses.replace(CENSUS, table=Table((feature,), label="over_50k"))
    with pytest.raises(ConfigError, match=r"pipeline/workloads/census/features\.py: no such column"):
        check_names(workload, census(), SCHEMA)


@pytest.mark.parametrize("targets", [{"label": "Over_50k"}, {"label": "over_50k", "weight": "fnlwgth"}])
def test_label_and_weight_are_in_the_schema(targets):
    workload = dataclasses.replace(CENSUS, table=Table((Categorical("sex", 2),), **targets))
    with pytest.raises(ConfigError) as caught:
        check_names(workload, census(), SCHEMA)
    assert caught.value.next_step in {"Did you mean 'over_50k'?", "Did you mean 'fnlwgt'?"}


def test_slices_are_by_columns_of_the_schema():
    sliced = Evaluation(slices=(("sex",), ("sex", "rac")), thresholds=CENSUS.evaluation.thresholds)
    with pytest.raises(ConfigError, match=r"evaluation\.py, slices") as caught:
        check_names(dataclasses.replace(CENSUS, evaluation=sliced), census(), SCHEMA)
    assert caught.value.next_step == "Did you mean 'race'?"


def test_at_least_one_feature_must_remain():
    columns = ", ".join(feature.name for feature in SCHEMA.feature)
    with pytest.raises(ConfigError, match="no feature is left"):
        check_names(CENSUS, census(f"training.exclude_columns=[{columns}]"), SCHEMA)


def test_a_column_that_the_model_needs_cannot_be_excluded():
    recommender = load_workload("recommender")
    config = load_config("recommender", ["training.exclude_columns=[user_gender, genres]"])
    with pytest.raises(ConfigError, match="needs these columns") as caught:
        check_names(recommender, config, read_schema(recommender))
    assert caught.value.received == "genres"


@pytest.mark.parametrize(("name", "problem"), [("age", "duplicate column"), ("", "has no name")])
def test_columns_of_a_schema_have_unique_names(name, problem):
    schema = schema_pb2.Schema()
    schema.CopyFrom(SCHEMA)
    schema.feature.add(name=name, type="BYTES")
    with pytest.raises(ConfigError, match=problem) as caught:
        check_names(CENSUS, census(), schema)
    assert caught.value.where == "schemas/census.pbtxt"


@pytest.mark.parametrize("name", ["score", "baseline_score"])
def test_the_names_of_the_scores_are_reserved(name):
    schema = schema_pb2.Schema(feature=[*SCHEMA.feature, schema_pb2.Feature(name=name, type=schema_pb2.FLOAT)])
    with pytest.raises(ConfigError, match="reserved for the scores"):
        check_names(CENSUS, census(), schema)
