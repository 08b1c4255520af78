"""Metrics within groups in an evaluation: its slices, its bounds, and TFMA's readers."""

import numpy as np
import pyarrow as pa
import pytest
import tensorflow_model_analysis as tfma
from fakes.stock.evaluator_runs import make_config
from google.protobuf import json_format
from sklearn.metrics import ndcg_score, roc_auc_score
from tensorflow_metadata.proto.v0 import schema_pb2

from components.batch_evaluator.evaluation import evaluate
from components.batch_evaluator.plan import check_schema, make_plan
from components.batch_evaluator.stock_executor import StockExecutor
from components.evaluation.predictions import read_predictions
from components.evaluation.ranked import tfma_metrics
from components.evaluation.ranked.within_groups import RANKED
from components.evaluation.results import read_evaluation
from components.evaluation.tasks.registry import METRICS
from components.evaluation.verdict import Bounds
from pipeline.criteria import Change, Threshold
from pipeline.errors import ConfigError

BY_SEX = ({}, {"feature_keys": ["sex"]})


def ranked_config(*others, settings='"group_by": ["age"], "top_k": 3', slices=BY_SEX, intervals=True):
    """All metrics within groups, after others; GroupAUC is the first of them."""
    config = make_config(*others, *RANKED, slices=slices, intervals=intervals)
    for metric in config.metrics_specs[0].metrics:
        if metric.class_name in RANKED:
            metric.module = tfma_metrics.__name__
            metric.config = settings if metric.class_name != "GroupAUC" else settings.split(', "top_k"')[0]
    return config


def drawn(rows=400):
    generator = np.random.default_rng(0)
    score = generator.random(rows).astype(np.float32)
    return pa.table(
        {
            "age": generator.integers(0, 40, rows),
            "sex": generator.choice(["Female", "Male"], rows),
            "over_50k": (generator.random(rows) < score).astype(np.int64),
            "score": score,
            "baseline_score": np.sqrt(score) * generator.random(rows).astype(np.float32),
        }
    )


def by_group(rows, score, metric, counts):
    """The mean of a metric over groups, from their labels and scores."""
    of_group = [rows.filter(pa.compute.equal(rows["age"], age)) for age in pa.compute.unique(rows["age"])]
    columns = [(group["over_50k"].to_numpy(), group[score].to_numpy()) for group in of_group]
    return np.mean([metric(*group) for group in columns if counts(group[0])])


def wanted(rows, score):
    def gain(label, scores):
        return ndcg_score([label], [scores], k=3)

    return {
        "group_auc": by_group(rows, score, roc_auc_score, lambda label: 0 < label.sum() < len(label)),
        "group_ndcg": by_group(rows, score, gain, lambda label: label.sum() > 0 and len(label) > 1),
    }


def test_every_slice_ranks_its_own_rows_for_both_models_and_their_difference():
    table = drawn()
    plan = make_plan(ranked_config(), has_baseline=True, cluster_by=["age"])
    slices = {key: values for key, values, _ in evaluate(table, plan)}
    assert len(slices) == 3
    for key, values in slices.items():
        rows = table.filter(pa.compute.equal(table["sex"], key[0][1])) if key else table
        expected = {score: wanted(rows, score) for score in ("score", "baseline_score")}
        for name in ("group_auc", "group_ndcg"):
            of_name = {(of.model_name, of.is_diff): found for of, found in values.items() if of.name == name}
            model, baseline = of_name[tfma.CANDIDATE_KEY, False], of_name[tfma.BASELINE_KEY, False]
            change = of_name[tfma.CANDIDATE_KEY, True]
            assert model[0] == pytest.approx(expected["score"][name], abs=1e-9)
            assert baseline[0] == pytest.approx(expected["baseline_score"][name], abs=1e-9)
            assert change[0] == pytest.approx(model[0] - baseline[0], abs=1e-12)
            assert min(found[1].value for found in of_name.values()) > 0
            assert model[1].degrees_of_freedom < 40


def test_without_rows_nothing_is_measured():
    plan = make_plan(ranked_config(), has_baseline=False)
    assert list(evaluate(drawn().slice(0, 0), plan)) == []


