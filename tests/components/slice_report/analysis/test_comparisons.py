import dataclasses
import math

import numpy as np
import pyarrow as pa
import pytest
import tensorflow_model_analysis as tfma
from sklearn import metrics
from tensorflow_model_analysis.proto import config_pb2

from components.batch_evaluator.evaluation import evaluate
from components.batch_evaluator.plan import make_plan
from components.batch_evaluator.results import sliced_metrics, write_results
from components.evaluation.metrics import AREAS
from components.evaluation.ranked import tfma_metrics
from components.evaluation.ranked.within_groups import RANKED
from components.evaluation.results import Evaluation, read_evaluation
from components.evaluation.tasks.registry import BETTER, METRICS
from components.evaluation.units import independent
from components.slice_report.analysis.comparisons import compare, ranked_groups
from pipeline.errors import DataError, MainlineError
from pipeline.label import Label

BASE = 0.3
ROWS = 3000


def config_of(threshold, intervals, thresholds, has_users):
    specs = [
        config_pb2.ModelSpec(
            name=name,
            is_baseline=name == tfma.BASELINE_KEY,
            model_type=tfma.TF_GENERIC,
            signature_name="serving_default",
            label_key="y",
            prediction_key="score",
        )
        for name in (tfma.CANDIDATE_KEY, tfma.BASELINE_KEY)
    ]
    decide = {"BinaryAccuracy": f'"threshold": {threshold}'}
    decide |= dict.fromkeys(("Precision", "Recall"), f'"thresholds": [{threshold}]')
    decide |= dict.fromkeys(AREAS, f'"num_thresholds": {thresholds}') if thresholds else {}
    decide |= dict.fromkeys(RANKED, '"group_by": ["user"]')
    modules = dict.fromkeys(RANKED, tfma_metrics.__name__)
    kinds = [
        config_pb2.MetricConfig(class_name=name, module=modules.get(name), config=decide.get(name, ""))
        for name in METRICS
        if has_users or name not in RANKED
    ]
    config = config_pb2.EvalConfig(model_specs=specs, slicing_specs=[config_pb2.SlicingSpec()])
    config.metrics_specs.add().metrics.extend(kinds)
    config.options.compute_confidence_intervals.value = intervals
    return config


def evaluation_of(rows, folder, threshold=0.5, intervals=True, thresholds=None) -> Evaluation:
    """What the evaluator writes of these rows, read again."""
    config = config_of(threshold, intervals, thresholds, "user" in rows.column_names)
    plan = make_plan(config, has_baseline="baseline_score" in rows.column_names)
    found = [sliced_metrics(key, values, units, plan) for key, values, units in evaluate(rows, plan)]
    folder.mkdir(exist_ok=True)
    write_results(str(folder), found, plan.config, {})
    return read_evaluation(str(folder))


