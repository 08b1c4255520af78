"""Metrics of the order within groups: against scikit-learn, and against all orders of rows with the same score."""

import itertools

import numpy as np
import pytest
from sklearn.metrics import ndcg_score, roc_auc_score

from components.evaluation.influence import difference, standard_error
from components.evaluation.ranked.areas import score_ranks
from components.evaluation.ranked.within_groups import RANKED, blocks_of, over_groups
from components.evaluation.units import Units, independent

TOP = (1, 3, 10, 10**9)


def numbered(user):
    """Units by user."""
    code = np.unique(np.asarray(user, np.int64), return_inverse=True)[1]
    return Units(code, int(code.max(initial=-1)) + 1)


def measured(kind, user, label, score, top=10):
    label, score = np.asarray(label, np.int64), np.asarray(score)
    return over_groups(kind, blocks_of(label, score_ranks(score), numbered(user)), top)


def average_precision(label, top):
    """Of labels in order."""
    first = label[:top]
    precision = [first[: place + 1].mean() for place in np.flatnonzero(first)]
    return sum(precision) / min(top, label.sum())


IN_ORDER = {
    "GroupMAP": average_precision,
    "GroupHitRate": lambda label, top: float(label[:top].any()),
    "GroupNDCG": lambda label, top: gain(label[:top]) / gain(np.sort(label)[::-1][:top]),
    "GroupAUC": lambda label, top: np.less.outer(np.flatnonzero(label == 1), np.flatnonzero(label == 0)).mean(),
}


def gain(label):
    return (label / np.log2(np.arange(len(label)) + 2)).sum()


def over_all_orders(kind, label, score, top):
    """The mean over all orders of the rows in which no score is above a higher one."""
    orders = [np.array(order) for order in itertools.permutations(range(len(label)))]
    possible = [order for order in orders if (np.diff(score[order]) <= 0).all()]
    return np.mean([IN_ORDER[kind](label[order], top) for order in possible])


def counts(kind, label):
    return 0 < label.sum() < len(label) if kind == "GroupAUC" else label.sum() > 0 and len(label) > 1


@pytest.fixture(scope="module")
def drawn():
    """Users with one to 30 rows, some without one of the labels, and scores that are often the same."""
    generator = np.random.default_rng(0)
    user = generator.permutation(np.repeat(np.arange(60), generator.integers(1, 31, 60)))
    label = (generator.random(len(user)) < 0.15 * (1 + user % 3)).astype(np.int64)
    return user, label, (generator.integers(0, 12, len(user)) / 11).astype(np.float32)


