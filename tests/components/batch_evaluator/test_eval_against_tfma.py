"""The whole executor on real rows, against stock TFMA and scikit-learn."""

import math
import re

import pytest
import tensorflow_model_analysis as tfma
from fakes.stock.evaluator_runs import ROWS, Linear, make_config, run_stock, save_model
from sklearn.metrics import log_loss, roc_auc_score
from tensorflow_model_analysis.proto import config_pb2
from tensorflow_model_analysis.writers import metrics_plots_and_validations_writer as writer

from components.evaluation.metrics import AREAS
from components.evaluation.predictions import read_predictions
from components.evaluation.ranked.within_groups import RANKED
from components.evaluation.tasks.registry import FORMULAS
from pipeline.errors import MainlineError

SLICES = (
    {},
    {"feature_keys": ["workclass"]},
    {"feature_keys": ["sex"], "feature_values": {"race": "White"}},
    {"feature_values": {"age": "40"}},
)
LOSS = "binary_crossentropy"


def load(path):
    """(slice, key) to value, or to the text where the value is one."""
    values = {}
    for metrics in tfma.load_metrics(path):
        for pair in metrics.metric_keys_and_values:
            values[str(metrics.slice_key), str(pair.key)] = pair.value
    return values


@pytest.fixture
def thresholds():
    """A config with bounds on a value, on one slice, and on the change to the baseline, and areas as TFMA has them."""
    config = make_config(*sorted(FORMULAS.keys() - RANKED.keys()), slices=SLICES)
    for metric in config.metrics_specs[0].metrics:
        if metric.class_name in AREAS:
            metric.config = '"num_thresholds": 10000'
    auc = next(metric for metric in config.metrics_specs[0].metrics if metric.class_name == "AUC")
    auc.threshold.value_threshold.lower_bound.value = 0.5
    auc.threshold.change_threshold.absolute.value = -0.01
    auc.threshold.change_threshold.direction = config_pb2.MetricDirection.HIGHER_IS_BETTER
    return config


def test_slices_metrics_and_verdict_equal_tfma(world, thresholds, run_executor, tmp_path):
    stock = str(tmp_path / "stock")
    run_stock(world, thresholds, stock, has_baseline=True)
    ours = run_executor(thresholds, baseline=world.baseline).evaluation
    expected, found = load(stock), load(ours)
    assert set(found) == set(expected)
    assert len(expected) == 300
    # Of TFMA's mean cross entropy, see components.evaluation.metrics.binary_cross_entropy.
    for key in (key for key in expected if LOSS not in key[1]):
        value = expected[key].double_value.value
        assert found[key].double_value.value == pytest.approx(value, abs=1e-6, nan_ok=True), key
    mine, theirs = tfma.load_validation_result(ours), tfma.load_validation_result(stock)
    assert failures(mine) == failures(theirs)
    assert mine.validation_ok == theirs.validation_ok
    assert not mine.validation_ok


def failures(result):
    return {
        (str(of_slice.slice_key), failure.metric_key.name, failure.metric_key.is_diff)
        for of_slice in result.metric_validations_per_slice
        for failure in of_slice.failures
    }


def test_intervals_predictions_and_every_reader_of_tfma(world, run_executor):
    config = make_config("AUC", "BinaryCrossEntropy", "ExampleCount", slices=({}, {"feature_keys": ["race"]}),
                         intervals=True)  # fmt: skip
    run = run_executor(config)
    table = read_predictions(run.evaluation)
    label, score = table["over_50k"].to_numpy(), table["score"].to_numpy().astype(float)
    assert table.num_rows == ROWS
    assert table["workclass"].null_count > 0

    (overall,) = [metrics for key, metrics in tfma.load_eval_result(run.evaluation).slicing_metrics if key == ()]
    auc = overall[""][""]["auc"]["boundedValue"]
    assert auc["value"] == pytest.approx(roc_auc_score(label, score), abs=1e-9)
    assert auc["lowerBound"] < auc["value"] < auc["upperBound"]
    assert overall[""][""][LOSS]["boundedValue"]["value"] == pytest.approx(log_loss(label, score), abs=1e-6)
    assert overall[""][""]["example_count"] == {"doubleValue": ROWS}
    assert list(writer.load_and_deserialize_plots(run.evaluation))
    assert not any((run.blessing.has_custom_property("blessed"), *tfma.load_validation_result(
        run.evaluation).metric_validations_per_slice))  # fmt: skip


def test_a_threshold_on_a_slice_without_rows_fails(run_executor):
    config = make_config("AUC", slices=({}, {"feature_keys": ["sex"]}))
    per_slice = config.metrics_specs[0].metrics[0].per_slice_thresholds.add()
    per_slice.slicing_specs.add().feature_values["sex"] = "Nobody"
    per_slice.threshold.value_threshold.lower_bound.value = 0.1
    run = run_executor(config)
    result = tfma.load_validation_result(run.evaluation)
    assert not result.validation_ok
    assert [dict(spec.feature_values) for spec in result.missing_slices] == [{"sex": "Nobody"}]
    assert run.blessing.get_int_custom_property("blessed") == 0


@pytest.mark.parametrize(("allowed", "blessed"), [(0.5, 1), (-0.5, 0)])
def test_a_change_threshold_is_checked_with_a_baseline(world, run_executor, allowed, blessed):
    config = make_config("BinaryCrossEntropy")
    change = config.metrics_specs[0].metrics[0].threshold.change_threshold
    change.absolute.value = allowed
    change.direction = config_pb2.MetricDirection.LOWER_IS_BETTER
    run = run_executor(config, baseline=world.baseline)
    assert run.blessing.get_int_custom_property("blessed") == blessed
    assert run.blessing.get_string_custom_property("baseline_model") == str(world.baseline)
    assert {"score", "baseline_score"} <= set(read_predictions(run.evaluation).column_names)


def test_a_single_row_has_values_and_says_why_it_has_no_interval(run_executor):
    run = run_executor(make_config("MeanPrediction", "AUC", intervals=True), split="one")
    found = {key[1].split('"')[1]: value for key, value in load(run.evaluation).items()}
    assert 0 < found["mean_prediction"].double_value.value < 1
    assert math.isnan(found["auc"].double_value.value)
    assert found["__ERROR__"].bytes_value == b"no interval: the slice has one row"


def test_a_split_without_rows_is_an_error(run_executor):
    with pytest.raises(MainlineError, match="the splits have no rows"):
        run_executor(make_config("AUC"), split="none")


def test_a_score_that_is_not_finite_is_an_error_that_names_the_first_row(run_executor, tmp_path):
    broken = save_model(Linear(0.06, broken=True), tmp_path / "broken")
    with pytest.raises(MainlineError, match="the score of the row is not finite") as caught:
        run_executor(make_config("AUC"), model=broken)
    assert re.search(r"split, row \d+ of data_tfrecord-0", caught.value.where)
    assert not list((tmp_path / "evaluation").rglob("*.parquet"))
