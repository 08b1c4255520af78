"""Reports of whole runs: every run has one, and its numbers equal those of TFMA and of scikit-learn."""

import json
import math
import re
import shutil
from pathlib import Path

import harness
import numpy as np
import pytest
import tensorflow_model_analysis as tfma
from sklearn import metrics

from components.artifacts.report_files import PAGE, REPORT, digest
from components.evaluation.predictions import read_predictions
from components.slice_report.facts import Report, Slice
from components.slice_report.facts.encoding import from_json
from components.slice_report.page import render

pytestmark = pytest.mark.slow

# scikit-learn uses every score; TFMA puts scores into ten thousand buckets.
AREA_ERROR = 2e-3


def report_of(facts) -> tuple[Report, Path]:
    folder = Path(facts["report"]).parent
    return from_json((folder / REPORT).read_bytes(), "report.json"), folder


@pytest.fixture(scope="module")
def report(finished) -> Report:
    return report_of(finished.outcome.facts)[0]


@pytest.fixture(scope="module")
def predictions(finished):
    return read_predictions(finished.outcome.facts["evaluation"]).to_pandas()


def rows_of(of_slice: Slice, predictions):
    keep = np.ones(len(predictions), bool)
    for name, value in of_slice.features:
        keep &= (predictions[name].astype(str) == value).to_numpy()
    return predictions[keep]


def test_every_number_of_every_slice_is_that_of_tfma(finished, report):
    result = tfma.load_eval_result(finished.outcome.facts["evaluation"])
    known = {tuple(sorted((name, str(value)) for name, value in key)): found for key, found in result.slicing_metrics}
    assert {of_slice.features for of_slice in report.slices} == set(known)
    compared = 0
    for of_slice in report.slices:
        ((_, outputs),) = known[of_slice.features].items()
        ((_, by_name),) = outputs.items()
        for name, measured in of_slice.metrics.items():
            (value,) = [entry for key, entry in by_name[name].items() if key in ("doubleValue", "boundedValue")]
            expected = float(value["value"] if isinstance(value, dict) else value)
            assert measured.value == pytest.approx(expected, rel=1e-6, nan_ok=True), (of_slice.name, name)
            compared += 1
    assert compared == 10 * len(known)


def test_every_number_of_every_slice_is_that_of_scikit_learn(report, predictions):
    for of_slice in report.slices:
        rows = rows_of(of_slice, predictions)
        label, score = rows["over_50k"].to_numpy(), rows["score"].to_numpy(np.float64)
        decided = score > report.decision_threshold
        value = {name: measured.value for name, measured in of_slice.metrics.items()}
        assert of_slice.rows == value["example_count"] == len(rows)
        assert of_slice.share == len(rows) / len(predictions)
        assert value["mean_label"] == pytest.approx(label.mean())
        assert value["mean_prediction"] == pytest.approx(score.mean(), rel=1e-6)
        assert value["binary_accuracy"] == pytest.approx(metrics.accuracy_score(label, decided))
        if decided.any():
            assert value["precision"] == pytest.approx(metrics.precision_score(label, decided, zero_division=0))
        if label.any():
            assert value["recall"] == pytest.approx(metrics.recall_score(label, decided, zero_division=0))
            assert value["calibration"] == pytest.approx(score.sum() / label.sum(), rel=1e-5)
        if len(set(label)) == 2:
            assert value["auc"] == pytest.approx(metrics.roc_auc_score(label, score), abs=AREA_ERROR)
            assert value["binary_crossentropy"] == pytest.approx(metrics.log_loss(label, score), rel=1e-4)


def test_intervals_are_those_of_a_bootstrap_within_sampling_error(report, predictions):
    generator = np.random.default_rng(7)
    label, score = predictions["over_50k"].to_numpy(), predictions["score"].to_numpy(np.float64)
    draws = generator.integers(0, len(label), (400, len(label)))
    loss = -np.where(label == 1, np.log(score), np.log1p(-score))
    correct = (score > 0.5) == label
    outside = {
        "auc": [metrics.roc_auc_score(label[draw], score[draw]) for draw in draws],
        "binary_accuracy": correct[draws].mean(axis=1),
        "binary_crossentropy": loss[draws].mean(axis=1),
        "mean_label": label[draws].mean(axis=1),
    }
    overall = next(of_slice for of_slice in report.slices if not of_slice.features)
    for name, values in outside.items():
        low, high = overall.metrics[name].interval
        bootstrap = np.quantile(values, [0.025, 0.975])
        assert (high - low) / (bootstrap[1] - bootstrap[0]) == pytest.approx(1.0, abs=0.15), name
        assert (low + high) / 2 == pytest.approx(bootstrap.mean(), abs=(high - low) / 4), name


def test_curves_are_drawn_from_the_rows_of_their_slice(report, predictions):
    for of_slice in report.slices:
        rows = rows_of(of_slice, predictions)
        assert sum(of_slice.scores.positives) == rows["over_50k"].sum()
        assert sum(of_slice.scores.negatives) == len(rows) - rows["over_50k"].sum()
        above = (rows["score"].to_numpy(np.float64) > 0.25).sum()
        assert sum(of_slice.scores.positives[50:]) + sum(of_slice.scores.negatives[50:]) == above


