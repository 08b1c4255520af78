import numpy as np
import pyarrow as pa
import pytest
import tensorflow_data_validation as tfdv
from google.protobuf import text_format
from tensorflow_data_validation.statistics import stats_impl
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from components.slice_report.drift import drift

BYTES, INT, FLOAT = schema_pb2.BYTES, schema_pb2.INT, schema_pb2.FLOAT
ARROW = {BYTES: pa.list_(pa.binary()), INT: pa.list_(pa.int64()), FLOAT: pa.list_(pa.float32())}


def statistics(columns):
    arrays = {
        name: pa.array([None if value is None else [value] for value in values], ARROW[kind])
        for name, (kind, values) in columns.items()
    }
    return stats_impl.generate_statistics_in_memory(pa.RecordBatch.from_pydict(arrays), tfdv.StatsOptions()).datasets[0]


def schema_of(columns, extra=""):
    schema = schema_pb2.Schema(
        feature=[schema_pb2.Feature(name=name, type=kind) for name, (kind, _) in columns.items()]
    )
    for feature in schema.feature:
        text_format.Merge(extra, feature)
    return schema


def measure(kind, now, before, extra="", bounds=(0.1, 0.2)):
    """The drift of one column."""
    columns = {"x": (kind, now)}
    return drift(statistics(columns), statistics({"x": (kind, before)}), schema_of(columns, extra), *bounds)


def l_infinity(now, before):
    """By counting, without TFDV."""
    return max(abs(now.count(value) / len(now) - before.count(value) / len(before)) for value in {*now, *before})


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


def test_text_is_the_largest_difference_of_a_share():
    random = np.random.default_rng(0)
    now = random.choice([b"a", b"b", b"c", b"d"], 500, p=[0.1, 0.2, 0.3, 0.4]).tolist()
    before = random.choice([b"a", b"b", b"c", b"e"], 700, p=[0.4, 0.3, 0.2, 0.1]).tolist()
    (row,) = measure(BYTES, now, before)
    assert (row.column, row.measure, row.bound) == ("x", "L-infinity", 0.1)
    assert row.distance == pytest.approx(l_infinity(now, before), abs=1e-9)
    assert row.exceeded


@pytest.mark.parametrize("kind", [INT, FLOAT])
@pytest.mark.parametrize("shift", [0, 1, 8, 500])
def test_numbers_are_the_divergence_of_their_histograms(kind, shift):
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


def test_distances_within_their_bounds_come_too():
    (text,) = measure(BYTES, [b"a", b"b"], [b"a", b"b"])
    (number,) = measure(INT, [1, 2, 3], [1, 2, 3])
    assert (text.distance, text.exceeded) == (0.0, False)
    assert number.distance == pytest.approx(0.0, abs=1e-9)
    assert not number.exceeded


def test_the_schema_s_own_thresholds_come_first():
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
def test_columns_that_tfdv_would_skip_are_measured(extra):
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


def test_a_bound_of_zero_is_over_before_all_others():
    columns = {"a": (BYTES, [b"x", b"y"]), "b": (BYTES, [b"x", b"y"]), "c": (BYTES, [b"x", b"x"])}
    schema = schema_of(columns)
    for feature in schema.feature[1:]:
        feature.drift_comparator.infinity_norm.threshold = 0.0
    before = statistics({name: (BYTES, [b"x", b"x"]) for name in columns})
    assert [row.column for row in drift(statistics(columns), before, schema, 0.001, 0.1)] == ["b", "a", "c"]


@pytest.mark.parametrize("kind", [BYTES, INT, FLOAT])
def test_columns_without_values_in_either_are_left_out(kind):
    values = {BYTES: [b"a"], INT: [1], FLOAT: [1.0]}[kind]
    for now, before in ([None], [None]), ([None], values), (values, [None]), ([], values), (values, []), ([], []):
        assert measure(kind, now, before) == ()


def test_columns_that_cannot_be_compared_are_left_out():
    now = {"n": (FLOAT, [np.nan]), "t": (INT, [1]), "new": (INT, [1]), "unknown": (INT, [1]), "ok": (INT, [2])}
    before = {"n": (FLOAT, [1.0]), "t": (BYTES, [b"1"]), "old": (INT, [1]), "unknown": (INT, [1]), "ok": (INT, [2])}
    schema = schema_of({name: column for name, column in now.items() if name != "unknown"})
    assert [row.column for row in drift(statistics(now), statistics(before), schema, 0.1, 0.1)] == ["ok"]
    assert drift(statistics_pb2.DatasetFeatureStatistics(), statistics(before), schema, 0.1, 0.1) == ()


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


def test_schema_and_statistics_are_left_as_they_were():
    columns = {"x": (BYTES, [b"a"])}
    schema, found = schema_of(columns), statistics(columns)
    kept = schema.SerializeToString(), found.SerializeToString()
    drift(found, found, schema, 0.1, 0.1)
    assert (schema.SerializeToString(), found.SerializeToString()) == kept
