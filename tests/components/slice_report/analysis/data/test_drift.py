import numpy as np
import pytest
import tensorflow_data_validation as tfdv
from fakes.report.drift_statistics import BYTES, FLOAT, INT, l_infinity, measure, schema_of, statistics, thinned
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.slice_report.analysis.data.drift import drift


def jensen_shannon(now, before):
    """Of two lists of (low, high, rows): cut at the edges of both, rows spread evenly in each, in bits."""
    edges = np.unique([edge for low, high, _ in [*now, *before] for edge in (low, high)])
    p, q = spread(now, edges), spread(before, edges)
    middle = (p + q) / 2
    return sum(np.sum(side[side > 0] * np.log2(side[side > 0] / middle[side > 0])) / 2 for side in (p, q))


def spread(buckets, edges):
    shares = np.zeros(len(edges) - 1)
    for low, high, rows in buckets:
        overlap = np.clip(np.minimum(edges[1:], high) - np.maximum(edges[:-1], low), 0, None)
        shares += rows * overlap / (high - low)
    return shares / shares.sum()


def standard(found):
    (histogram,) = [one for one in found.features[0].num_stats.histograms if one.type == one.STANDARD]
    return [(bucket.low_value, bucket.high_value, bucket.sample_count) for bucket in histogram.buckets]


def test_the_distance_of_text_is_the_largest_difference_of_a_share():
    random = np.random.default_rng(0)
    now = random.choice([b"a", b"b", b"c", b"d"], 500, p=[0.1, 0.2, 0.3, 0.4]).tolist()
    before = random.choice([b"a", b"b", b"c", b"e"], 700, p=[0.4, 0.3, 0.2, 0.1]).tolist()
    (row,) = measure(BYTES, now, before)
    assert (row.column, row.measure, row.bound) == ("x", "L-infinity", 0.1)
    assert row.distance == pytest.approx(l_infinity(now, before), abs=1e-9)
    assert row.exceeded


@pytest.mark.parametrize("kind", [INT, FLOAT])
@pytest.mark.parametrize("shift", [0, 1, 8, 500])
def test_the_distance_of_numbers_is_the_divergence_of_their_histograms(kind, shift):
    random = np.random.default_rng(1)
    cast = int if kind == INT else float
    now = [cast(value) for value in random.normal(100 + shift, 20, 2000)]
    before = [cast(value) for value in random.normal(100, 10, 3000)]
    (row,) = measure(kind, now, before)
    sides = [standard(statistics({"x": (kind, values)})) for values in (now, before)]
    assert row.measure == "Jensen-Shannon"
    assert row.bound == 0.2
    assert row.distance == pytest.approx(jensen_shannon(*sides), abs=2e-3)


def test_numbers_agree_with_histograms_of_the_values_themselves():
    random = np.random.default_rng(2)
    now, before = random.uniform(0, 10, 5000), random.uniform(5, 15, 5000)
    (row,) = measure(FLOAT, now.tolist(), before.tolist())
    edges = np.linspace(0, 15, 31)
    sides = [list(zip(edges, edges[1:], np.histogram(values, edges)[0], strict=False)) for values in (now, before)]
    assert jensen_shannon(*sides) == pytest.approx(0.5, abs=0.01)
    assert row.distance == pytest.approx(jensen_shannon(*sides), abs=0.05)


def test_distances_within_their_bounds_are_listed():
    (text,) = measure(BYTES, [b"a", b"b"], [b"a", b"b"])
    (number,) = measure(INT, [1, 2, 3], [1, 2, 3])
    assert (text.distance, text.exceeded) == (0.0, False)
    assert number.distance == pytest.approx(0.0, abs=1e-9)
    assert not number.exceeded


def test_thresholds_of_the_schema_take_precedence():
    (text,) = measure(BYTES, [b"a"], [b"b"], "drift_comparator { infinity_norm { threshold: 0.01 } }")
    assert text.bound == 0.01
    own = "drift_comparator { jensen_shannon_divergence { threshold: 0.03 } }"
    (number,) = measure(INT, [1, 2], [1, 3], own)
    assert number.bound == 0.03
    both = measure(BYTES, [b"a"], [b"b"], own)
    assert {(row.measure, row.bound) for row in both} == {("L-infinity", 0.1), ("Jensen-Shannon", 0.03)}


def test_a_comparator_that_does_not_fit_does_not_hide_the_distance():
    (number,) = measure(INT, [1, 2, 3], [7, 8, 9], "drift_comparator { infinity_norm { threshold: 0.5 } }")
    assert (number.measure, number.distance, number.bound) == ("Jensen-Shannon", 1.0, 0.2)
    (text,) = measure(BYTES, [b"a"], [b"b"], "drift_comparator { infinity_norm { } }")
    assert text.bound == 0.1


@pytest.mark.parametrize(
    "extra",
    ["lifecycle_stage: DEPRECATED", "deprecated: true", 'in_environment: "SERVING"', "presence { min_fraction: 1 }"],
)
def test_columns_that_tfdv_skips_are_measured(extra):
    assert [row.distance for row in measure(BYTES, [b"a"], [b"b"], extra)] == [1.0]


