import numpy as np
import pytest
from fakes.report.drift_statistics import BYTES, FLOAT, INT, l_infinity, measure, schema_of, statistics, thinned

from components.slice_report.analysis.data.drift import drift


def of_two(p, q):
    """The Jensen-Shannon divergence of two distributions, each a list of shares."""
    p, q = np.array(p), np.array(q)
    middle = (p + q) / 2
    return sum(np.sum(side[side > 0] * np.log2(side[side > 0] / middle[side > 0])) / 2 for side in (p, q))


@pytest.mark.parametrize("share", [0.2, 0.6, 0.89, 0.99])
def test_a_text_that_goes_missing_drifts_by_the_lost_share(share):
    cities = [b"Ulm", b"Kyiv", b"Lima", b"Oslo", b"Bern"] * 200
    for now, before in ((thinned(cities, share), cities), (cities, thinned(cities, share))):
        (row,) = measure(BYTES, now, before)
        assert row.distance == pytest.approx(share)
        assert (row.missing, row.missing_before) == pytest.approx((now.count(None) / 1000, before.count(None) / 1000))
        assert row.exceeded


@pytest.mark.parametrize("kind", [INT, FLOAT])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.89])
def test_a_number_that_goes_missing_drifts_like_two_values(kind, share):
    cast = int if kind == INT else float
    weights = [cast(value) for value in np.linspace(0, 1000, 5000)]
    (row,) = measure(kind, thinned(weights, share), weights, bounds=(0.1, 0.1))
    assert row.distance == pytest.approx(of_two([1 - share, share], [1, 0]), abs=0.005)
    assert row.exceeded


def test_an_unchanged_share_of_missing_values_does_not_drift():
    cities = thinned([b"a", b"b"] * 500, 0.89)
    weights = thinned([float(value) for value in range(1000)], 0.6)
    assert [row.distance for row in measure(BYTES, cities, cities)] == [0.0]
    assert [row.distance for row in measure(FLOAT, weights, weights)] == [pytest.approx(0.0)]


@pytest.mark.parametrize("kind", [BYTES, INT, FLOAT])
def test_a_column_that_becomes_empty_or_is_new_has_the_largest_distance(kind):
    values = {BYTES: [b"a", b"b"], INT: [1, 2], FLOAT: [1.0, 2.0]}[kind]
    assert [row.distance for row in measure(kind, [None, None], values)] == [1.0]
    assert [row.distance for row in measure(kind, values, [None, None])] == [1.0]
    columns, other = {"x": (kind, values)}, statistics({"y": (kind, values)})
    for sides in ((statistics(columns), other), (other, statistics(columns))):
        assert [row.distance for row in drift(*sides, schema_of(columns), 0.1, 0.1)] == [1.0]
    (half,) = measure(kind, [None, None], [None, values[0]])
    assert half.distance == pytest.approx(0.5 if kind == BYTES else of_two([1, 0], [0.5, 0.5]))


def test_missing_counts_in_the_divergence_of_text_too():
    own = "drift_comparator { jensen_shannon_divergence { threshold: 0.03 } }"
    rows = {row.measure: row for row in measure(BYTES, [b"a", None, None, b"b"], [b"a", b"a", b"b", b"b"], own)}
    assert rows["Jensen-Shannon"].distance == pytest.approx(of_two([0.25, 0.25, 0.5], [0.5, 0.5, 0]))
    assert rows["L-infinity"].distance == 0.5


def test_nan_counts_as_a_value():
    nan = float("nan")
    assert [row.distance for row in measure(FLOAT, [nan, 1.0, 2.0], [nan, 1.0, 2.0])] == [0.0]
    assert [row.distance for row in measure(FLOAT, [nan], [1.0])] == [1.0]
    assert [row.distance for row in measure(FLOAT, [nan, nan], [None, None])] == [1.0]


@pytest.mark.parametrize("seed", range(4))
def test_shares_of_text_are_of_all_rows(seed):
    random = np.random.default_rng(seed)
    now, before = (
        random.choice([b"a", b"b", b"c", None], random.integers(1, 300), p=random.dirichlet(np.ones(4))).tolist()
        for _ in range(2)
    )
    distances = [row.distance for row in measure(BYTES, now, before)]
    assert distances == ([] if not (any(now) or any(before)) else [pytest.approx(l_infinity(now, before))])