@pytest.mark.parametrize("cluster_by", [[], ["age"], ["sex"]])
def test_units_must_hold_whole_groups(cluster_by):
    plan = make_plan(ranked_config(), has_baseline=False, cluster_by=cluster_by)
    if cluster_by != ["sex"]:
        assert len(list(evaluate(drawn(), plan))) == 3
        return
    with pytest.raises(
        ConfigError, match=r"40 of 40 groups of evaluation\.rank_by have rows in several units"
    ) as caught:
        list(evaluate(drawn(), plan))
    assert "Cluster by age" in caught.value.next_step


def test_bounds_on_them_are_judged_and_the_evaluation_is_read_by_tfma(world, run_executor):
    config = ranked_config("AUC", "ExampleCount")
    low, high = (Threshold(f"Group{name}", lower=bound) for name, bound in (("AUC", 0.5), ("NDCG", 0.99)))
    change = Change("GroupMAP", better="higher", tolerance=0.0)
    metrics = {metric.class_name: metric for metric in config.metrics_specs[0].metrics}
    for bound in (low, high):
        metrics[bound.metric].threshold.value_threshold.lower_bound.value = bound.lower
    metrics["GroupMAP"].threshold.change_threshold.absolute.value = 0.0
    metrics["GroupMAP"].threshold.change_threshold.direction = tfma.MetricDirection.HIGHER_IS_BETTER
    run = run_executor(config, baseline=world.baseline)
    assert run.blessing.get_int_custom_property("blessed") == 0
    failed = tfma.load_validation_result(run.evaluation)
    missed = {
        failure.metric_key.name
        for of_slice in failed.metric_validations_per_slice
        for failure in of_slice.failures
        if not of_slice.slice_key.single_slice_keys
    }
    found = read_evaluation(run.evaluation)
    checks = found.verdict(False, Bounds((low, high), (change,))).checks
    assert {METRICS[check.metric.split()[0]] for check in checks if not check.passed} == missed
    assert "group_ndcg" in missed
    assert "group_auc" not in missed
    assert all(check.interval is not None for check in checks[:2])
    loaded = tfma.load_eval_result(run.evaluation, model_name=tfma.CANDIDATE_KEY).get_metrics_for_all_slices()
    rows = read_predictions(run.evaluation)
    for name, value in wanted(rows, "score").items():
        assert found.candidate[()][name].value == pytest.approx(value, abs=1e-9)
        assert loaded[()][name]["boundedValue"]["value"] == pytest.approx(value, abs=1e-9)
    assert found.metrics["group_ndcg"].top == 3


def test_tfma_refuses_to_compute_them(run_executor):
    with pytest.raises(Exception, match="TFMA does not compute metrics within groups"):
        run_executor(ranked_config(intervals=False), executor=StockExecutor)


@pytest.mark.parametrize(
    ("settings", "module", "problem"),
    [
        ("", tfma_metrics.__name__, "GroupNDCG.group_by: no groups"),
        ('"group_by": []', tfma_metrics.__name__, "GroupNDCG.group_by: no groups"),
        ('"group_by": "age"', tfma_metrics.__name__, "GroupNDCG.group_by: no groups"),
        ('"group_by": ["age"], "top_k": 0', tfma_metrics.__name__, "GroupNDCG.top_k: out of range"),
        ('"group_by": ["age"], "gain": 2', tfma_metrics.__name__, "GroupNDCG.gain: unknown key"),
        ('"group_by": ["age"]', "", "GroupNDCG.module: not TFMA's"),
    ],
)
def test_unusable_settings_are_refused(settings, module, problem):
    config = make_config("GroupNDCG")
    config.metrics_specs[0].metrics[0].MergeFrom(tfma.MetricConfig(config=settings, module=module))
    with pytest.raises(ConfigError, match=problem):
        make_plan(config, has_baseline=False)


@pytest.mark.parametrize(
    ("several", "problem"), [((), "age: not in the schema"), (("age",), "age: has several values")]
)
def test_the_columns_of_groups_are_checked_against_the_schema(several, problem):
    plan = make_plan(ranked_config(), has_baseline=False)
    columns = ("over_50k", "sex", *several)
    schema = schema_pb2.Schema(feature=[schema_pb2.Feature(name=name) for name in columns])
    with pytest.raises(ConfigError, match=problem):
        check_schema(plan, schema, frozenset(several))


def test_the_config_survives_json():
    config = ranked_config()
    again = json_format.Parse(json_format.MessageToJson(config), tfma.EvalConfig())
    assert make_plan(again, has_baseline=False).metrics == make_plan(config, has_baseline=False).metrics
