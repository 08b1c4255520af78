"""Areas against scikit-learn, on scores that are hard to rank."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from components.evaluation import areas as module
from components.evaluation.areas import areas, row_keys
from components.evaluation.jackknife import BUCKETS, bucket_of_row

SCORES = {
    "spread": lambda generator, rows: generator.random(rows),
    "tied": lambda generator, rows: generator.integers(0, 4, rows) / 3,
    "crowded at 0": lambda generator, rows: np.exp(-30 * generator.random(rows)),
    "crowded at 1": lambda generator, rows: 1 - np.exp(-16 * generator.random(rows)),
    "nearly constant": lambda generator, rows: 0.5 + 1e-7 * generator.integers(0, 9, rows),
    "constant": lambda generator, rows: np.full(rows, 0.5),
    "ends": lambda generator, rows: generator.choice([0.0, -0.0, 1.0, 1e-45], rows),
}


def found(label, score, buckets=0):
    label = np.asarray(label, np.int64)
    bucket = bucket_of_row(len(label), buckets)
    return areas(row_keys(label, np.asarray(score), bucket, buckets), buckets), bucket


def assert_equal_to_scikit_learn(label, score, buckets):
    """Of all rows, and of those without each bucket."""
    ours, bucket = found(label, score, buckets)
    for sample in range(buckets + 1):
        kept = bucket != sample - 1 if sample else np.full(len(label), True)
        of = (ours.roc[sample], ours.precision_recall[sample])
        if len(np.unique(label[kept])) < 2:
            assert np.isnan(of).all()
        else:
            theirs = (function(label[kept], score[kept]) for function in (roc_auc_score, average_precision_score))
            assert of == pytest.approx(tuple(theirs), abs=1e-12)


@pytest.mark.parametrize("kind", SCORES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("chunk_rows", [1, 7, 8_192])
def test_areas_are_those_of_scikit_learn_in_every_sample(kind, dtype, chunk_rows, monkeypatch):
    monkeypatch.setattr(module, "CHUNK_ROWS", chunk_rows)
    generator = np.random.default_rng(0)
    for rows, share in ((2, 0.5), (3, 0.5), (60, 0.02), (60, 0.95), (200, 0.3)):
        score = SCORES[kind](generator, rows).astype(dtype)
        label = (generator.random(rows) < share).astype(np.int64)
        assert_equal_to_scikit_learn(label, score, int(generator.choice([0, BUCKETS])))


def test_rare_labels_among_close_scores_are_ranked_exactly():
    generator = np.random.default_rng(1)
    label = (generator.random(50_000) < 0.002).astype(np.int64)
    score = 1 / (1 + np.exp(14 - 3 * generator.normal(label, 1)))
    ours, _ = found(label, score.astype(np.float32))
    assert ours.roc[0] == pytest.approx(roc_auc_score(label, score.astype(np.float32)), abs=1e-12)
    assert np.mean(score < 1e-4) > 0.9


def test_scores_within_one_of_ten_thousand_thresholds_are_ranked():
    score = (0.5 + 5e-8 * np.arange(1000)).astype(np.float64)
    ours, _ = found(np.arange(1000) >= 500, score)
    assert (ours.roc[0], ours.precision_recall[0]) == (1.0, 1.0)


@pytest.mark.parametrize("label", [[], [0], [1], [1, 1, 1], [0, 0, 0]])
def test_without_one_of_the_labels_there_is_no_area(label):
    ours, _ = found(label, np.linspace(0, 1, len(label), dtype=np.float32), BUCKETS)
    assert np.isnan(ours.roc).all()
    assert np.isnan(ours.precision_recall).all()


def test_a_constant_score_has_an_auc_of_one_half_and_the_base_rate_as_precision():
    ours, _ = found([1, 0, 0, 0], np.full(4, 0.5, np.float32))
    assert (ours.roc[0], ours.precision_recall[0]) == (0.5, 0.25)
