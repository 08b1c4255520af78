import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from components.evaluation.jackknife import BUCKETS, bucket_of_row, empty_samples, estimate
from components.evaluation.metrics import FORMULAS, Metric, make_rows


def test_buckets_are_even_and_the_same_each_time():
    buckets = bucket_of_row(100_000, BUCKETS)
    assert np.bincount(buckets).min() > 4700
    assert np.bincount(buckets).max() < 5300
    assert np.array_equal(buckets[:50], bucket_of_row(50, BUCKETS))


def test_buckets_do_not_follow_a_period_in_the_rows():
    buckets = bucket_of_row(100_000, BUCKETS)
    assert np.bincount(buckets[::20], minlength=BUCKETS).min() > 180


@pytest.mark.parametrize(
    ("kind", "reference", "tolerance"),
    [("AUC", roc_auc_score, 1e-6), ("BinaryCrossEntropy", log_loss, 1e-3)],
)
def test_the_standard_error_is_that_of_leaving_out_each_bucket_by_hand(kind, reference, tolerance):
    generator = np.random.default_rng(1)
    score = generator.random(1500).astype(np.float32)
    label = (generator.random(1500) < score).astype(np.int64)
    bucket = bucket_of_row(1500, BUCKETS)
    found = estimate(FORMULAS[kind](make_rows(label, score, [Metric(kind)], bucket, BUCKETS), Metric(kind)))

    exact = score.astype(float)
    samples = [reference(label[bucket != left_out], exact[bucket != left_out]) for left_out in range(BUCKETS)]
    pseudo_values = BUCKETS * reference(label, exact) - (BUCKETS - 1) * np.array(samples)
    assert found.standard_error == pytest.approx(pseudo_values.std(ddof=1) / np.sqrt(BUCKETS), rel=tolerance)
    assert found.mean == pytest.approx(np.mean(samples), abs=1e-3)


def test_the_standard_error_of_a_mean_is_its_textbook_value():
    score = np.random.default_rng(2).random(40_000).astype(np.float32)
    bucket = bucket_of_row(40_000, BUCKETS)
    rows = make_rows(np.zeros(40_000, np.int64), score, [], bucket, BUCKETS)
    found = estimate(FORMULAS["MeanPrediction"](rows, Metric("MeanPrediction")))
    assert found.standard_error == pytest.approx(score.std() / 200, rel=0.4)


@pytest.mark.parametrize(("buckets", "empty"), [([3], 1), ([3, 3], 1), ([3, 4], 0), ([], 0)])
def test_a_sample_is_empty_when_all_rows_share_a_bucket(buckets, empty):
    assert empty_samples(np.array(buckets, np.int64)) == empty
