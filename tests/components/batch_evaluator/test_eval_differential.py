"""Every metric of every slice against scikit-learn and NumPy, on random rows full of edge cases."""

import math
import warnings

import numpy as np
import pyarrow as pa
import pytest
from fakes.stock.evaluator_runs import make_config
from sklearn import metrics as reference

from components.batch_evaluator.evaluation import evaluate
from components.batch_evaluator.plan import make_plan
from components.evaluation.ranked.within_groups import RANKED
from components.evaluation.slice_values import value_text
from components.evaluation.tasks.registry import FORMULAS
from components.evaluation.units import independent
from components.slice_report.analysis.fairness import sensitive
from components.slice_report.analysis.scores import count_scores, expected_calibration_error
from pipeline.label import Label

ROUNDS = 120
NAMES = ["auc", "auc_precision_recall", "binary_accuracy", "binary_crossentropy", "calibration", "example_count",
         "mean_label", "mean_prediction", "precision", "recall"]  # fmt: skip


def drawn_scores(generator, rows):
    """Return scores full of edge cases: ties, 0 and 1, clusters, and the decision threshold itself."""
    kinds = (
        lambda: generator.random(rows),
        lambda: generator.choice([0.0, 1.0, 0.5, 0.1], rows),
        lambda: np.full(rows, generator.choice([0.0, 0.5, 1.0])),
        lambda: np.exp(-40 * generator.random(rows)),
        lambda: 1 - np.exp(-17 * generator.random(rows)),
        lambda: np.nextafter(np.float32(0.5), np.float32(generator.choice([0, 1]))) * np.ones(rows),
        lambda: generator.integers(0, 201, rows) / 200,
    )
    return kinds[generator.integers(len(kinds))]().astype(generator.choice([np.float32, np.float64]))


def drawn(seed) -> tuple[pa.Table, float]:
    """Random rows and a decision threshold; some slices are empty, and some hold all rows."""
    generator = np.random.default_rng(seed)
    rows = int(generator.choice([1, 2, 5, 40, 300]))
    share = generator.choice([0.0, 1.0, 0.5, 0.02])
    group = pa.array(generator.choice([0.1, -0.0, 0.0, 7.0], rows), pa.float32(), mask=generator.random(rows) < 0.2)
    label = (generator.random(rows) < share).astype(generator.choice([np.int64, np.float32]))
    table = pa.table({"over_50k": label, "group": group, "score": drawn_scores(generator, rows)})
    return table, float(generator.choice([0.5, 0.1, 0.0, 1.0]))


def expected(label, score, threshold) -> dict[str, float]:
    """Compute a metric with scikit-learn if it has it, else with NumPy; nan if it is undefined."""
    label, score = label.astype(np.int64), score.astype(np.float64)
    decided, both = score > threshold, len(np.unique(label)) == 2
    cost = np.where(label == 1, score, 1 - score)
    with np.errstate(divide="ignore"):
        # scikit-learn clips; of what is certain and wrong the cost is infinite.
        loss = -np.log(cost).mean()
    if cost.min() > 1e-6:
        assert loss == pytest.approx(reference.log_loss(label, score, labels=[0, 1]), abs=1e-9)
    return {
        "auc": reference.roc_auc_score(label, score) if both else math.nan,
        "auc_precision_recall": reference.average_precision_score(label, score) if both else math.nan,
        "binary_accuracy": reference.accuracy_score(label, decided),
        "binary_crossentropy": loss,
        "calibration": score.sum() / label.sum() if label.any() else math.nan,
        "example_count": len(label),
        "mean_label": label.mean(),
        "mean_prediction": score.mean(),
        "precision": reference.precision_score(label, decided, zero_division=math.nan),
        "recall": reference.recall_score(label, decided, zero_division=math.nan),
    }


def rows_of(table, key):
    """Select rows by the text of the value, independently of the code under test."""
    cells = [None if cell is None else value_text(cell) for cell in table["group"].to_pylist()]
    return np.array([not key or cell == value_text(key[0][1]) for cell in cells])


