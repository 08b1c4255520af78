"""What withholds a blessing besides a missed bound, with either engine."""

import json

import numpy as np
import pytest
from fakes.stock.evaluator_runs import ROWS, make_config

from components.batch_evaluator.blessing import bounds_to_json, is_close
from components.batch_evaluator.executor import Executor
from components.batch_evaluator.stock_executor import StockExecutor
from components.evaluation.groups.bounds import RatioBounds
from components.evaluation.predictions import read_predictions
from components.evaluation.results import read_evaluation, read_verdict
from components.evaluation.verdict import Bounds
from pipeline.criteria import RatioBound, Threshold

ENGINES = pytest.mark.parametrize("engine", [Executor, StockExecutor])
# Below the AUC of the model on these rows, and within its interval.
CLOSE = 0.7


def bounded(lower):
    config = make_config("AUC", "ExampleCount", intervals=True)
    config.metrics_specs[0].metrics[0].threshold.value_threshold.lower_bound.value = lower
    return config


@ENGINES
@pytest.mark.parametrize(("strict", "blessed"), [(True, 0), (False, 1)])
def test_a_bound_within_the_interval_withholds_the_blessing_if_it_is_strict(run_executor, engine, strict, blessed):
    bounds = Bounds((Threshold("AUC", lower=CLOSE),))
    more = {"strict_bounds": bounds_to_json(bounds)} if strict else {}
    run = run_executor(bounded(CLOSE), executor=engine, **more)
    (check,) = read_verdict(run.evaluation, bool(blessed), bounds).checks
    assert check.state == "too close"
    assert check.interval[0] < CLOSE < check.value < check.interval[1]
    assert run.blessing.get_int_custom_property("blessed") == blessed


@ENGINES
@pytest.mark.parametrize(("ratio", "blessed"), [(0.9, 0), (0.1, 1)])
def test_a_ratio_between_groups_that_is_too_low_withholds_the_blessing(run_executor, engine, ratio, blessed):
    asked = RatioBounds((RatioBound("sex", "selection", ratio),), decision_threshold=0.2)
    run = run_executor(bounded(0.1), executor=engine, ratio_bounds=asked.as_json())
    assert run.blessing.get_int_custom_property("blessed") == blessed
    verdict = read_verdict(run.evaluation, bool(blessed), Bounds((Threshold("AUC", lower=0.1),)))
    assert [check.metric for check in verdict.checks] == ["AUC", "selection ratio"]
    frame = read_predictions(run.evaluation).to_pandas()
    shares = sorted((frame["score"] > 0.2).groupby(frame["sex"]).mean())
    assert verdict.checks[1].value == pytest.approx(shares[0] / shares[1])
    assert verdict.checks[1].passed == bool(blessed)


def test_rows_of_one_unit_widen_the_intervals(run_executor):
    config = make_config("AUC", "MeanLabel", "ExampleCount", slices=({}, {"feature_keys": ["age"]}), intervals=True)
    run = run_executor(config, cluster_by=json.dumps(["age"]))
    evaluation = read_evaluation(run.evaluation)
    measured = evaluation.candidate[()]["mean_label"]
    frame = read_predictions(run.evaluation).to_pandas()
    sums = (frame["over_50k"] - frame["over_50k"].mean()).groupby(frame["age"]).sum()
    expected = np.sqrt((sums**2).sum() * len(sums) / (len(sums) - 1)) / ROWS
    assert measured.standard_error == pytest.approx(expected)
    assert measured.degrees_of_freedom == len(sums) - 1
    assert set(evaluation.errors) == set(evaluation.candidate) - {()}
    assert set(evaluation.errors.values()) == {"no interval: all rows have the same age"}


def test_a_strict_bound_on_a_metric_without_an_interval_withholds_the_blessing(run_executor):
    bounds = Bounds((Threshold("AUC", lower=0.1), Threshold("ExampleCount", lower=10)))
    more = {"strict_bounds": bounds_to_json(bounds)}
    config = make_config("AUC", "ExampleCount", intervals=False)
    config.metrics_specs[0].metrics[0].threshold.value_threshold.lower_bound.value = 0.1
    run = run_executor(config, **more)
    assert run.blessing.get_int_custom_property("blessed") == 0
    assert [is_close(check) for check in read_verdict(run.evaluation, False, bounds).checks] == [True, False]


def test_a_jackknife_whose_samples_are_equal_tells_nothing(run_executor):
    # No one of that age has the label or is predicted to: the accuracy is 1 in every sample.
    config = make_config("BinaryAccuracy", slices=({"feature_values": {"age": "17"}},), intervals=True)
    metrics = read_evaluation(run_executor(config, executor=StockExecutor).evaluation).candidate
    measured = metrics[(("age", "17"),)]["binary_accuracy"]
    assert (measured.value, measured.interval) == (1.0, None)
