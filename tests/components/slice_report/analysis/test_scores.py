import math

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import auc, roc_auc_score

from components.slice_report.analysis.scores import count_scores, expected_calibration_error
from components.slice_report.facts import BINS

FLOAT32, FLOAT64 = np.float32, np.float64


def drawn(rows=5000, dtype=FLOAT32, seed=0):
    generator = np.random.default_rng(seed)
    scores = generator.beta(1, 3, rows).astype(dtype)
    return (generator.random(rows) < scores).astype(np.int64), scores


def grid(dtype):
    """Every edge as a score of this type, and the next scores below and above it."""
    edges = np.array([k / BINS for k in range(BINS + 1)], dtype)
    return np.concatenate([edges, np.nextafter(edges, dtype(-1)), np.nextafter(edges, dtype(2))])


@pytest.mark.parametrize("dtype", [FLOAT32, FLOAT64])
@pytest.mark.parametrize("label", [0, 1])
def test_the_rows_above_an_edge_are_exactly_the_bins_from_there_on(dtype, label):
    scores = np.concatenate([grid(dtype), drawn(dtype=dtype)[1]])
    counted = count_scores(np.full(len(scores), label), scores)
    counts = counted.positives if label else counted.negatives
    for k in range(1, BINS):
        assert sum(counts[k:]) == sum(float(score) > k / BINS for score in scores), k
    assert sum(counts) == len(scores)
    assert sum(counted.negatives if label else counted.positives) == 0


def test_bins_are_exact_where_score_times_bins_is_rounded():
    edges = np.arange(1, BINS) / BINS
    above = np.nextafter(edges, 1.0)
    assert (np.ceil(edges * BINS) != np.arange(1, BINS)).any()
    assert (np.ceil(above * BINS) != np.arange(2, BINS + 1)).any()
    for scores, expected in ((edges, (*(1,) * (BINS - 1), 0)), (above, (0, *(1,) * (BINS - 1)))):
        assert count_scores(np.ones(BINS - 1, int), scores).positives == expected


@pytest.mark.parametrize(
    ("score", "found"), [(0.0, 0), (-0.0, 0), (0.005, 0), (0.0051, 1), (1.0, 199), (-3.0, 0), (7.0, 199), (np.inf, 199)]
)
def test_the_ends(score, found):
    counted = count_scores(np.array([1]), np.array([score]))
    assert counted.positives[found] == sum(counted.positives) == 1
    assert sum(counted.score_sums) == min(max(score, 0.0), 1.0)


def test_the_area_under_the_counted_curve_is_near_that_of_scikit_learn():
    labels, scores = drawn()
    counted = count_scores(labels, scores)
    hits, false = (np.cumsum(side[::-1]) / sum(side) for side in (counted.positives, counted.negatives))
    area = auc([0, *false], [0, *hits])
    assert area == pytest.approx(roc_auc_score(labels, scores), abs=2e-3)


def test_the_sums_are_those_of_the_scores_in_ten_bins():
    labels, scores = drawn()
    counted = count_scores(labels, scores)
    assert len(counted.score_sums) == 20
    exact = scores.astype(float)
    for k, found in enumerate(counted.score_sums):
        inside = (exact > k / 20) & (exact <= (k + 1) / 20)
        assert found == pytest.approx(exact[inside].sum(), rel=1e-12)
        assert sum(inside) == sum(counted.positives[10 * k : 10 * k + 10] + counted.negatives[10 * k : 10 * k + 10])


def test_all_is_plain_numbers():
    counted = count_scores(*drawn())
    assert {type(item) for item in counted.positives + counted.negatives} == {int}
    assert {type(item) for item in counted.score_sums} == {float}


def test_rows_without_score_or_label_are_left_out():
    column = pa.chunked_array([[1, 0, None, 1, 2]]).to_numpy()
    counted = count_scores(column, np.array([0.1, np.nan, 0.3, 0.4, 0.5], FLOAT32))
    assert (sum(counted.positives), sum(counted.negatives)) == (2, 0)
    assert sum(counted.score_sums) == pytest.approx(0.5)
    assert expected_calibration_error(column, np.array([1, np.nan, 0.3, 1, 0.5])) == 0.0


@pytest.mark.parametrize("dtype", [np.int64, np.float32, bool])
def test_no_rows(dtype):
    counted = count_scores(np.array([], dtype), np.array([], FLOAT32))
    assert (counted.positives, counted.negatives, counted.score_sums) == ((0,) * BINS, (0,) * BINS, (0.0,) * 20)
    assert math.isnan(expected_calibration_error(np.array([], dtype), np.array([], FLOAT32)))


@pytest.mark.parametrize("dtype", [np.float32, bool])
def test_labels_of_another_type_count_the_same(dtype):
    labels, scores = drawn()
    assert count_scores(labels.astype(dtype), scores) == count_scores(labels, scores)
    assert expected_calibration_error(labels.astype(dtype), scores) == expected_calibration_error(labels, scores)


def by_definition(labels, scores):
    total = 0.0
    for k in range(10):
        inside = (scores > k / 10) & (scores <= (k + 1) / 10)
        if inside.any():
            total += inside.mean() * abs(labels[inside].mean() - scores[inside].mean())
    return total


@pytest.mark.parametrize("seed", range(3))
def test_the_calibration_error_is_that_of_its_definition(seed):
    labels, scores = drawn(dtype=FLOAT64, seed=seed)
    biased = np.sqrt(scores)
    assert expected_calibration_error(labels, scores) == pytest.approx(by_definition(labels, scores), rel=1e-9)
    assert expected_calibration_error(labels, biased) == pytest.approx(by_definition(labels, biased), rel=1e-9)
    assert expected_calibration_error(labels, scores) < 0.03 < expected_calibration_error(labels, biased)


@pytest.mark.parametrize(("label", "score", "error"), [(1, 1.0, 0.0), (1, 0.0, 1.0), (0, 1.0, 1.0), (0, 0.25, 0.25)])
def test_the_calibration_error_of_one_row(label, score, error):
    assert expected_calibration_error(np.array([label]), np.array([score])) == error