@pytest.mark.parametrize("kind", RANKED)
@pytest.mark.parametrize("top", [1, 2, 4, 6])
def test_with_ties_it_is_the_mean_over_all_orders(kind, top):
    generator = np.random.default_rng(top)
    for rows in range(1, 7):
        for values in (1, 2, 3, 9):
            label, score = generator.integers(0, 2, rows), generator.integers(0, values, rows) / 9
            expected = over_all_orders(kind, label, score, top) if counts(kind, label) else np.nan
            found = measured(kind, np.zeros(rows), label, score, top).value
            assert found == pytest.approx(expected, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize("top", TOP)
def test_the_gain_is_that_of_scikit_learn(drawn, top):
    user, label, score = drawn
    groups = [user == one for one in np.unique(user)]
    expected = [ndcg_score([label[of]], [score[of]], k=top) for of in groups if counts("GroupNDCG", label[of])]
    assert 40 < len(expected) < 60
    assert measured("GroupNDCG", *drawn, top).value == pytest.approx(np.mean(expected), abs=1e-12)


def test_the_area_is_that_of_scikit_learn(drawn):
    user, label, score = drawn
    groups = [user == one for one in np.unique(user)]
    expected = [roc_auc_score(label[of], score[of]) for of in groups if counts("GroupAUC", label[of])]
    assert 30 < len(expected) < 60
    assert measured("GroupAUC", *drawn).value == pytest.approx(np.mean(expected), abs=1e-12)


@pytest.mark.parametrize("kind", ["GroupMAP", "GroupHitRate"])
@pytest.mark.parametrize("top", TOP)
def test_without_ties_it_is_that_of_the_sorted_rows(drawn, kind, top):
    user, label, _ = drawn
    score = np.random.default_rng(1).permutation(len(user)) / len(user)
    groups = [np.flatnonzero(user == one) for one in np.unique(user)]
    ordered = [label[of[np.argsort(-score[of])]] for of in groups]
    expected = [IN_ORDER[kind](of, top) for of in ordered if counts(kind, of)]
    assert measured(kind, user, label, score, top).value == pytest.approx(np.mean(expected), abs=1e-12)


@pytest.mark.parametrize("kind", RANKED)
def test_the_order_of_the_file_changes_nothing(drawn, kind):
    shuffled = np.random.default_rng(2).permutation(len(drawn[0]))
    again = measured(kind, *(column[shuffled] for column in drawn), 3)
    assert again.value == pytest.approx(measured(kind, *drawn, 3).value, abs=1e-12)


def test_a_hit_among_many_rows_with_the_same_score_has_the_share_of_their_places():
    label = np.arange(10_000) == 7
    assert measured("GroupHitRate", np.zeros(10_000), label, np.full(10_000, 0.5), 10).value == pytest.approx(1e-3)


@pytest.mark.parametrize("kind", RANKED)
def test_groups_that_cannot_be_measured_are_left_out(kind):
    # User 1 has no positive, user 2 a single row.
    user, label, score = [0, 0, 0, 1, 1, 2], [0, 1, 0, 0, 0, 1], [0.1, 0.5, 0.9, 0.3, 0.4, 0.2]
    found, alone = measured(kind, user, label, score), measured(kind, user[:3], label[:3], score[:3])
    assert found.value == alone.value
    assert found.groups[0].sum() == 1


def test_a_group_of_positives_alone_has_no_area_but_the_best_gain():
    assert np.isnan(measured("GroupAUC", [0, 0], [1, 1], [0.1, 0.2]).value)
    assert measured("GroupNDCG", [0, 0], [1, 1], [0.1, 0.2]).value == 1.0


@pytest.mark.parametrize("kind", RANKED)
@pytest.mark.parametrize("label", [[], [0, 0], [1]])
def test_without_a_group_that_counts_there_is_no_value(kind, label):
    found = measured(kind, np.zeros(len(label)), label, np.zeros(len(label), np.float32))
    assert np.isnan(found.value)
    assert standard_error(found, independent(len(label))) is None


@pytest.mark.parametrize("kind", RANKED)
def test_a_single_group_has_a_value_without_an_error(kind):
    user, label, score = np.zeros(4), [0, 1, 0, 1], [0.1, 0.2, 0.3, 0.4]
    found = measured(kind, user, label, score)
    assert 0 < found.value <= 1
    assert standard_error(found, numbered(user)) is None


@pytest.mark.parametrize("kind", RANKED)
def test_the_influence_of_a_group_is_how_the_mean_changes_with_its_weight(drawn, kind):
    user = drawn[0]
    of_users = numbered(user).total(measured(kind, *drawn, 3).influence())
    values = {one: measured(kind, *(column[user == one] for column in drawn), 3).value for one in np.unique(user)}
    value = np.array(list(values.values()))
    counted, nudge = np.isfinite(value), 1e-5
    for one in range(len(value)):
        ends = [np.average(value[counted], weights=(1 + sign * nudge * (np.arange(len(value)) == one))[counted])
                for sign in (1, -1)]  # fmt: skip
        assert of_users[one] == pytest.approx((ends[0] - ends[1]) / (2 * nudge), abs=1e-8)


@pytest.mark.parametrize("kind", RANKED)
def test_groups_are_independent_also_where_each_row_is_a_unit(drawn, kind):
    found = measured(kind, *drawn)
    by_row, by_user = (standard_error(found, units) for units in (independent(len(drawn[0])), numbered(drawn[0])))
    assert by_row.value == pytest.approx(by_user.value, rel=0.02)
    assert by_row.degrees_of_freedom == by_user.degrees_of_freedom == found.groups[0].sum() - 1


@pytest.mark.parametrize("kind", RANKED)
def test_a_difference_of_two_models_is_paired_by_group(drawn, kind):
    user, label, score = drawn
    better = score + 0.3 * label.astype(np.float32)
    change = difference(measured(kind, user, label, better, 3), measured(kind, *drawn, 3))
    assert change.value > 0
    same = difference(measured(kind, *drawn, 3), measured(kind, *drawn, 3))
    assert standard_error(same, independent(len(user))).value == 0