def test_fairness_is_for_the_features_that_the_config_names(report, predictions):
    assert [sensitive.feature for sensitive in report.fairness] == ["sex", "race"]
    women = next(group for group in report.fairness[0].groups if group.value == "Female")
    rows = predictions[predictions["sex"] == "Female"]
    assert women.rows == len(rows)
    assert women.rates["selection"].value == pytest.approx((rows["score"] > 0.5).mean())


def test_the_report_knows_data_training_importance_lineage_and_card(finished, report):
    rows = {(column.split, column.rows) for column in report.data.columns}
    assert rows == set(harness.TINY.items())
    assert report.training.steps == 2 * report.training.steps_per_epoch
    assert 1 <= report.training.best_epoch <= 2
    assert {importance.scope for importance in report.importances} >= {"overall"}
    produced = {fact.producer for fact in report.lineage.artifacts}
    assert produced >= {"ExampleGen", "StatisticsGen", "Transform", "Trainer", "Evaluator", "ValidationGate"}
    (version,) = harness.versions(finished.root)
    marker = json.loads((finished.root / "census" / "serving" / version / "READY.json").read_text())
    assert report.lineage.model_digest == marker["model_digest"]
    assert dict(report.lineage.config)["training.epochs"] == "2"
    assert report.card.owners
    assert [part.part for part in report.missing] == ["baseline"]


def test_the_page_is_rendered_from_the_report(finished):
    report, folder = report_of(finished.outcome.facts)
    content, page = (folder / REPORT).read_bytes(), (folder / PAGE).read_text(encoding="utf-8")
    status, words = re.compile('<section id="status".*?</section>', re.DOTALL), "Served as version"
    assert words in status.search(page)[0]
    assert status.sub("", page) == status.sub("", render(report, digest(content)))
    assert (folder / "model_card.md").read_text(encoding="utf-8").startswith(f"# {report.card.title}")


def test_a_cached_run_has_the_report_of_the_original_run(finished):
    again = harness.run_here(finished.rows, finished.root)
    assert again.states()["SliceReport"] == "cached"
    first, second = (report_of(facts)[1] / REPORT for facts in (finished.outcome.facts, again.facts))
    assert first != second
    assert first.read_bytes() == second.read_bytes()


def test_a_model_that_is_not_blessed_has_a_report_that_names_its_baseline(finished, tmp_path):
    root = shutil.copytree(finished.root, tmp_path / "runs")
    bounds = "evaluation.bounds=[{metric: AUC, lower: 0.99, slice: {sex: Female}}]"
    outcome = harness.run_here(finished.rows, root, bounds, "training.learning_rate=3e-3")
    assert outcome.code == 3
    report, folder = report_of(outcome.facts)
    assert not report.verdict.blessed
    assert report.verdict.checks[0].margin < 0
    assert report.run.baseline_run == finished.outcome.facts["run"]
    assert {change.key for change in report.lineage.config_changes} >= {"training.learning_rate", "evaluation.bounds"}
    assert report.data.schema_changes == ()
    assert max(drift.distance for drift in report.data.drift) == 0.0
    overall = next(of_slice for of_slice in report.slices if not of_slice.features)
    comparison = next(item for item in report.comparisons if item.metric == "AUC")
    assert comparison.to_baseline == overall.to_baseline["auc"]
    assert not math.isnan(comparison.to_baseline.value)
    assert "sex=Female" in (folder / PAGE).read_text(encoding="utf-8")


def test_a_run_that_the_gate_stopped_has_a_report_that_says_so(finished, tmp_path):
    rows = shutil.copytree(finished.rows, tmp_path / "rows")
    path = rows / "train" / "rows.csv"
    path.write_text(path.read_text(encoding="utf-8").replace(" ", "").replace("Male", "Mail", 1), encoding="utf-8")
    outcome = harness.run_here(rows, tmp_path / "runs")
    assert outcome.code == 4
    report, folder = report_of(outcome.facts)
    assert report.run.failed_at == "ValidationGate"
    assert {entry.outcome for entry in report.data.gate} == {"blocked"}
    assert report.verdict is None
    assert {part.part for part in report.missing} >= {"verdict", "slices", "training"}
    assert "ValidationGate" in (folder / PAGE).read_text(encoding="utf-8")


def test_a_run_whose_evaluator_crashed_has_a_report_on_what_came_before(finished, tmp_path, monkeypatch):
    def crash(*_):
        raise RuntimeError('no <b>space</b> & "time"')

    monkeypatch.setattr("components.batch_evaluator.executor.read_plan", crash)
    root = shutil.copytree(finished.root, tmp_path / "runs")
    # Other bounds, so that Evaluator is not answered from the cache.
    outcome = harness.run_here(finished.rows, root, "evaluation.bounds=[{metric: AUC, lower: 0.51}]")
    assert outcome.code == 1
    report, folder = report_of(outcome.facts)
    assert report.run.failed_at == "Evaluator"
    assert "no <b>space</b>" in report.run.error
    assert report.training is not None
    assert report.verdict is None
    assert "<b>space</b>" not in (folder / PAGE).read_text(encoding="utf-8")


def test_a_part_of_a_run_has_a_report_on_the_data(finished, tmp_path):
    outcome = harness.run_here(finished.rows, tmp_path / "runs", to_node="ValidationGate")
    report, _ = report_of(outcome.facts)
    assert report.data.columns
    assert report.verdict is None
    assert report.run.failed_at == ""
