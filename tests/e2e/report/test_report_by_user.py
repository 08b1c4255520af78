"""The report of a recommender's run: its numbers by user, recomputed with scikit-learn and NumPy."""

import math
from pathlib import Path

import harness
import numpy as np
import pytest
from sklearn import metrics

from components.artifacts.report_files import REPORT
from components.evaluation.predictions import read_predictions
from components.slice_report.facts.encoding import from_json

# Few training rows, and all test rows: intervals by user need users.
SIZES = {"train": 4000, "eval": 300, "test": 10_000}
LABEL, USER, TOP, DRAWS = "liked", "user_id", 10, 600

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def facts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recommender")
    rows = harness.tiny_rows(folder / "rows", "recommender", "time", SIZES)
    bounds = "evaluation.bounds=[{metric: AUC, lower: 0.4}]"
    outcome = harness.run_here(rows, folder / "runs", bounds, config="recommender")
    assert outcome.code == 0, outcome.facts["error"]
    return outcome.facts


@pytest.fixture(scope="module")
def report(facts):
    return from_json((Path(facts["report"]).parent / REPORT).read_bytes(), "report.json")


@pytest.fixture(scope="module")
def predictions(facts):
    return read_predictions(facts["evaluation"]).to_pandas()


@pytest.fixture(scope="module")
def overall(report):
    return next(of_slice.metrics for of_slice in report.slices if not of_slice.features)


def columns(rows):
    return rows[LABEL].to_numpy(), rows["score"].to_numpy(np.float64)


def by_user(predictions):
    """Label and score of the rows of each user."""
    return [columns(rows) for _, rows in predictions.groupby(USER)]


def hit(label, score):
    """The share of all orders of rows with the same score in which the first ten have a positive."""
    cut = np.sort(score)[::-1][: TOP + 1][-1] if len(score) <= TOP else np.sort(score)[::-1][TOP - 1]
    above, tied = score > cut, score == cut
    if label[above].any():
        return 1.0
    places, negatives = TOP - above.sum(), int((label[tied] == 0).sum())
    return 1 - math.comb(negatives, min(places, tied.sum())) / math.comb(tied.sum(), min(places, tied.sum()))


def test_the_run_ranks_and_clusters_by_user(report, predictions):
    assert (report.cluster_by, report.ranked.by, report.ranked.top) == ((USER,), (USER,), TOP)
    assert report.ranked.groups == predictions[USER].nunique()
    assert len(predictions) == SIZES["test"]


def test_metrics_of_all_rows_are_those_of_scikit_learn(overall, predictions):
    label, score = columns(predictions)
    assert overall["auc"].value == pytest.approx(metrics.roc_auc_score(label, score), abs=1e-6)
    assert overall["binary_crossentropy"].value == pytest.approx(metrics.log_loss(label, score), rel=1e-5)
    assert overall["calibration"].value == pytest.approx(score.sum() / label.sum(), rel=1e-5)
    assert overall["auc_precision_recall"].value == pytest.approx(
        metrics.average_precision_score(label, score), abs=2e-3
    )


def test_metrics_within_users_are_the_mean_over_users(overall, report, predictions):
    users = by_user(predictions)
    both = [metrics.roc_auc_score(*user) for user in users if 0 < user[0].mean() < 1]
    ranked = [(label, score) for label, score in users if label.any() and len(label) > 1]
    gains = [metrics.ndcg_score(label[None], score[None], k=TOP) for label, score in ranked]
    assert (report.ranked.with_both_labels, report.ranked.with_a_positive) == (len(both), len(ranked))
    assert overall["group_auc"].value == pytest.approx(np.mean(both), abs=1e-6)
    assert overall["group_ndcg"].value == pytest.approx(np.mean(gains), abs=1e-6)
    assert overall["group_hit_rate"].value == pytest.approx(np.mean([hit(*user) for user in ranked]), abs=1e-6)


def test_the_auc_of_a_slice_and_a_rate_of_a_group_are_those_of_their_rows(report, predictions):
    of_slice = next(found for found in report.slices if found.features == (("user_segment", "returning"),))
    rows = predictions[predictions["user_segment"] == "returning"]
    assert (of_slice.rows, of_slice.units) == (len(rows), rows[USER].nunique())
    assert of_slice.metrics["auc"].value == pytest.approx(metrics.roc_auc_score(*columns(rows)), abs=1e-6)
    (sensitive,) = (found for found in report.fairness if found.feature == "user_gender")
    for group in sensitive.groups:
        label, score = columns(predictions[predictions["user_gender"] == group.value])
        recall = metrics.recall_score(label, score > report.decision_threshold)
        assert group.rates["tpr"].value == pytest.approx(recall)
        assert group.rates["selection"].value == pytest.approx((score > report.decision_threshold).mean())


def test_intervals_are_those_of_a_bootstrap_over_users(overall, predictions):
    label, score = columns(predictions)
    codes = np.unique(predictions[USER], return_inverse=True)[1]
    generator = np.random.default_rng(7)
    users = codes.max() + 1
    weights = [np.bincount(generator.integers(0, users, users), minlength=users)[codes] for _ in range(DRAWS)]
    drawn = {
        "auc": [metrics.roc_auc_score(label, score, sample_weight=weight) for weight in weights],
        "binary_crossentropy": [metrics.log_loss(label, score, sample_weight=weight) for weight in weights],
    }
    for name, values in drawn.items():
        low, high = overall[name].interval
        bootstrap = np.quantile(values, [0.025, 0.975])
        assert (high - low) / (bootstrap[1] - bootstrap[0]) == pytest.approx(1.0, abs=0.2), name
        assert (low + high) / 2 == pytest.approx(bootstrap.mean(), abs=(high - low) / 4), name


def test_intervals_by_user_are_wider_than_those_of_rows(overall, predictions):
    label, score = columns(predictions)
    loss = -np.where(label == 1, np.log(score), np.log1p(-score))
    low, high = overall["binary_crossentropy"].interval
    assert high - low > 1.3 * 2 * 1.96 * loss.std() / math.sqrt(len(loss))
