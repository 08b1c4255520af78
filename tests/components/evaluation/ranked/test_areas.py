"""Areas against scikit-learn, on scores that are hard to rank, and the influence of each row on them."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from components.evaluation.ranked.areas import precision_recall, rank, roc, score_ranks

AREAS = ((roc, roc_auc_score), (precision_recall, average_precision_score))
SCORES = {
    "spread": lambda generator, rows: generator.random(rows),
    "tied": lambda generator, rows: generator.integers(0, 4, rows) / 3,
    "crowded at 0": lambda generator, rows: np.exp(-30 * generator.random(rows)),
    "crowded at 1": lambda generator, rows: 1 - np.exp(-16 * generator.random(rows)),
    "nearly constant": lambda generator, rows: 0.5 + 1e-7 * generator.integers(0, 9, rows),
    "constant": lambda generator, rows: np.full(rows, 0.5),
    "ends": lambda generator, rows: generator.choice([0.0, -0.0, 1.0, 1e-45], rows),
}


def ranking(label, score):
    return rank(np.asarray(label, np.int64), score_ranks(np.asarray(score)))


def drawn(kind, dtype):
    generator = np.random.default_rng(0)
    for rows, share in ((2, 0.5), (3, 0.5), (60, 0.02), (60, 0.95), (200, 0.3)):
        yield (generator.random(rows) < share).astype(np.int64), SCORES[kind](generator, rows).astype(dtype)


@pytest.mark.parametrize("kind", SCORES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_areas_are_those_of_scikit_learn(kind, dtype):
    for label, score in drawn(kind, dtype):
        for ours, theirs in AREAS:
            value = ours(ranking(label, score)).value
            expected = theirs(label, score) if len(np.unique(label)) == 2 else np.nan
            assert value == pytest.approx(expected, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize("kind", SCORES)
def test_the_influence_of_a_row_is_how_the_area_changes_with_its_weight(kind):
    for label, score in drawn(kind, np.float64):
        if len(np.unique(label)) < 2:
            continue
        for ours, theirs in AREAS:
            area = ours(ranking(label, score))
            influence = area.influence()
            assert influence.sum() == pytest.approx(0, abs=1e-12)
            for row in range(0, len(label), 7):
                nudge = 1e-5 * (np.arange(len(label)) == row)
                ends = [theirs(label, score, sample_weight=1 + sign * nudge) for sign in (1, -1)]
                assert influence[row] == pytest.approx((ends[0] - ends[1]) / 2e-5, abs=1e-6)


def test_rare_labels_among_close_scores_are_ranked_exactly():
    generator = np.random.default_rng(1)
    label = (generator.random(50_000) < 0.002).astype(np.int64)
    score = (1 / (1 + np.exp(14 - 3 * generator.normal(label, 1)))).astype(np.float32)
    assert roc(ranking(label, score)).value == pytest.approx(roc_auc_score(label, score), abs=1e-12)
    assert np.mean(score < 1e-4) > 0.9


def test_scores_within_one_of_ten_thousand_thresholds_are_ranked():
    found = ranking(np.arange(1000) >= 500, 0.5 + 5e-8 * np.arange(1000))
    assert (roc(found).value, precision_recall(found).value) == (1.0, 1.0)


@pytest.mark.parametrize("label", [[], [0], [1], [1, 1, 1], [0, 0, 0]])
def test_without_one_of_the_labels_there_is_no_area(label):
    found = ranking(label, np.linspace(0, 1, len(label), dtype=np.float32))
    assert np.isnan([roc(found).value, precision_recall(found).value]).all()


def test_a_constant_score_has_an_auc_of_one_half_and_the_base_rate_as_precision():
    found = ranking([1, 0, 0, 0], np.full(4, 0.5, np.float32))
    assert (roc(found).value, precision_recall(found).value) == (0.5, 0.25)
