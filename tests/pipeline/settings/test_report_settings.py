import pytest
from tfx.utils import io_utils

from components.slice_report.settings import from_json
from pipeline.config.load import load_config
from pipeline.errors import ConfigError
from pipeline.settings.report import report_settings
from pipeline.workloads.contract import load_workload


def settings(name, *overrides):
    config = load_config(name, overrides)
    workload = load_workload(config.workload)
    return report_settings(workload, config, io_utils.SchemaReader().read(str(workload.schema)))


@pytest.mark.parametrize("name", ["census", "recommender", "recommender-random", "impressions"])
def test_the_settings_survive_json(name):
    made = settings(name)
    assert from_json(made.as_json()) == made
    assert made.as_json() == settings(name).as_json()


def test_the_config_is_there_key_by_key():
    config = dict(settings("census", "training.epochs=3").config)
    assert config["training.epochs"] == "3"
    assert config["report.sensitive"] == '["sex", "race"]'
    assert config["release.review"] == "none"


def test_slices_are_ordered_by_the_metric_of_the_first_bound():
    assert settings("census").primary_metric == "auc"
    bounds = "evaluation.bounds=[{metric: BinaryCrossEntropy, upper: 1.0}]"
    assert settings("census", bounds).primary_metric == "binary_crossentropy"


def test_the_bounds_are_those_of_the_config_where_it_has_some():
    bounds = settings("census", "evaluation.bounds=[{metric: AUC, lower: 0.5}]").bounds
    assert [(bound.metric, bound.lower) for bound in bounds.thresholds] == [("AUC", 0.5)]


def test_the_reason_of_an_accepted_anomaly_is_passed_on():
    accepted = "gate.accept=[{feature: sex, rule: ENUM, reason: new in May, splits: [train]}]"
    (acceptance,) = settings("census", accepted).acceptances
    assert (acceptance.feature, acceptance.reason, tuple(acceptance.splits)) == ("sex", "new in May", ("train",))


def test_thresholds_of_groups_are_passed_on():
    made = settings("census", "report.group_thresholds={sex: {Female: 0.4}}")
    assert made.group_thresholds == {"sex": {"Female": 0.4}}
    assert from_json(made.as_json()) == made
    assert settings("census").group_thresholds == {}


@pytest.mark.parametrize(
    ("value", "problem"),
    [("{workclass: {Private: 0.4}}", "not a column of report.sensitive"), ("{sex: {Female: 1.5}}", "1.5")],
)
def test_thresholds_of_groups_must_be_of_sensitive_columns_and_within_0_and_1(value, problem):
    with pytest.raises(ConfigError, match=r"report\.group_thresholds") as raised:
        settings("census", f"report.group_thresholds={value}")
    assert problem in str(raised.value)


@pytest.mark.parametrize(
    "key", ["report.sensitive", "report.id_columns", "evaluation.cluster_by", "evaluation.rank_by"]
)
def test_an_unknown_column_is_refused_with_the_nearest(key):
    with pytest.raises(ConfigError) as raised:
        settings("census", f"{key}=[relationshp]")
    assert str(raised.value).startswith(f"{key}: no such column")
    assert "Did you mean 'relationship'?" in str(raised.value)
