"""Differences with their intervals: against formulas and resampling, and what they cover."""

import math
import shutil
import tracemalloc
from statistics import NormalDist

import numpy as np
import pytest
from fakes.report import compared_runs as runs
from sklearn import metrics as sklearn_metrics

from components.evaluation.influence import Linearized, StandardError
from components.slice_report.compare.command import compare
from components.slice_report.compare.differences import Finding, average, combined, error_of_mean, paired, unpaired
from components.slice_report.compare.differences import with_clear as clear_of
from components.slice_report.compare.facts import Difference


def mean(values) -> Linearized:
    """The mean of values, one influence each."""
    return Linearized(float(values.mean()), lambda: (values - values.mean()) / len(values))


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Two models on the same rows, with their comparison."""
    root, table = tmp_path_factory.mktemp("two") / "demo", runs.rows(400)
    scored = [runs.score(table, 0.2, 1), runs.score(table, 0.8, 2)]
    config = {**runs.CONFIG, "training.epochs": "9"}
    made = [runs.write_run(root, f"r{at}", table, scored[at], (runs.CONFIG, config)[at]) for at in range(2)]
    return table["label"].to_numpy(), scored, compare(map(str, made))


def cell(comparison, line, metric, features=()):
    (found,) = [item.metrics[metric] for item in comparison.lines[line].slices if item.features == features]
    return found


def test_the_difference_of_accuracies_has_the_interval_of_paired_rows(two):
    label, scored, comparison = two
    right = [(scores > 0.5) == (label == 1) for scores in scored]
    between = right[1].astype(float) - right[0].astype(float)
    change = cell(comparison, 1, "binary_accuracy").to_reference
    assert change.value == pytest.approx(between.mean())
    half = 1.966 * between.std(ddof=1) / math.sqrt(len(between))
    assert change.interval == pytest.approx((between.mean() - half, between.mean() + half), abs=2e-4)
    assert (change.how, change.covers_seeds) == ("paired", False)


def test_the_difference_of_areas_has_the_interval_of_leaving_each_row_out(two):
    label, scored, comparison = two
    keep = ~np.eye(len(label), dtype=bool)
    without = [
        sklearn_metrics.roc_auc_score(label[rows], scored[1][rows])
        - sklearn_metrics.roc_auc_score(label[rows], scored[0][rows])
        for rows in keep
    ]
    error = math.sqrt((len(label) - 1) / len(label) * np.sum((np.array(without) - np.mean(without)) ** 2))
    change = cell(comparison, 1, "auc").to_reference
    expected = sklearn_metrics.roc_auc_score(label, scored[1]) - sklearn_metrics.roc_auc_score(label, scored[0])
    assert change.value == pytest.approx(expected)
    low, high = change.interval
    assert (high - low) / 2 == pytest.approx(1.97 * error, rel=0.02)


def test_paired_intervals_are_narrower_than_unpaired_ones(two):
    _, _, comparison = two
    here, there = (cell(comparison, line, "auc") for line in (1, 0))
    apart = unpaired([[here.mean], [there.mean]], here.interval, there.interval, "share").difference
    low, high = here.to_reference.interval
    assert apart.value == pytest.approx(here.to_reference.value)
    assert apart.interval[1] - apart.interval[0] > 1.3 * (high - low)


def test_slices_are_measured_on_their_own_rows(two):
    _, scored, comparison = two
    table = runs.rows(400)
    female = np.array(table["sex"].to_pylist()) == "Female"
    label = table["label"].to_numpy()[female]
    expected = [sklearn_metrics.log_loss(label, scores[female].astype(float)) for scores in scored]
    change = cell(comparison, 1, "binary_crossentropy", (("sex", "Female"),)).to_reference
    assert change.value == pytest.approx(expected[1] - expected[0], rel=1e-5)


@pytest.mark.parametrize("setting", ["training.seed", "training.epochs"])
def test_memory_does_not_grow_with_the_number_of_runs(tmp_path, setting):
    """Of seeds of one setting as of several settings: a run more may add its facts, but not its influences."""
    table = runs.rows(20_000)
    made = []
    for at in range(9):
        config = {**runs.CONFIG, setting: str(at)}
        made.append(str(runs.write_run(tmp_path / "demo", f"r{at}", table, runs.score(table, 0.3, at), config)))
    compare(made[:2])
    peaks = [peak_of_memory(made[:number]) for number in (4, 9)]
    assert peaks[1] < 1.1 * peaks[0]


def peak_of_memory(made) -> int:
    """The most bytes that a comparison holds at a time."""
    tracemalloc.start()
    try:
        compare(made)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_rows_of_one_unit_count_as_one(tmp_path):
    """The interval of rows that all occur four times, by unit, is that of the rows once."""
    single = runs.rows(300)
    table = single.append_column("user_id", [list(range(300))])
    four = table.take(np.repeat(np.arange(300), 4))
    changes = []
    for name, rows, cluster_by in (("once", table, ()), ("units", four, ("user_id",)), ("rows", four, ())):
        scored = [np.repeat(runs.score(single, noise, 1), len(rows) // 300) for noise in (0.2, 0.9)]
        configs = (runs.CONFIG, {**runs.CONFIG, "training.epochs": "9"})
        made = [
            runs.write_run(tmp_path / name, f"r{at}", rows, scored[at], configs[at], cluster_by=cluster_by)
            for at in range(2)
        ]
        changes.append(cell(compare(map(str, made)), 1, "auc").to_reference)
    once, units, of_rows = (np.diff(change.interval)[0] for change in changes)
    assert units == pytest.approx(once, rel=0.02)
    assert of_rows == pytest.approx(once / 2, rel=0.02)


def test_metrics_within_groups_are_paired_as_the_reference_ranks(tmp_path):
    table = runs.rows(400)
    table = table.append_column("user_id", [[row % 80 for row in range(400)]])
    scored = [runs.score(table, noise, 1) for noise in (0.2, 0.9)]
    configs = (runs.CONFIG, {**runs.CONFIG, "training.epochs": "9"})
    made = [
        runs.write_run(tmp_path / "demo", f"r{at}", table, scored[at], configs[at], rank_by=("user_id",), rank_at=top)
        for at, top in ((0, 2), (1, 3))
    ]
    comparison = compare(map(str, made))
    label, user = table["label"].to_numpy(), table["user_id"].to_numpy()
    groups = [user == one for one in range(80) if label[user == one].any()]
    expected = [np.mean([sklearn_metrics.ndcg_score([label[of]], [score[of]], k=2) for of in groups])
                for score in scored]  # fmt: skip
    change = cell(comparison, 1, "group_ndcg").to_reference
    assert change.value == pytest.approx(expected[1] - expected[0], abs=1e-9)
    assert change.how == "paired"
    assert any("rank rows within different groups" in note for note in comparison.notes)
    shutil.rmtree(tmp_path / "demo" / "artifacts")
    comparison = compare(map(str, made))
    assert cell(comparison, 1, "group_ndcg").to_reference is None
    assert cell(comparison, 1, "auc").to_reference.how == "unpaired"


def test_intervals_cover_the_true_difference_over_rows_and_seeds():
    """Over 400 draws of rows and seeds: rows alone would be far too narrow."""
    random, covered, rows_only = np.random.default_rng(4), 0, 0
    for _ in range(400):
        rows = random.normal(0.0, 1.0, 200)
        lines = [[rows + random.normal(0.0, 0.1) + random.normal(0.0, 0.3, 200) for _ in range(4)] for _ in range(2)]
        averages = [average([mean(run) for run in line]) for line in lines]
        values = [[float(run.mean()) for run in line] for line in lines]
        low, high = paired(*averages, values, "positive").difference.interval
        covered += low <= 0 <= high
        low, high = paired(*averages, [[0.0], [0.0]], "positive").difference.interval
        rows_only += low <= 0 <= high
    assert 0.93 <= covered / 400 <= 0.985
    assert rows_only / 400 < 0.7


def test_unpaired_intervals_cover_the_true_difference():
    random, covered = np.random.default_rng(5), 0
    for _ in range(1000):
        here, there = random.normal(0.0, [0.3, 0.5])
        ends = [(value - 1.96 * error, value + 1.96 * error) for value, error in ((here, 0.3), (there, 0.5))]
        low, high = unpaired([[here], [there]], *ends, "positive").difference.interval
        covered += low <= 0 <= high
    assert 0.93 <= covered / 1000 <= 0.97


def test_an_unpaired_difference_is_significant_exactly_if_its_interval_excludes_zero():
    random = np.random.default_rng(6)
    for _ in range(300):
        here, there = random.normal(0.0, 1.0, 2)
        ends = [(value - random.uniform(0.1, 1.5), value + random.uniform(0.1, 1.5)) for value in (here, there)]
        tested = unpaired([[here], [there]], *ends, "positive")
        low, high = tested.difference.interval
        assert (low > 0 or high < 0) == (tested.p_value < 0.05)


def test_degrees_of_freedom_are_never_rounded_down_to_none():
    found = [combined([StandardError(error, freedom)]) for error in np.random.default_rng(8).random(2000)
             for freedom in (1, 2, 7)]  # fmt: skip
    assert [error.degrees_of_freedom for error in found] == [1, 2, 7] * 2000


def test_without_an_interval_of_both_there_is_none_of_the_difference():
    assert unpaired([[0.8], [0.7]], (0.7, 0.9), None, "share").difference == Difference(pytest.approx(0.1))
    assert unpaired([[math.inf], [0.7]], (0.7, 0.9), (0.6, 0.8), "share").difference.interval is None


def test_an_interval_of_a_difference_of_shares_stays_within_what_is_possible():
    few = np.array([0.0, 1.0])
    assert paired(mean(few), mean(1 - few), [[0.5], [0.5]], "positive").difference.interval[1] > 1
    assert paired(mean(few), mean(1 - few), [[0.5], [0.5]], "share").difference.interval == (-1.0, 1.0)
    seeds = [[0.9, 0.1], [0.2, 0.8]]
    assert unpaired(seeds, (0.4, 0.6), (0.4, 0.6), "share").difference.interval == (-1.0, 1.0)


def test_equal_models_differ_by_zero_without_an_interval():
    values = np.random.default_rng(1).normal(size=50)
    same = paired(mean(values), mean(values), [[0.0], [0.0]], "positive")
    assert same.difference == Difference(0.0, None, "paired")
    assert math.isnan(same.p_value)


def test_false_discoveries_are_controlled_over_all_lines():
    """Of 1000 models that equal the reference, 50 intervals exclude zero, and hardly one is called clear."""
    random = np.random.default_rng(7)
    tested = {}
    for number in range(1000):
        error = combined([error_of_mean(random.normal(0.0, 1.0, 200).tolist())])
        value = random.normal(0.0, error.value)
        tested[number] = Finding(Difference(value), 2 * NormalDist().cdf(-abs(value) / error.value))
    assert 30 <= sum(test.p_value < 0.05 for test in tested.values()) <= 75
    assert sum(change.clear for change in clear_of(tested).values()) <= 2
    tested[0] = Finding(Difference(1.0), 1e-9)
    assert clear_of(tested)[0].clear
