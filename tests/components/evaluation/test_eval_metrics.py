import numpy as np
import pytest
from sklearn.metrics import average_precision_score, log_loss, precision_score, recall_score, roc_auc_score

from components.evaluation.metrics import FORMULAS, Metric, make_rows, score_bins


def values(label, score, bucket=None, buckets=0, thresholds=None):
    label, score = np.asarray(label), np.asarray(score, np.float32)
    bucket = np.zeros(len(label), np.int64) if bucket is None else bucket
    metrics = [Metric(kind, thresholds) for kind in FORMULAS]
    rows = make_rows(label, score, metrics, bucket, buckets)
    return {metric.kind: FORMULAS[metric.kind](rows, metric) for metric in metrics}


@pytest.fixture(scope="module")
def drawn():
    generator = np.random.default_rng(0)
    score = generator.beta(2, 3, 800).astype(np.float32)
    return (generator.random(800) < score).astype(np.int64), score


def test_the_metrics_are_those_of_scikit_learn(drawn):
    label, score = drawn
    found = {kind: samples[0] for kind, samples in values(label, score).items()}
    assert found["AUC"] == pytest.approx(roc_auc_score(label, score), abs=1e-12)
    assert found["AUCPrecisionRecall"] == pytest.approx(average_precision_score(label, score), abs=1e-12)
    assert found["BinaryCrossEntropy"] == pytest.approx(log_loss(label, score.astype(float)), abs=1e-6)
    assert found["Precision"] == precision_score(label, score > 0.5)
    assert found["Recall"] == recall_score(label, score > 0.5)
    assert found["BinaryAccuracy"] == np.mean((score > 0.5) == label)
    assert found["MeanLabel"] == label.mean()
    assert found["MeanPrediction"] == pytest.approx(score.mean(), abs=1e-6)
    assert found["Calibration"] == pytest.approx(score.sum() / label.sum(), abs=1e-6)
    assert found["ExampleCount"] == 800


@pytest.mark.parametrize("label", [0, 1])
def test_an_area_of_one_label_is_undefined_or_that_of_tfma(label):
    found = {kind: samples[0] for kind, samples in values([label] * 3, [0.2, 0.4, 0.6]).items()}
    stock = values([label] * 3, [0.2, 0.4, 0.6], thresholds=10_000)
    assert np.isnan([found["AUC"], found["AUCPrecisionRecall"]]).all()
    assert (stock["AUC"][0], stock["AUCPrecisionRecall"][0]) == (0.0, 1.0 if label else 0.0)
    assert np.isnan(found["Calibration"]) == (label == 0)
    assert np.isnan(found["Recall"]) == (label == 0)
    assert found["BinaryAccuracy"] == pytest.approx(1 / 3 if label else 2 / 3)


def test_precision_is_nan_without_predicted_positives():
    assert np.isnan(values([0, 1], [0.1, 0.2])["Precision"][0])


def test_a_score_of_exactly_one_half_is_negative():
    assert values([1], [0.5])["Recall"][0] == 0.0


def test_scores_at_the_ends_lie_in_the_first_and_the_last_bin():
    scores = np.array([-0.5, 0.0, 5e-5, 0.99999, 1.0, 1.5], np.float32)
    assert score_bins(scores, 10_000).tolist() == [0, 0, 0, 9997, 9998, 9998]
    assert score_bins(scores, 2).tolist() == [0] * 6


def test_an_infinite_loss_does_not_reach_the_sample_without_its_bucket():
    losses = values([1, 1, 0], [0.0, 0.5, 0.5], np.array([0, 1, 1]), buckets=2)["BinaryCrossEntropy"]
    assert losses[0] == np.inf
    assert losses[1] == pytest.approx(np.log(2))
    assert losses[2] == np.inf
