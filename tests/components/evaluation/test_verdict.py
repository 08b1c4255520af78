import math

import pytest

from components.evaluation.influence import StandardError
from components.evaluation.results import Evaluation
from components.evaluation.tasks.registry import METRICS as NAMES
from components.evaluation.verdict import (
    Bounds,
    Check,
    Measurement,
    check_change,
    check_threshold,
    difference_of,
    make_verdict,
    measure,
    miss,
    slice_name,
)
from pipeline.criteria import Change, Threshold

INTERVAL = (0.7, 0.9)
MEN = (("sex", "Male"),)
METRICS = {
    (): {
        "auc": Measurement(0.8, INTERVAL),
        "calibration": Measurement(1.2, None),
        "example_count": Measurement(400.0, None),
    },
    MEN: {"auc": Measurement(0.6, None)},
    (("race", "White"), ("sex", "Male")): {"auc": Measurement(0.75, None)},
}


@pytest.mark.parametrize(
    ("value", "lower", "upper", "missed_by"),
    [
        (0.62, 0.7, None, 0.08),
        (0.7, 0.7, None, None),
        (0.8, 0.7, 0.9, None),
        (1.3, None, 1.1, 0.2),
        (1.1, None, 1.1, None),
        (0.5, None, None, None),
        (-1.0, 0.0, 1.0, 1.0),
    ],
)
def test_a_miss_is_the_distance_to_the_bound(value, lower, upper, missed_by):
    assert miss(value, lower, upper) == missed_by


@pytest.mark.parametrize(("lower", "upper"), [(0.5, None), (None, 0.5)])
def test_nan_misses_every_bound(lower, upper):
    missed_by = miss(math.nan, lower, upper)
    assert missed_by is not None
    assert not Check("AUC", "overall", "≥ 0.5", math.nan, None, missed_by, None).passed


@pytest.mark.parametrize(
    ("on", "name"),
    [((), "overall"), (MEN, "sex=Male"), ((("sex", "Male"), ("race", "White")), "sex=Male, race=White")],
)
def test_a_slice_as_text(on, name):
    assert slice_name(on) == name


def test_a_bound_that_is_kept():
    check = check_threshold(Threshold("AUC", lower=0.7), METRICS)
    assert check == Check("AUC", "overall", "≥ 0.7", 0.8, INTERVAL, None, 0.1)
    assert check.passed


def test_a_bound_that_is_missed_says_by_how_much():
    check = check_threshold(Threshold("AUC", lower=0.7, slice=dict(MEN)), METRICS)
    assert check == Check("AUC", "sex=Male", "≥ 0.7", 0.6, None, 0.1, -0.1)
    assert not check.passed


def test_a_bound_on_both_sides():
    check = check_threshold(Threshold("Calibration", lower=0.9, upper=1.1), METRICS)
    assert (check.bound, check.missed_by) == ("≥ 0.9 and ≤ 1.1", 0.1)


def test_a_slice_is_found_whatever_the_order_of_its_names():
    check = check_threshold(Threshold("AUC", lower=0.7, slice={"sex": "Male", "race": "White"}), METRICS)
    assert (check.value, check.slice) == (0.75, "sex=Male, race=White")


@pytest.mark.parametrize(
    "threshold", [Threshold("AUC", lower=0.1, slice={"sex": "Nobody"}), Threshold("Recall", lower=0.1)]
)
def test_a_bound_without_a_measurement_is_not_kept(threshold):
    check = check_threshold(threshold, METRICS)
    assert (check.value, check.missed_by, check.passed) == (None, None, False)
    assert check.why == ("no such slice in the data" if threshold.slice else "not measured")


@pytest.mark.parametrize(
    ("metric", "why"),
    [
        ("AUC", "undefined: all rows have the same label"),
        ("Precision", "undefined: no row is predicted positive"),
        ("Recall", "undefined: no row has label 1"),
        ("MeanPrediction", "undefined"),
    ],
)
def test_a_metric_that_is_undefined_misses_its_bound_and_says_why(metric, why):
    undefined = {(): {NAMES[metric]: Measurement(math.nan, (math.nan, math.nan))}}
    check = check_threshold(Threshold(metric, lower=0.1), undefined)
    assert check == Check(metric, "overall", "≥ 0.1", None, None, None, None, why)
    assert not check.passed
    change = Change(metric, better="higher", tolerance=0.1)
    for metrics, baseline in ((undefined, METRICS), (METRICS, undefined)):
        against = check_change(change, Evaluation({(): {NAMES[metric]: Measurement(0.5)}, **metrics}, baseline))
        assert (against.value, against.passed) == (None, False)


