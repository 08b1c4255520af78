import numpy as np
import pytest
from sklearn.metrics import average_precision_score, log_loss, precision_score, recall_score, roc_auc_score

from components.evaluation.influence import standard_error
from components.evaluation.metrics import Metric, make_rows, score_bins
from components.evaluation.ranked.within_groups import RANKED
from components.evaluation.tasks.registry import FORMULAS
from components.evaluation.units import independent


def linearized(label, score, thresholds=None):
    label, score = np.asarray(label), np.asarray(score, np.float32)
    metrics = [Metric(kind, thresholds) for kind in FORMULAS.keys() - RANKED.keys()]
    rows = make_rows(label, score, metrics, independent(len(label)))
    return {metric.kind: FORMULAS[metric.kind](rows, metric) for metric in metrics}


def values(label, score, thresholds=None):
    return {kind: metric.value for kind, metric in linearized(label, score, thresholds).items()}


@pytest.fixture(scope="module")
def drawn():
    generator = np.random.default_rng(0)
    score = generator.beta(2, 3, 800).astype(np.float32)
    return (generator.random(800) < score).astype(np.int64), score


def test_the_metrics_are_those_of_scikit_learn(drawn):
    label, score = drawn
    found = values(label, score)
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
    found = values([label] * 3, [0.2, 0.4, 0.6])
    stock = values([label] * 3, [0.2, 0.4, 0.6], thresholds=10_000)
    assert np.isnan([found["AUC"], found["AUCPrecisionRecall"]]).all()
    assert (stock["AUC"], stock["AUCPrecisionRecall"]) == (0.0, 1.0 if label else 0.0)
    assert np.isnan(found["Calibration"]) == (label == 0)
    assert np.isnan(found["Recall"]) == (label == 0)
    assert found["BinaryAccuracy"] == pytest.approx(1 / 3 if label else 2 / 3)


def test_precision_is_nan_without_predicted_positives():
    assert np.isnan(values([0, 1], [0.1, 0.2])["Precision"])


def test_a_score_of_exactly_one_half_is_negative():
    assert values([1], [0.5])["Recall"] == 0.0


def test_scores_at_the_ends_lie_in_the_first_and_the_last_bin():
    scores = np.array([-0.5, 0.0, 5e-5, 0.99999, 1.0, 1.5], np.float32)
    assert score_bins(scores, 10_000).tolist() == [0, 0, 0, 9997, 9998, 9998]
    assert score_bins(scores, 2).tolist() == [0] * 6


def test_an_infinite_loss_has_no_standard_error():
    loss = linearized([1, 1, 0], [0.0, 0.5, 0.5])["BinaryCrossEntropy"]
    assert loss.value == np.inf
    assert standard_error(loss, independent(3)) is None


@pytest.mark.parametrize("thresholds", [None, 10_000])
def test_the_influence_of_a_row_is_how_a_metric_changes_with_its_weight(drawn, thresholds):
    label, score = (values[:200] for values in drawn)
    found = linearized(label, score, thresholds)
    for copied in (0, 3, 77):
        again = np.append(np.arange(200), copied)
        more = values(label[again], score[again], thresholds)
        for kind in FORMULAS.keys() - RANKED.keys() - {"ExampleCount"}:
            # A second copy adds 1 to the weight of the row: the influence and terms of the order of its square.
            growth = more[kind] - found[kind].value
            assert growth == pytest.approx(found[kind].influence()[copied], abs=3e-4), kind
