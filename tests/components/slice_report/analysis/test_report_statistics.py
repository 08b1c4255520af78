import dataclasses
import math

import pyarrow as pa
import pytest
import tensorflow_data_validation as tfdv
from tensorflow_data_validation.statistics import stats_impl
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.artifacts.anomalies import Anomaly
from components.artifacts.feature_statistics import ESTIMATED
from components.data_validation.verdict import Verdict
from components.slice_report.analysis.statistics import bar_label, column_stats, gate_entries, readable
from components.slice_report.facts import Bar, GateEntry
from pipeline.criteria import Acceptance

TEXT, INTS, FLOATS = pa.list_(pa.binary()), pa.list_(pa.int64()), pa.list_(pa.float32())
NAN = math.nan


def statistics(**columns):
    """TFDV's statistics of columns given as (type, rows), a row being a list of values or None."""
    batch = pa.RecordBatch.from_pydict({name: pa.array(rows, kind) for name, (kind, rows) in columns.items()})
    return stats_impl.generate_statistics_in_memory(batch, tfdv.StatsOptions()).datasets[0]


def single(values):
    return [None if value is None else [value] for value in values]


def only(**columns):
    (row,) = column_stats({"train": statistics(**columns)})
    return row


def test_numbers_have_moments_and_bars_that_sum_to_the_rows_with_a_value():
    row = only(age=(INTS, single([20, 0, 30, None, 50])))
    assert (row.column, row.split, row.type, row.rows, row.missing) == ("age", "train", "INT", 5, 0.2)
    assert (row.mean, row.minimum, row.median, row.maximum, row.zeros) == (25.0, 0.0, 30.0, 50.0, 0.25)
    assert row.std_dev == pytest.approx(18.0277564)
    assert row.distinct is None
    assert [bar.label for bar in row.histogram[:2]] == ["0 … 5", "5 … 10"]
    assert len(row.histogram) == 10
    assert sum(bar.rows for bar in row.histogram) == pytest.approx(4)


def test_text_has_ten_values_and_one_bar_for_all_others():
    values = [f"v{number:02d}".encode() for number in range(13) for _ in range(20 - number)]
    row = only(city=(TEXT, single([*values, None])))
    assert [bar.label for bar in row.histogram[:2]] == ["v00", "v01"]
    assert row.histogram[10] == Bar("(other values)", 10 + 9 + 8)
    assert len(row.histogram) == 11
    assert sum(bar.rows for bar in row.histogram) == len(values)
    assert (row.distinct, row.type) == (13, "STRING")
    assert (row.mean, row.std_dev, row.minimum, row.median, row.maximum, row.zeros) == (None,) * 6


def test_a_value_called_other_is_not_the_bar_of_all_others():
    row = only(city=(TEXT, single([b"other", b"other"])))
    assert row.histogram == (Bar("other", 2.0),)


def test_columns_keep_their_order_and_splits_the_order_given():
    one = statistics(a=(INTS, [[1]]), b=(TEXT, [[b"x"]]))
    rows = column_stats({"train": one, "test": one, "eval": one})
    assert [(row.column, row.split) for row in rows] == [(c, s) for c in "ab" for s in ("train", "test", "eval")]


@pytest.mark.parametrize("kind", [INTS, TEXT])
def test_a_column_that_a_split_lacks_is_wholly_missing(kind):
    value = 1 if kind == INTS else b"x"
    splits = {
        "train": statistics(a=(kind, [[value]]), b=(kind, [[value]])),
        "test": statistics(a=(kind, [[value]] * 3)),
    }
    row = column_stats(splits)[-1]
    assert (row.column, row.split, row.rows, row.missing, row.histogram) == ("b", "test", 3, 1.0, ())
    assert (row.distinct is None) == (kind == INTS)
    assert column_stats(splits)[2].type == row.type


def test_a_column_that_only_a_later_split_has_is_there():
    rows = column_stats({"train": statistics(a=(INTS, [[1]])), "test": statistics(a=(INTS, [[1]]), b=(INTS, [[1]]))})
    assert [(row.column, row.split, row.missing) for row in rows[2:]] == [("b", "train", 1.0), ("b", "test", 0.0)]


def test_statistics_of_an_empty_split_are_nan():
    number, text = column_stats({"eval": statistics(a=(FLOATS, []), b=(TEXT, []))})
    assert (number.rows, text.rows, text.distinct, number.histogram, text.histogram) == (0, 0, 0, (), ())
    unknown = (number.missing, number.mean, number.minimum, number.maximum, number.median, number.zeros, text.missing)
    assert all(math.isnan(value) for value in unknown)
    assert column_stats({"eval": statistics_pb2.DatasetFeatureStatistics()}) == ()
    assert column_stats({}) == ()


def test_nan_is_a_value_of_its_own():
    row = only(a=(FLOATS, single([1.0, NAN, 3.0, NAN])))
    assert (row.missing, row.mean, row.minimum, row.maximum) == (0.0, 2.0, 1.0, 3.0)
    assert row.histogram[-1] == Bar("NaN", 2.0)
    assert sum(bar.rows for bar in row.histogram) == pytest.approx(4, rel=1e-5)


def test_a_column_of_nan_has_no_mean():
    row = only(a=(FLOATS, single([NAN, NAN])))
    assert math.isnan(row.mean)
    assert math.isnan(row.maximum)
    assert row.histogram == (Bar("NaN", 2.0),)