@pytest.mark.parametrize(
    ("better", "before", "bound", "missed_by"),
    [
        ("higher", 0.805, "≥ -0.01", None),
        ("higher", 0.85, "≥ -0.01", 0.04),
        ("higher", 0.5, "≥ -0.01", None),
        ("lower", 0.795, "≤ 0.01", None),
        ("lower", 0.75, "≤ 0.01", 0.04),
        ("lower", 0.9, "≤ 0.01", None),
    ],
)
def test_a_change_is_compared_on_the_better_side(better, before, bound, missed_by):
    change = Change("AUC", better=better, tolerance=0.01)
    check = check_change(change, Evaluation(METRICS, {(): {"auc": Measurement(before, None)}}))
    assert (check.metric, check.slice, check.bound) == ("AUC against baseline", "overall", bound)
    assert check.value == pytest.approx(0.8 - before)
    assert check.missed_by == missed_by


@pytest.mark.parametrize(("metrics", "baseline"), [(METRICS, {(): {}}), ({(): {}}, METRICS), (METRICS, {MEN: {}})])
def test_a_change_that_could_not_be_measured_is_not_kept(metrics, baseline):
    check = check_change(Change("AUC", better="higher", tolerance=0.01), Evaluation(metrics, baseline))
    assert (check.value, check.missed_by, check.passed) == (None, None, False)


def evaluation(*thresholds, changes=()) -> Bounds:
    return Bounds(thresholds, changes)


def test_a_verdict_has_every_bound_and_the_number_of_rows():
    judged = evaluation(Threshold("AUC", lower=0.7), changes=(Change("AUC", better="higher", tolerance=0.01),))
    verdict = make_verdict(True, judged, Evaluation(METRICS, {(): {"auc": Measurement(0.8, None)}}))
    assert (verdict.blessed, verdict.rows) == (True, 400)
    assert [check.metric for check in verdict.checks] == ["AUC", "AUC against baseline"]


def test_the_first_model_has_no_comparison():
    judged = evaluation(Threshold("AUC", lower=0.7), changes=(Change("AUC", better="higher", tolerance=0.01),))
    assert [check.metric for check in make_verdict(True, judged, Evaluation(METRICS)).checks] == ["AUC"]


def test_a_verdict_without_metrics_has_no_rows():
    verdict = make_verdict(False, evaluation(Threshold("AUC", lower=0.7)), Evaluation())
    assert (verdict.rows, [check.passed for check in verdict.checks]) == (0, [False])


def test_names_of_metrics_are_unique():
    assert len(set(NAMES.values())) == len(NAMES)


@pytest.mark.parametrize(("lower", "state"), [(0.7, "kept"), (0.78, "too close"), (0.81, "missed"), (0.9, "missed")])
def test_a_bound_is_kept_missed_or_too_close_to_call(lower, state):
    measured = measure(0.8, StandardError(0.025, 400), "share")
    assert measured.interval == pytest.approx((0.747, 0.845), abs=0.002)
    check = check_threshold(Threshold("AUC", lower=lower), {(): {"auc": measured}})
    assert check.state == state
    assert (check.risk > 0.025) == (state != "kept")
    assert check.state == "kept" or lower > measured.interval[0]


def test_a_change_may_be_too_close_to_call():
    evaluated = Evaluation(
        {(): {"auc": Measurement(0.8)}},
        {(): {"auc": Measurement(0.805)}},
        {(): {"auc": measure(-0.005, StandardError(0.004, 400), "difference")}},
    )
    check = check_change(Change("AUC", better="higher", tolerance=0.01), evaluated)
    assert check.state == "too close"
    assert check.risk == pytest.approx(0.106, abs=0.002)
    assert make_verdict(True, Bounds((), (Change("AUC", better="higher", tolerance=0.01),)), evaluated).outcome == (
        "Blessed: its one bound is kept, 1 too close to call"
    )


def test_a_bound_without_an_interval_is_kept_or_missed():
    check = check_threshold(Threshold("AUC", lower=0.7), {(): {"auc": Measurement(0.701)}})
    assert (check.state, check.risk) == ("kept", None)


def test_of_two_bounds_the_nearer_decides_whether_a_value_is_too_close():
    measured = measure(1.0, StandardError(0.046, 400), "positive")
    low, high = measured.interval
    for lower, upper, state in ((low - 0.001, high + 0.001, "kept"), (low + 0.001, high + 0.1, "too close")):
        threshold = Threshold("Calibration", lower=lower, upper=upper)
        assert check_threshold(threshold, {(): {"calibration": measured}}).state == state


def test_a_difference_of_shares_has_an_interval_within_its_range():
    error = StandardError(0.2, 3)
    assert measure(-0.9, error, difference_of("share")).interval[0] == -1.0
    assert measure(-0.9, error, difference_of("positive")).interval[0] < -1.0