def test_the_nearest_to_its_bound_is_first():
    now = {
        "a": (BYTES, [b"x"] * 9 + [b"y"]),
        "b": (BYTES, [b"x"] * 5 + [b"y"] * 5),
        "c": (INT, list(range(10))),
        "d": (BYTES, [b"x"] * 5 + [b"y"] * 5),
    }
    before = {**{name: (BYTES, [b"x"] * 10) for name in "abd"}, "c": (INT, list(range(100, 110)))}
    rows = drift(statistics(now), statistics(before), schema_of(now), 0.1, 10.0)
    assert [row.column for row in rows] == ["b", "d", "a", "c"]
    assert [round(row.distance / row.bound, 6) for row in rows] == [5.0, 5.0, 1.0, 0.1]


def test_an_exceeded_bound_of_zero_sorts_first():
    columns = {"a": (BYTES, [b"x", b"y"]), "b": (BYTES, [b"x", b"y"]), "c": (BYTES, [b"x", b"x"])}
    schema = schema_of(columns)
    for feature in schema.feature[1:]:
        feature.drift_comparator.infinity_norm.threshold = 0.0
    before = statistics({name: (BYTES, [b"x", b"x"]) for name in columns})
    assert [row.column for row in drift(statistics(columns), before, schema, 0.001, 0.1)] == ["b", "a", "c"]


@pytest.mark.parametrize("kind", [BYTES, INT, FLOAT])
def test_columns_without_values_or_rows_are_left_out(kind):
    values = {BYTES: [b"a"], INT: [1], FLOAT: [1.0]}[kind]
    for now, before in ([None], [None]), ([], values), (values, []), ([], []):
        assert measure(kind, now, before) == ()


def test_columns_that_cannot_be_compared_are_left_out():
    now = {"t": (INT, [1]), "unknown": (INT, [1]), "ok": (INT, [2])}
    before = {"t": (BYTES, [b"1"]), "old": (INT, [1]), "unknown": (INT, [1]), "ok": (INT, [2])}
    schema = schema_of({name: column for name, column in now.items() if name != "unknown"})
    assert [row.column for row in drift(statistics(now), statistics(before), schema, 0.1, 0.1)] == ["ok"]
    assert drift(statistics_pb2.DatasetFeatureStatistics(), statistics(before), schema, 0.1, 0.1) == ()


def test_a_constant_is_close_to_nearly_equal_values():
    (row,) = measure(INT, [0] * 990 + list(range(1, 11)), [0] * 1000)
    assert row.distance < 0.01


@pytest.mark.parametrize("seed", range(3))
def test_without_missing_values_distances_agree_with_tfdv(seed):
    random = np.random.default_rng(seed)
    columns = [
        {"t": (BYTES, random.choice([b"a", b"b", b"c", b"d"], 400).tolist()), "n": (FLOAT, numbers.tolist())}
        for numbers in (random.normal(0, 1, 400), random.normal(1, 2, 400))
    ]
    own = schema_of(columns[0])
    own.feature[0].drift_comparator.infinity_norm.threshold = 1.0
    own.feature[1].drift_comparator.jensen_shannon_divergence.threshold = 1.0
    now, before = map(statistics, columns)
    lists = [statistics_pb2.DatasetFeatureStatisticsList(datasets=[side]) for side in (now, before)]
    found = tfdv.validate_statistics(lists[0], own, previous_statistics=lists[1])
    wanted = {info.path.step[0]: info.drift_measurements[0].value for info in found.drift_skew_info}
    assert {row.column: row.distance for row in drift(now, before, own, 1, 1)} == pytest.approx(wanted, abs=1e-6)


def test_unlisted_values_add_no_distance():
    """The 1,000 most frequent of 30,000 values of nearly one frequency are chance: other ones in each run."""
    random = np.random.default_rng(0)
    sides = [[b"%d" % value for value in random.integers(0, 30_000, 60_000)] for _ in range(2)]
    own = "drift_comparator { jensen_shannon_divergence { threshold: 0.1 } }"
    assert {row.measure: row.exceeded for row in measure(BYTES, *sides, own)} == {
        "L-infinity": False,
        "Jensen-Shannon": False,
    }
    assert all(row.distance < 0.01 for row in measure(BYTES, *sides, own))


def test_listed_and_missing_values_count_in_full_beside_unlisted_ones():
    random = np.random.default_rng(0)
    tail = [b"%d" % value for value in random.integers(0, 30_000, 40_000)]
    (row,) = measure(BYTES, [*tail, *[b"new"] * 10_000], [*tail, *[b"old"] * 10_000])
    assert row.distance == pytest.approx(0.2, abs=1e-3)
    (row,) = measure(BYTES, thinned(tail, 0.7), tail)
    assert row.distance == pytest.approx(0.7)


def test_hostile_values_and_names_are_measured():
    name = '<b>"é.x'
    now = {name: (BYTES, [b"<script>", b"\xff\xfe", b"x" * 10_000, b""])}
    before = {name: (BYTES, [b"<script>", "é".encode(), b"", b""])}
    (row,) = drift(statistics(now), statistics(before), schema_of(now), 0.1, 0.1)
    assert (row.column, row.distance) == (name, pytest.approx(0.25))


def test_id_like_columns_are_measured():
    ids = [str(number).encode() for number in range(300)]
    (row,) = measure(BYTES, ids, ids[:100])
    assert row.distance == pytest.approx(1 / 100 - 1 / 300)


def test_schema_and_statistics_are_not_modified():
    columns = {"x": (BYTES, [b"a"])}
    schema, found = schema_of(columns), statistics(columns)
    kept = schema.SerializeToString(), found.SerializeToString()
    drift(found, found, schema, 0.1, 0.1)
    assert (schema.SerializeToString(), found.SerializeToString()) == kept
