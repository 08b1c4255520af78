"""Counts of values are exact within bounds and estimated beyond them, in any order of merging."""

import pickle

import numpy as np
import pyarrow as pa
import pytest
from fakes.stock import statistics_runs
from fakes.stock.statistics_runs import by_path, count, load

from components.artifacts.feature_statistics import ESTIMATED
from components.batch_statistics import counts
from components.batch_statistics.counts import FeatureCounts
from components.support import value_counts


def parts(distinct, pieces=7, rows=30_000):
    """Values of which the small ones are frequent, in several tables."""
    drawn = (np.random.default_rng(3).random(rows) ** 4 * distinct).astype(int)
    values = pa.array([f"v{number:06d}".encode() for number in drawn])
    return [values[start : start + rows // pieces] for start in range(0, rows, rows // pieces)], drawn


def counted(pieces):
    result = FeatureCounts()
    for piece in pieces:
        grouped = piece.value_counts()
        result.add(pa.table({"value": grouped.field("values"), "count": grouped.field("counts")}))
    return result


def test_counts_equal_numpy_and_ties_go_to_the_greater_value():
    pieces, drawn = parts(5000)
    estimate = counted(pieces).estimate(50)
    numbers, times = np.unique(drawn, return_counts=True)
    wanted = sorted(zip(times.tolist(), numbers.tolist(), strict=True), reverse=True)[:50]
    assert estimate.exact
    assert estimate.unique == len(numbers)
    assert estimate.top == [(f"v{number:06d}".encode(), time) for time, number in wanted]


def test_merging_is_independent_of_order_and_pickling():
    pieces, _ = parts(5000)
    one = counted(pieces).estimate(20)
    whole = FeatureCounts()
    for piece in reversed(pieces):
        whole.merge(pickle.loads(pickle.dumps(counted([piece]))))
        whole.compact()
    assert whole.estimate(20) == one


@pytest.mark.parametrize("bound", ["EXACT_VALUES", "EXACT_BYTES"])
def test_estimates_are_within_their_error_bounds(monkeypatch, bound):
    monkeypatch.setattr(counts, bound, 2000)
    pieces, drawn = parts(20_000)
    whole = FeatureCounts()
    for piece in pieces:
        whole.merge(counted([piece]))
    estimate = whole.estimate(20)
    numbers, times = np.unique(drawn, return_counts=True)
    assert not estimate.exact
    assert estimate.unique == pytest.approx(len(numbers), rel=0.03)
    real = {f"v{number:06d}".encode(): time for number, time in zip(numbers, times, strict=True)}
    found = dict(estimate.top)
    for value, time in real.items():
        assert abs(found.get(value, 0) - time) <= len(drawn) / counts.TOP_BUCKETS


def test_memory_is_bounded_beyond_the_exact_limit(monkeypatch):
    monkeypatch.setattr(counts, "EXACT_VALUES", 1000)
    monkeypatch.setattr(value_counts, "MIN_PENDING_ROWS", 1000)
    whole = FeatureCounts()
    for start in range(0, 200_000, 5000):
        values = pa.array([str(number).encode() for number in range(start, start + 5000)])
        whole.add(pa.table({"value": values, "count": pa.array([1] * 5000)}))
        assert sum(table.num_rows for table in whole.tables) <= 1000
    assert whole.estimate(1).unique == pytest.approx(200_000, rel=0.03)


def test_exactness_is_independent_of_the_division_into_files(monkeypatch, tables, tmp_path):
    monkeypatch.setattr(counts, "EXACT_VALUES", 20)
    rows = {"train": tables["taxi"]["train"].slice(0, 3000)}
    for files in (1, 5):
        examples = statistics_runs.write_examples(tmp_path / f"examples-{files}", rows, files)
        found = by_path(load(count("ours", examples, tmp_path / str(files)), "train"))
        estimated = {path[0] for path, feature in found.items() if feature.custom_stats}
        assert estimated == {"company"}
        assert [statistic.name for statistic in found["company",].custom_stats] == [ESTIMATED]
        assert not found["payment_type",].custom_stats
