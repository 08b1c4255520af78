import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from components.evaluation.changes.significance import p_value
from components.evaluation.influence import StandardError, standard_error
from components.evaluation.metrics import Metric, make_rows
from components.evaluation.tasks.registry import FORMULAS
from components.evaluation.units import Units, independent
from components.evaluation.verdict import Measurement, measure
from components.slice_report.analysis.by_slice import part_and_rest
from components.slice_report.analysis.by_slice.marks import LEVEL, mark
from components.slice_report.analysis.by_slice.part_and_rest import PartAndRest
from components.slice_report.facts import Slice

AUC = Metric("AUC", threshold=0.4)
ERROR = StandardError(0.004, 500)


def drawn(rows, seed, units=None):
    generator = np.random.default_rng(seed)
    truth = generator.beta(2, 3, rows)
    score = np.clip(truth + generator.normal(0, 0.15, rows), 0.01, 0.99).astype(np.float32)
    label = (generator.random(rows) < truth).astype(np.int64)
    return make_rows(label, score, [AUC], units or independent(rows))


def one(name, metrics=None, to_baseline=None, too_small=""):
    return Slice((("group", name),), 10, 0.1, metrics or {}, to_baseline or {}, too_small=too_small)


def groups(rows, count):
    return {(("group", str(number)),): np.arange(rows)[number::count] for number in range(count)}


def test_the_differences_are_those_of_scikit_learn():
    rows, index = drawn(500, 0), np.arange(0, 500, 3)
    inside = np.isin(np.arange(500), index)
    found = PartAndRest(rows, AUC).differences(index)
    assert found["auc"].value == pytest.approx(
        roc_auc_score(rows.label[inside], rows.score[inside]) - roc_auc_score(rows.label[~inside], rows.score[~inside])
    )
    recall = [(rows.score > 0.4)[mask & (rows.label == 1)].mean() for mask in (inside, ~inside)]
    assert found["recall"].value == pytest.approx(recall[0] - recall[1])
    shares = [rows.score[mask].sum() / rows.label[mask].sum() for mask in (inside, ~inside)]
    assert found["calibration"].value == pytest.approx(shares[0] - shares[1], abs=1e-6)


def test_slices_without_a_difference_are_marked_in_one_table_of_twenty():
    marked = np.zeros(3)
    of_tables = 0
    for seed in range(300):
        rows, members = drawn(600, seed), groups(600, 5)
        found = mark([one(str(number)) for number in range(5)], rows, members, AUC)
        of_tables += any(item.differs for item in found)
        p = [p_value(item.to_rest[name]) for item in found for name in ("auc", "recall", "calibration")]
        marked += np.reshape(np.array(p) < LEVEL, (5, 3)).sum(axis=0)
    assert of_tables / 300 == pytest.approx(LEVEL, abs=0.035)
    assert marked / 1500 == pytest.approx(np.full(3, LEVEL), abs=0.02)


def test_a_slice_that_the_model_ranks_worse_is_marked():
    rows = drawn(4000, 1)
    score = rows.score.copy()
    score[::4] = np.random.default_rng(2).permutation(score[::4])
    shuffled = make_rows(rows.label, score, [AUC], independent(4000))
    found = mark([one(str(number)) for number in range(4)], shuffled, groups(4000, 4), AUC)
    assert "auc" in found[0].differs
    low, high = found[0].to_rest["auc"].interval
    assert low < high < 0


def test_copies_of_users_are_not_evidence():
    few, index = drawn(160, 5), np.arange(80)
    many = np.repeat(np.arange(160), 100)
    copied = make_rows(few.label[many], few.score[many], [AUC], Units(many, 160))
    once, often = (
        PartAndRest(few, AUC).differences(index),
        PartAndRest(copied, AUC).differences(np.flatnonzero(many < 80)),
    )
    assert np.ptp(often["auc"].interval) == pytest.approx(np.ptp(once["auc"].interval), rel=1e-6)


def test_slices_that_are_too_small_and_all_rows_are_not_tested():
    rows = drawn(100, 0)
    everything = Slice((), 100, 1.0, {})
    found = mark([everything, one("0", too_small="only 3 rows")], rows, {(): np.arange(100), **groups(100, 2)}, AUC)
    assert [(item.to_rest, item.differs) for item in found] == [({}, ()), ({}, ())]


@pytest.mark.parametrize(("change", "expected"), [(-0.02, ("auc",)), (0.02, ()), (-0.001, ())])
def test_a_slice_regressed_if_it_is_worse_than_the_baseline_beyond_chance(change, expected):
    to_baseline = {"auc": measure(change, ERROR, "difference")}
    item = one("0", {"auc": Measurement(0.8)}, to_baseline)
    (found,) = mark([item], drawn(100, 0), {}, AUC)
    assert found.regressed == expected