@pytest.mark.parametrize("intervals", [False, True])
def test_every_metric_of_every_slice_equals_scikit_learn(intervals):
    for seed in range(ROUNDS):
        table, threshold = drawn(seed)
        config = make_config(
            *sorted(FORMULAS.keys() - RANKED.keys()), slices=({}, {"feature_keys": ["group"]}), intervals=intervals
        )
        for metric in config.metrics_specs[0].metrics:
            if metric.class_name in ("BinaryAccuracy", "Precision", "Recall"):
                name = "threshold" if metric.class_name == "BinaryAccuracy" else "thresholds"
                metric.config = f'"{name}": {threshold if name == "threshold" else [threshold]}'
        label, score = table["over_50k"].to_numpy(), table["score"].to_numpy()
        seen = 0
        for key, values, _ in evaluate(table, make_plan(config, has_baseline=False)):
            keep = rows_of(table, key)
            found = {of.name: value for of, (value, _) in values.items()}
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                wanted = expected(label[keep], score[keep], threshold)
            assert found == pytest.approx(wanted, abs=1e-9, rel=1e-9, nan_ok=True), (seed, key)
            assert sorted(found) == NAMES
            errors = [error.value for _, error in values.values() if error is not None]
            assert np.isfinite(errors).all()
            assert bool(errors) == (intervals and keep.sum() > 1)
            seen += int(keep.sum()) if key else 0
        assert seen == table.num_rows - table["group"].null_count


def test_rates_by_group_and_calibration_equal_scikit_learn():
    for seed in range(ROUNDS):
        table, threshold = drawn(seed)
        label, score = table["over_50k"].to_numpy().astype(np.int64), table["score"].to_numpy().astype(np.float64)
        found = sensitive(table, Label("over_50k"), "group", threshold, independent(table.num_rows))
        groups = {group.value: group for group in found.groups}
        cells = ["(none)" if cell is None else value_text(cell) for cell in table["group"].to_pylist()]
        assert sorted(groups) == sorted(set(cells))
        for value, group in groups.items():
            keep = np.array(cells) == value
            truth, decided = label[keep], score[keep] > threshold
            tn, fp, fn, tp = reference.confusion_matrix(truth, decided, labels=[0, 1]).ravel()
            rates = {
                "base_rate": (tp + fn, keep.sum()),
                "selection": (tp + fp, keep.sum()),
                "tpr": (tp, tp + fn),
                "fpr": (fp, fp + tn),
                "fnr": (fn, tp + fn),
                "calibration": (score[keep].sum(), tp + fn),
                "ppv": (tp, tp + fp),
            }
            wanted = {name: hits / of if of else math.nan for name, (hits, of) in rates.items()}
            assert {name: rate.value for name, rate in group.rates.items()} == pytest.approx(wanted, nan_ok=True)
            for name, rate in group.rates.items():
                assert rate.interval is None or 0 <= rate.interval[0] <= rate.value <= rate.interval[1]
                assert name == "calibration" or rate.interval is None or rate.interval[1] <= 1
        assert expected_calibration_error(label, score) == pytest.approx(by_hand(label, score), abs=1e-12)


def by_hand(label, score) -> float:
    """The calibration error over ten bins, each open at its lower end."""
    bins = np.maximum(np.ceil(score * 10 - 1e-15), 1)
    gaps = [abs(score[bins == one].mean() - label[bins == one].mean()) * (bins == one).sum() for one in np.unique(bins)]
    return sum(gaps) / len(score)


def test_a_curve_of_the_counts_is_that_of_the_scores_at_every_edge():
    for seed in range(ROUNDS):
        table, _ = drawn(seed)
        label, score = table["over_50k"].to_numpy(), table["score"].to_numpy().astype(np.float64)
        counts = count_scores(label, score)
        for bin_, edge in enumerate(np.arange(200) / 200):
            above = score > edge
            found = sum(counts.positives[bin_:]), sum(counts.negatives[bin_:])
            # The lowest bin holds zero, too.
            assert bin_ == 0 or found == (np.sum(above & (label == 1)), np.sum(above & (label == 0)))
        assert sum(counts.positives) + sum(counts.negatives) == len(score)
        assert sum(counts.score_sums) == pytest.approx(score.sum())


def test_without_rows_there_are_no_slices():
    table, _ = drawn(3)
    config = make_config(*sorted(FORMULAS.keys() - RANKED.keys()), slices=({}, {"feature_keys": ["group"]}))
    assert list(evaluate(table.slice(0, 0), make_plan(config, has_baseline=False))) == []