def drawn(rows=ROWS, seed=0) -> pa.Table:
    generator = np.random.default_rng(seed)
    truth = generator.beta(1, 2, rows)
    score = np.clip(truth + generator.normal(0, 0.15, rows), 0.01, 0.99).astype(np.float32)
    label = (generator.random(rows) < truth).astype(np.int64)
    user = generator.integers(0, rows // 3 + 1, rows)
    return pa.table({"y": label, "score": score, "baseline_score": np.sqrt(score), "user": user})


def compared(rows, base, evaluation, **settings):
    return compare(rows, Label("y"), base, evaluation, independent(rows.num_rows), **settings)


def by_metric(comparisons):
    return {comparison.metric: comparison for comparison in comparisons}


@pytest.fixture(scope="module")
def rows():
    return drawn()


@pytest.fixture(scope="module")
def evaluation(rows, tmp_path_factory):
    return evaluation_of(rows, tmp_path_factory.mktemp("evaluation"))


@pytest.fixture(scope="module")
def found(rows, evaluation):
    return by_metric(compared(rows, BASE, evaluation))


def test_candidate_baseline_and_their_difference_are_those_of_tfma(found, evaluation):
    assert list(found) == list(BETTER)
    assert set(METRICS) - set(found) == {"ExampleCount", "MeanLabel"}
    for kind, comparison in found.items():
        name = METRICS[kind]
        assert comparison.better == BETTER[kind]
        assert comparison.candidate == evaluation.candidate[()][name]
        assert comparison.baseline == evaluation.baseline[()][name]
        assert comparison.to_baseline == evaluation.differences[()][name]
        # The baseline ranks all rows alike.
        assert (comparison.to_baseline.interval is None) == (kind in (*AREAS, *RANKED))


def test_areas_over_thresholds_are_compared_with_those_over_the_same_thresholds(rows, tmp_path, found):
    evaluation = evaluation_of(rows, tmp_path, thresholds=5)
    assert evaluation.thresholds == {"auc": 5, "auc_precision_recall": 5}
    rough = by_metric(compared(rows, BASE, evaluation))
    for kind in AREAS:
        assert rough[kind].candidate.value != pytest.approx(found[kind].candidate.value, abs=1e-3)
        width, exact = (np.ptp(of[kind].to_trivial.interval) for of in (rough, found))
        assert width == pytest.approx(exact, rel=0.3)
        # The interval of the difference lies around it: the model's samples are over the same thresholds.
        low, high = rough[kind].to_trivial.interval
        assert (low + high) / 2 == pytest.approx(rough[kind].to_trivial.value, abs=width / 10)


def test_the_trivial_model_has_the_metrics_that_scikit_learn_gives_a_constant(rows, found):
    label, constant = rows["y"].to_numpy(), np.full(ROWS, BASE)
    share = label.mean()
    expected = {
        "AUC": metrics.roc_auc_score(label, constant),
        "AUCPrecisionRecall": metrics.average_precision_score(label, constant),
        "BinaryCrossEntropy": metrics.log_loss(label, constant),
        "BinaryAccuracy": metrics.accuracy_score(label, constant > 0.5),
        "Precision": math.nan,
        "Recall": 0.0,
        "Calibration": BASE / share,
        "MeanPrediction": BASE,
        "GroupAUC": 0.5,
    }
    assert (expected["AUC"], expected["AUCPrecisionRecall"]) == (0.5, pytest.approx(share))
    for kind, value in expected.items():
        assert found[kind].trivial.value == pytest.approx(value, nan_ok=True), kind
        difference = found[kind].candidate.value - found[kind].trivial.value
        assert found[kind].to_trivial.value == pytest.approx(difference, nan_ok=True), kind


def test_the_trivial_model_orders_the_rows_of_a_group_at_random(rows, found):
    label, user = rows["y"].to_numpy(), rows["user"].to_numpy()
    of_users = [label[user == one] for one in np.unique(user)]
    counted = [of for of in of_users if of.any() and len(of) > 1]
    expected = np.mean([metrics.ndcg_score([of], [np.full(len(of), BASE)], k=10) for of in counted])
    assert found["GroupNDCG"].trivial.value == pytest.approx(expected)
    low, high = found["GroupNDCG"].to_trivial.interval
    assert 0 < low < found["GroupNDCG"].to_trivial.value < high


def test_groups_that_count_are_counted(rows, evaluation, tmp_path):
    units = independent(rows.num_rows)
    ranked = ranked_groups(rows, Label("y"), evaluation, units)
    users = rows.group_by("user").aggregate([("y", "sum"), ("y", "count")]).to_pylist()
    positives = [user for user in users if user["y_sum"] and user["y_count"] > 1]
    both = [user for user in users if 0 < user["y_sum"] < user["y_count"]]
    assert (ranked.by, ranked.top, ranked.groups) == (("user",), 10, len(users))
    assert (ranked.with_both_labels, ranked.with_a_positive) == (len(both), len(positives))
    assert len(both) < len(positives) < len(users)
    assert evaluation.candidate[()]["group_auc"].degrees_of_freedom == len(both) - 1
    assert ranked_groups(rows, Label("y"), evaluation_of(rows.drop(["user"]), tmp_path), units) is None


def test_a_metric_that_the_trivial_model_has_whatever_the_rows_has_the_interval_of_the_model(found):
    for kind in ("AUC", "Recall", "MeanPrediction"):
        trivial = found[kind].trivial
        assert (trivial.interval is None) == (kind != "Recall")
        shifted = [end - trivial.value for end in found[kind].candidate.interval]
        assert found[kind].to_trivial.interval == pytest.approx(shifted, abs=2e-3), kind


def test_a_metric_undefined_for_the_trivial_model_has_no_interval(found):
    assert found["Precision"].trivial.interval is None
    assert found["Precision"].to_trivial.interval is None


def bootstrap(rows, base, threshold, draws, seed):
    """The differences to the base rate on rows drawn with replacement, (draws,) by metric."""
    label, score = rows["y"].to_numpy(), rows["score"].to_numpy().astype(float)
    generator = np.random.default_rng(seed)
    times = generator.multinomial(len(label), np.full(len(label), 1 / len(label)), draws).astype(float)
    order = np.argsort(score)
    drawn_times, ordered = times[:, order], label[order]
    negatives_below = np.cumsum(drawn_times * (1 - ordered), axis=1)
    positives, count = times @ label, times.sum(axis=1)
    area = (drawn_times * ordered * negatives_below).sum(axis=1) / positives / (count - positives)
    loss = [-np.where(label == 1, np.log(p), np.log1p(-p)) for p in (score, np.full(len(label), base))]
    selected = score > threshold
    always = base > threshold
    return {
        "AUC": area - 0.5,
        "BinaryCrossEntropy": times @ (loss[0] - loss[1]) / count,
        "BinaryAccuracy": times @ ((selected == label).astype(float) - (always == label)) / count,
        "Precision": times @ (selected & (label == 1)) / (times @ selected) - positives / count,
        "Recall": times @ (selected & (label == 1)) / positives - float(always),
        "Calibration": times @ (score - base) / positives,
        "MeanPrediction": times @ score / count - base,
    }


def test_intervals_are_as_wide_as_those_of_a_bootstrap(tmp_path):
    ratios = {}
    for seed in range(8):
        rows = drawn(1500, seed)
        evaluation = evaluation_of(rows, tmp_path / str(seed), threshold=0.25)
        found = by_metric(compared(rows, BASE, evaluation, decision_threshold=0.25))
        for kind, values in bootstrap(rows, BASE, 0.25, 400, seed).items():
            low, high = found[kind].to_trivial.interval
            ratios.setdefault(kind, []).append((high - low) / np.ptp(np.quantile(values, [0.025, 0.975])))
            assert (low + high) / 2 == pytest.approx(values.mean(), abs=(high - low) / 4), kind
    # Twenty buckets know a width to one part in six: hence the mean of several, each a little wider by Student's t.
    for kind, widths in ratios.items():
        assert np.mean(widths) == pytest.approx(1.07, abs=0.2), kind


def test_intervals_of_comparisons_have_their_nominal_coverage(tmp_path):
    truth = by_metric(compared(big := drawn(400_000, 99), BASE, evaluation_of(big, tmp_path / "big")))
    kinds = ("AUC", "AUCPrecisionRecall", "BinaryCrossEntropy", "BinaryAccuracy", "Recall", "Calibration")
    nothing = Evaluation(candidate={(): {METRICS[kind]: truth[kind].candidate for kind in kinds}})
    held = []
    for seed in range(100):
        found = by_metric(compared(drawn(600, seed), BASE, nothing))
        intervals = {kind: found[kind].to_trivial.interval for kind in kinds}
        held.append([low <= truth[kind].to_trivial.value <= high for kind, (low, high) in intervals.items()])
    assert np.mean(held, axis=0) == pytest.approx(np.full(len(kinds), 0.95), abs=0.07)


def test_the_interval_is_paired(tmp_path):
    label = np.random.default_rng(3).integers(0, 2, ROWS)
    score = np.full(ROWS, 0.31, np.float32)
    rows = pa.table({"y": label, "score": score})
    found = by_metric(compared(rows, 0.3, evaluation_of(rows, tmp_path)))["BinaryCrossEntropy"]
    width, of_pairs = (np.ptp(measured.interval) for measured in (found.candidate, found.to_trivial))
    assert of_pairs < width / 10


def test_the_decision_is_above_the_threshold(rows, tmp_path):
    evaluation = evaluation_of(rows, tmp_path, threshold=0.2)
    found = by_metric(compared(rows, BASE, evaluation, decision_threshold=0.2))
    share = rows["y"].to_numpy().mean()
    trivial = {kind: found[kind].trivial.value for kind in ("BinaryAccuracy", "Precision", "Recall")}
    assert trivial == pytest.approx({"BinaryAccuracy": share, "Precision": share, "Recall": 1.0})
    at = by_metric(compared(rows, 0.2, evaluation, decision_threshold=0.2))
    assert at["Recall"].trivial.value == 0.0


def test_without_a_base_rate_nothing_is_trivial(rows, evaluation, found):
    for comparison in compared(rows, math.nan, evaluation):
        expected = dataclasses.replace(found[comparison.metric], trivial=None, to_trivial=None)
        assert comparison == expected


def test_without_a_baseline_only_the_base_rate_is_compared(rows, tmp_path):
    evaluation = evaluation_of(rows.select(["y", "score"]), tmp_path)
    for comparison in compared(rows, BASE, evaluation):
        assert (comparison.baseline, comparison.to_baseline) == (None, None)
        assert comparison.to_trivial is not None


def test_an_evaluation_without_intervals_is_compared_with_the_base_rate(rows, tmp_path, found):
    evaluation = evaluation_of(rows, tmp_path, intervals=False)
    for comparison in compared(rows, BASE, evaluation):
        assert comparison.candidate.interval is None
        assert comparison.to_trivial.interval == found[comparison.metric].to_trivial.interval


def test_metrics_that_the_evaluation_lacks_are_left_out(rows, evaluation):
    some = Evaluation(
        candidate={(): {name: evaluation.candidate[()][name] for name in ("recall", "auc", "mean_label")}}
    )
    assert [comparison.metric for comparison in compared(rows, BASE, some)] == ["AUC", "Recall"]
    assert compared(rows, BASE, Evaluation()) == ()


def test_all_is_plain_numbers(found):
    for comparison in found.values():
        for measured in (comparison.trivial, comparison.to_trivial):
            ends = measured.interval or ()
            assert {type(number) for number in (measured.value, *ends)} == {float}


@pytest.mark.parametrize("label", [0, 1])
def test_one_label_only_has_no_area(label, tmp_path):
    score = np.random.default_rng(0).random(200).astype(np.float32)
    rows = pa.table({"y": np.full(200, label), "score": score})
    found = by_metric(compared(rows, BASE, evaluation_of(rows, tmp_path)))
    for kind in ("AUC", "AUCPrecisionRecall"):
        assert math.isnan(found[kind].trivial.value)
        assert math.isnan(found[kind].to_trivial.value)
        assert found[kind].to_trivial.interval is None
    assert found["BinaryCrossEntropy"].trivial.value == pytest.approx(-math.log(BASE if label else 1 - BASE))
    assert found["BinaryCrossEntropy"].to_trivial.interval is not None
    assert found["BinaryAccuracy"].trivial.value == 1 - label


def test_metrics_that_depend_on_a_single_row_have_no_interval(tmp_path):
    rows = pa.table({"y": [1] + [0] * 199, "score": np.linspace(0.9, 0.1, 200).astype(np.float32)})
    found = by_metric(compared(rows, BASE, evaluation_of(rows, tmp_path)))
    assert found["AUC"].to_trivial.value == pytest.approx(0.5, abs=1e-3)
    without = {kind for kind in found if found[kind].to_trivial.interval is None}
    assert without == {"AUC", "AUCPrecisionRecall", "Precision", "Recall", "Calibration"}


def test_one_row_has_values_and_no_intervals(tmp_path):
    rows = pa.table({"y": [1], "score": np.array([0.8], np.float32)})
    found = by_metric(compared(rows, BASE, evaluation_of(rows, tmp_path)))
    assert found["BinaryCrossEntropy"].to_trivial.value == pytest.approx(-math.log(0.8) + math.log(0.3))
    assert {comparison.to_trivial.interval for comparison in found.values()} == {None}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("base", [0.0, 1.0])
def test_no_rows_or_a_base_rate_of_one_label_do_not_fail(base, rows, evaluation):
    for table in (rows, rows.slice(0, 0), rows.schema.empty_table()):
        found = by_metric(compared(table, base, evaluation))
        assert found["BinaryCrossEntropy"].to_trivial.interval is None
        assert not math.isfinite(found["BinaryCrossEntropy"].trivial.value)


def test_what_cannot_be_judged_is_refused(evaluation):
    with pytest.raises(DataError, match="neither 0 nor 1"):
        compared(pa.table({"y": [0, None], "score": [0.1, 0.2]}), BASE, evaluation)
    with pytest.raises(MainlineError, match="not finite"):
        compared(pa.table({"y": [0, 1], "score": [0.1, math.nan]}), BASE, evaluation)
