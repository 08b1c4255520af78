import pytest
import tensorflow_model_analysis as tfma
from fakes.stock.evaluator_runs import make_config
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_model_analysis.metrics.metric_types import MetricKey

from components.batch_evaluator.plan import check_schema, make_plan
from components.evaluation.metrics import Metric
from pipeline.errors import ConfigError


def changed(text, *metrics):
    config = make_config(*(metrics or ("AUC",)))
    text_format.Merge(text, config)
    return config


def test_settings_are_read_and_keys_named_as_tfma_names_them():
    config = make_config("AUC", "Precision")
    config.metrics_specs[0].metrics[0].config = '"num_thresholds": 50, "name": "coarse"'
    config.metrics_specs[0].metrics[1].config = '{"thresholds": [0.3]}'
    plan = make_plan(config, has_baseline=False)
    assert plan.metrics == {
        MetricKey("coarse", example_weighted=False): Metric("AUC", thresholds=50),
        MetricKey("precision", example_weighted=False): Metric("Precision", threshold=0.3),
    }
    assert [model.column for model in plan.models] == ["score"]
    assert not plan.intervals


def test_a_baseline_doubles_the_keys_and_comes_second():
    plan = make_plan(make_config("AUC"), has_baseline=True)
    assert [model.name for model in plan.models] == [tfma.CANDIDATE_KEY, tfma.BASELINE_KEY]
    assert [key.model_name for key in plan.metrics] == [tfma.CANDIDATE_KEY, tfma.BASELINE_KEY]


@pytest.mark.parametrize(
    ("name", "settings", "named"),
    [
        ("NDCG", "", "NDCG: unknown metric"),
        ("AUC", '"curve": "PR"', "AUC.curve: unknown key"),
        ("AUC", '"num_thresholds": 1', "AUC.num_thresholds: out of range"),
        ("Precision", '"thresholds": [0.1, 0.2]', "Precision.threshold: out of range"),
        ("Recall", '"thresholds": [-1.0]', "Recall.threshold: out of range"),
        ("BinaryCrossEntropy", '"label_smoothing": 0.1', "label_smoothing: unknown key"),
        ("AUC", '"name"', "not JSON"),
    ],
)
def test_an_unknown_metric_or_key_is_refused(name, settings, named):
    config = make_config(name)
    config.metrics_specs[0].metrics[0].config = settings
    with pytest.raises(ConfigError, match=named):
        make_plan(config, has_baseline=False)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('metrics_specs { query_key: "q" }', "query_key"),
        ("metrics_specs { aggregate { micro_average: true } }", "aggregate"),
        ('model_specs { name: "third" signature_name: "s" }', "candidate and at most one baseline"),
        ("cross_slicing_specs { baseline_spec {} slicing_specs {} }", "cross_slicing_specs"),
        ("options { min_slice_size { value: 5 } }", "min_slice_size"),
        (
            "options { compute_confidence_intervals { value: true } "
            "confidence_intervals { method: POISSON_BOOTSTRAP } }",
            "jackknife",
        ),
    ],
)
def test_settings_with_another_meaning_in_tfma_are_refused(text, named):
    with pytest.raises(ConfigError, match=named):
        make_plan(changed(text), has_baseline=False)


def test_weights_are_refused():
    config = make_config("AUC")
    config.model_specs[0].example_weight_key = "weight"
    with pytest.raises(ConfigError, match="example_weight_key"):
        make_plan(config, has_baseline=False)


def test_a_model_must_be_called_by_a_signature():
    config = make_config("AUC")
    config.model_specs[0].prediction_key = ""
    with pytest.raises(ConfigError, match="prediction_key is missing"):
        make_plan(config, has_baseline=False)


@pytest.mark.parametrize(
    ("columns", "several", "named"),
    [
        (("sex",), (), "over_50k: not in the schema"),
        (("over_50k",), (), "sex: not in the schema"),
        (("over_50k", "sex"), ("sex",), "sex: has several values"),
        (("over_50k", "sex", "score"), (), "the name is taken by the scores"),
    ],
)
def test_columns_are_checked_against_the_schema(columns, several, named):
    plan = make_plan(make_config("AUC", slices=({"feature_keys": ["sex"]},)), has_baseline=False)
    schema = schema_pb2.Schema(feature=[schema_pb2.Feature(name=name) for name in columns])
    with pytest.raises(ConfigError, match=named):
        check_schema(plan, schema, frozenset(several))
