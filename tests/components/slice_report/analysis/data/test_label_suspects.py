import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from components.evaluation.units import independent, units_of
from components.slice_report.analysis.data.label_suspects import (
    LEVEL,
    UNLIKELY,
    find_label_suspects,
    p_of_rows,
    p_of_units,
    suspect_rows,
)
from pipeline.label import Label

DRAWS, ROWS, USERS = 300, 20_000, 200


def drawn(seed, *, flipped=0.0, of_users=0.0):
    """Predictions of a model that knows the truth; labels are flipped in a share of rows, or depend on the user."""
    generator = np.random.default_rng(seed)
    user = np.arange(ROWS) % USERS
    logit = generator.normal(0, 3, ROWS)
    score = 1 / (1 + np.exp(-logit))
    if of_users:
        # Each row has label 1 with the probability of its score, but rows of one user share their luck.
        luck = stats.norm.cdf(
            np.sqrt(of_users) * generator.normal(size=USERS)[user] + np.sqrt(1 - of_users) * generator.normal(size=ROWS)
        )
    else:
        luck = generator.random(ROWS)
    label = luck < score
    flips = generator.random(ROWS) < flipped
    return pa.table({"y": (label ^ flips).astype(np.int64), "score": score, "user": user}), flips


def found_in(table, by=()):
    return find_label_suspects(table, Label("y"), units_of(table, by)).found


def test_clean_labels_raise_an_alarm_at_the_stated_rate():
    alarms = sum(bool(found_in(drawn(seed)[0])) for seed in range(DRAWS))
    assert 0.01 <= alarms / DRAWS <= LEVEL + 3 * np.sqrt(LEVEL * (1 - LEVEL) / DRAWS)


def test_rows_of_a_user_that_share_their_luck_raise_no_more_alarms_with_users_as_units():
    tables = [drawn(seed, of_users=0.5)[0] for seed in range(DRAWS)]
    by_row, by_user = (sum(bool(found_in(table, by)) for table in tables) / DRAWS for by in ((), ("user",)))
    assert by_user <= LEVEL + 3 * np.sqrt(LEVEL * (1 - LEVEL) / DRAWS)
    assert by_row > 0.12


@pytest.mark.parametrize("by", [(), ("user",)], ids=["rows", "users"])
def test_two_percent_of_flipped_labels_are_found_in_both_tails(by):
    for seed in range(20):
        assert [tail.label for tail in found_in(drawn(seed, flipped=0.02)[0], by)] == [1, 0]


def test_most_of_the_excess_are_the_flipped_labels():
    table, flips = drawn(1, flipped=0.02)
    suspects = find_label_suspects(table, Label("y"), independent(ROWS))
    index = suspect_rows(table, Label("y"), suspects)
    score, label = table["score"].to_numpy(), table["y"].to_numpy()
    assert len(index) == sum(tail.suspects for tail in suspects.tails)
    assert all(np.where(label[index] == 1, score[index], 1 - score[index]) <= UNLIKELY)
    expected = sum(tail.expected for tail in suspects.tails)
    assert flips[index].sum() == pytest.approx(len(index) - expected, abs=3 * np.sqrt(expected))


def test_wrong_labels_of_one_user_are_not_many():
    table, _ = drawn(2)
    score, user = table["score"].to_numpy(), np.where(np.arange(ROWS) < 600, 0, table["user"].to_numpy())
    label = np.where(user == 0, score < 0.5, table["y"].to_numpy()).astype(np.int64)
    table = pa.table({"y": label, "score": score, "user": user})
    assert len(found_in(table)) == 2
    assert found_in(table, ("user",)) == ()


def tail_of(count, probability):
    """The probability of at least so many of independent events, each of its own probability."""
    exact = np.ones(1)
    for one in probability:
        exact = np.convolve(exact, [1 - one, one])
    return exact[count:].sum()


def test_the_p_value_is_at_least_that_of_the_poisson_binomial_distribution():
    probability = np.random.default_rng(0).uniform(0, UNLIKELY, 300)
    for count in (10, 12, 15, 20):
        p_value, exact = p_of_rows(np.arange(300) < count, probability), tail_of(count, probability)
        assert exact <= p_value <= 1.25 * exact


@pytest.mark.parametrize("mean", [1e-4, 0.01, 0.3, 0.99, 1.0, 1.4, 2.5])
def test_the_p_value_of_a_few_suspects_is_never_too_small(mean):
    # Very unequal probabilities are furthest from the binomial distribution.
    shape = np.geomspace(1e-6, 1, 300)
    probability = np.minimum(shape * mean / shape.sum(), UNLIKELY)
    for count in range(7):
        assert p_of_rows(np.arange(300) < count, probability) >= tail_of(count, probability) * (1 - 1e-9)
    assert p_of_rows(np.arange(300) < 1, probability) == pytest.approx(tail_of(1, probability))


@pytest.mark.parametrize(("users", "reached"), [(6, False), (7, True)])
def test_a_few_users_alone_never_raise_an_alarm(users, reached):
    unit = units_of(pa.table({"user": np.arange(users)}), ("user",))
    p_value = p_of_units(np.ones(users, bool), np.full(users, UNLIKELY), unit)
    assert (p_value <= LEVEL / 2) == reached


def test_without_confident_scores_there_is_nothing_to_find():
    table = pa.table({"y": [0, 1] * 50, "score": [0.5] * 100})
    suspects = find_label_suspects(table, Label("y"), independent(100))
    assert [(tail.rows, tail.suspects, tail.p_value) for tail in suspects.tails] == [(0, 0, 1.0)] * 2
    assert suspect_rows(table, Label("y"), suspects).size == 0