def test_a_loss_that_grew_is_worse():
    to_baseline = {"binary_crossentropy": measure(0.02, ERROR, "difference")}
    (found,) = mark([one("0", {"binary_crossentropy": Measurement(0.5)}, to_baseline)], drawn(100, 0), {}, AUC)
    assert found.regressed == ("binary_crossentropy",)


def test_bins_of_scores_hardly_move_the_differences(monkeypatch):
    rows, index = drawn(40_000, 7), np.arange(0, 40_000, 5)
    exact = [
        roc_auc_score(rows.label[part], rows.score[part]) for part in (index, np.setdiff1d(np.arange(40_000), index))
    ]
    assert PartAndRest(rows, AUC).differences(index)["auc"].value == pytest.approx(exact[0] - exact[1], abs=2e-6)
    monkeypatch.setattr(part_and_rest, "BINS", 200)
    assert PartAndRest(rows, AUC).differences(index)["auc"].value == pytest.approx(exact[0] - exact[1], abs=1e-4)


@pytest.mark.parametrize("units", [None, Units(np.arange(900) // 3, 300)])
def test_the_interval_is_that_of_the_metrics_of_both_parts(units):
    rows, index = drawn(900, 8, units), np.arange(0, 900, 9)
    rest = np.setdiff1d(np.arange(900), index)
    errors = []
    for part in (index, rest):
        of_part = rows.take(part)
        errors.append(standard_error(FORMULAS["AUC"](of_part, AUC), independent(len(part))).value)
    found = PartAndRest(rows, AUC).differences(index)["auc"]
    if units is None:
        assert found.standard_error == pytest.approx(np.hypot(*errors), rel=2e-2)
    assert found.standard_error == pytest.approx(np.hypot(*errors), rel=0.15)


def test_a_part_without_one_of_the_labels_is_not_compared():
    rows = drawn(200, 0)
    assert PartAndRest(rows, AUC).differences(np.flatnonzero(rows.label == 1)) == {}
    assert PartAndRest(rows, AUC).differences(np.arange(200)) == {}


def test_improvements_and_shifts_do_not_make_slices_look_worse():
    """Forty slices whose AUC is the baseline's, while log loss is better and calibration moved across 1."""
    tables = 0
    for seed in range(300):
        noise = np.random.default_rng(seed).normal(size=(40, 4))
        items = []
        for number, (auc, loss, middle, shift) in enumerate(noise):
            changes = {
                "auc": measure(0.004 * auc, ERROR, "difference"),
                "binary_crossentropy": measure(-0.05 + 0.004 * loss, ERROR, "difference"),
                "calibration": measure(0.1 + 0.004 * shift, ERROR, "difference"),
                "mean_prediction": measure(0.1 + 0.004 * shift, ERROR, "difference"),
            }
            calibration = measure(1.05 + 0.05 * middle, StandardError(0.05, 500), "positive")
            values = {name: Measurement(0.6) for name in changes} | {"calibration": calibration}
            items.append(one(str(number), values, changes))
        tables += any(item.regressed for item in mark(items, drawn(100, 0), {}, AUC))
    assert tables / 300 <= LEVEL + 0.035


@pytest.mark.parametrize(("value", "expected"), [(1.051, ()), (1.3, ("calibration",)), (0.8, ())])
def test_calibration_is_worse_only_if_it_moved_away_from_1(value, expected):
    values = {"calibration": measure(value, StandardError(0.01, 500), "positive")}
    (found,) = mark([one("0", values, {"calibration": measure(0.101, ERROR, "difference")})], drawn(100, 0), {}, AUC)
    assert found.regressed == expected


def test_the_smaller_of_both_sides_counts_and_a_rest_that_is_too_small_is_not_compared():
    rows = drawn(2000, 3)
    positive, negative = (np.flatnonzero(rows.label == label) for label in (1, 0))

    def found_with(outside):
        return PartAndRest(rows, AUC).differences(np.setdiff1d(np.arange(2000), outside))

    assert found_with(np.append(positive[:1], negative[:300])) == {}
    assert found_with(np.append(positive[:12], negative[:900]))["auc"].degrees_of_freedom == 11
    users = Units(np.where(np.isin(np.arange(2000), np.arange(900)), np.arange(2000) % 3, np.arange(2000) - 897), 1103)
    assert PartAndRest(drawn(2000, 3, users), AUC).differences(np.arange(900, 2000)) == {}