def test_infinity_has_a_bar():
    row = only(a=(FLOATS, single([1.0, math.inf, 3.0])))
    assert row.histogram[-1] == Bar("inf", 1.0)
    assert row.maximum == math.inf
    assert len(row.histogram) == 11


def test_several_values_in_a_row_are_all_counted():
    text = only(tags=(TEXT, [[b"a", b"b"], [b"a"], None, [b"c", b"a"]]))
    assert (text.rows, text.missing) == (4, 0.25)
    assert sorted((bar.label, bar.rows) for bar in text.histogram) == [("a", 3.0), ("b", 1.0), ("c", 1.0)]
    numbers = only(tags=(INTS, [[0, 0, 0], [5]]))
    assert (numbers.zeros, numbers.mean) == (0.75, 1.25)
    assert sum(bar.rows for bar in numbers.histogram) == pytest.approx(4)


def test_hostile_text_is_shortened_only():
    hostile = '<script>alert("é\u2028")</script>'
    row = only(a=(TEXT, single([hostile.encode(), hostile.encode(), b"\xff\xfe", b"", b"y" * 900, b"x" * 10_000])))
    labels = {bar.label for bar in row.histogram}
    assert labels == {hostile, "(not UTF-8)", "(empty)", "y" * 99 + "…", "(too long)"}
    assert sum(bar.rows for bar in row.histogram) == 6


def test_quantiles_replace_a_missing_standard_histogram():
    found = statistics(a=(INTS, single(range(100))))
    stats = found.features[0].num_stats
    del stats.histograms[0]
    (row,) = column_stats({"train": found})
    assert [bar.rows for bar in row.histogram] == pytest.approx([10.0] * 10, abs=1)
    del stats.histograms[:]
    assert column_stats({"train": found})[0].histogram == ()


@pytest.mark.parametrize(("buckets", "bars"), [(10, 10), (11, 6), (25, 9), (100, 10), (3, 3)])
def test_more_buckets_than_bars_are_joined(buckets, bars):
    found = statistics(a=(INTS, single(range(100))))
    standard = found.features[0].num_stats.histograms[0]
    del standard.buckets[:]
    for low in range(buckets):
        standard.buckets.add(low_value=low, high_value=low + 1, sample_count=low)
    (row,) = column_stats({"train": found})
    assert len(row.histogram) == bars
    assert sum(bar.rows for bar in row.histogram) == sum(range(buckets))
    assert row.histogram[-1].label.endswith(f"… {buckets}")


@pytest.mark.parametrize("kind", ["bytes_stats", "struct_stats"])
def test_other_kinds_of_statistics_have_rows_and_missing_values(kind):
    found = statistics_pb2.DatasetFeatureStatistics(num_examples=4)
    feature = found.features.add(name="image")
    common = getattr(feature, kind).common_stats
    common.num_non_missing, common.tot_num_values = 3, 3
    (row,) = column_stats({"train": found})
    assert (row.column, row.rows, row.missing, row.mean) == ("image", 4, 0.25, None)


@pytest.mark.parametrize(
    ("low", "high", "label"),
    [
        (874724710.0, 893286638.0, "874724710 … 893286638"),
        (-0.001, 1.0, "0 … 1"),
        (-5.0, 0.0, "-5 … 0"),
        (0.125, 0.25, "0.125 … 0.25"),
        (1e300, 2e300, "1e+300 … 2e+300"),
        (1e-300, 2e-300, "1e-300 … 2e-300"),
        (100.0, 100.0, "100"),
        (5.0, math.inf, "5 … inf"),
    ],
)
def test_labels_of_ranges(low, high, label):
    assert bar_label(low, high) == label


def test_readable_leaves_what_fits():
    assert readable("é" * 100) == "é" * 100
    assert readable("é" * 101) == "é" * 99 + "…"
    assert readable(b"\xff" * 10_000).startswith("\\xff")
    assert len(readable(b"\xff" * 10_000)) == 100


def anomaly(feature, split="train", severity="ERROR"):
    return Anomaly(feature, "ENUM_TYPE_UNEXPECTED_STRING_VALUES", "seen <b>", split, severity)


def test_gate_entries_have_the_outcome_of_each_anomaly():
    verdict = Verdict((anomaly("a"),), (anomaly("b", "test"),), (anomaly("c", severity="WARNING"),))
    rule = "ENUM_TYPE_UNEXPECTED_STRING_VALUES"
    acceptances = (
        Acceptance("b", rule, "not this split", ["train"]),
        Acceptance("b", "OTHER", "not this rule", ["test"]),
        Acceptance("b", rule, "known", ["eval", "test"]),
        Acceptance("a", rule, "too late", ["train"]),
    )
    assert gate_entries(verdict.as_dict(), acceptances) == (
        GateEntry("blocked", "a", rule, "seen <b>", "train", "ERROR", ""),
        GateEntry("accepted", "b", rule, "seen <b>", "test", "ERROR", "known"),
        GateEntry("below level", "c", rule, "seen <b>", "train", "WARNING", ""),
    )


def test_an_accepted_anomaly_without_its_acceptance_has_no_reason():
    (entry,) = gate_entries({"accepted": [dataclasses.asdict(anomaly("a"))]}, ())
    assert (entry.outcome, entry.reason) == ("accepted", "")


def test_counts_by_sketches_are_marked():
    found = statistics(city=(TEXT, single([b"a", b"b"])))
    assert column_stats({"train": found})[0].estimated is False
    found.features[0].custom_stats.add(name=ESTIMATED, num=1.0)
    assert column_stats({"train": found})[0].estimated is True
