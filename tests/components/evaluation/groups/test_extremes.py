import math

import numpy as np
import pytest

from components.evaluation.groups.extremes import extremes
from components.evaluation.groups.rates import among_all
from components.evaluation.influence import mean
from components.evaluation.units import independent


def rates(*selected, each=100):
    """The selection rates of groups of 100 rows, named a, b, c, ..."""
    every = len(selected) * each
    return {
        chr(ord("a") + number): among_all(mean(np.arange(each) < count), np.arange(each) + number * each, every)
        for number, count in enumerate(selected)
    }


def test_the_groups_furthest_apart_are_compared():
    found = extremes(rates(30, 20, 40), independent(300))
    assert (found.worst, found.best) == ("b", "c")
    assert (found.difference.value, found.ratio.value) == pytest.approx((0.2, 0.5))


def test_where_the_lowest_rate_is_best_the_ratio_is_turned_over():
    found = extremes(rates(30, 20, 40), independent(300), lowest_is_best=True)
    other = extremes(rates(30, 20, 40), independent(300))
    assert (found.worst, found.best) == ("c", "b")
    assert found.difference == other.difference
    assert found.ratio.value == pytest.approx(2.0)
    assert found.ratio.interval == pytest.approx([1 / end for end in reversed(other.ratio.interval)])


def test_intervals_are_wider_for_the_choice_among_more_pairs():
    two, three = (extremes(rates(*counts), independent(100 * len(counts))) for counts in ((20, 40), (20, 30, 40)))
    assert three.difference.interval[0] < two.difference.interval[0]


@pytest.mark.parametrize(("lowest_is_best", "ratio"), [(False, 0.0), (True, math.inf)])
def test_the_ratio_to_a_rate_of_zero_has_no_interval(lowest_is_best, ratio):
    found = extremes(rates(0, 40), independent(200), lowest_is_best=lowest_is_best)
    assert (found.ratio.value, found.ratio.interval) == (ratio, None)
    assert found.difference.interval[0] > 0
