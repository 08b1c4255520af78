"""Rows are divided by time, by group, or by a hash with the same share of each label."""

import numpy as np
import pyarrow as pa
import pytest

from components.arrow_example_gen.splitting import assignment
from pipeline.errors import DataError
from pipeline.scaffold.checks import split
from pipeline.scaffold.columns.column import Column
from pipeline.splits import SPLITS

DRAW = np.random.default_rng(2)


def column(values, **more) -> Column:
    return Column("x", "x", pa.array(values), **more)


def test_rows_are_stratified_and_equal_rows_stay_together():
    values = DRAW.integers(0, 400, 1000)
    ones = (values % 10 == 0).astype(np.int64)
    found = split.by_rows([column(values)], ones)
    rates = [ones[found.rows(number)].mean() for number in range(3)]
    assert np.ptp(rates) < 0.03
    assert split.in_several(column(values), found) == 0
    again = split.by_rows([column(values[::-1])], ones[::-1])
    assert again.index[::-1].tolist() == found.index.tolist()


@pytest.mark.parametrize("rows", [300, 5000, 200_000])
def test_the_sizes_are_the_shares(rows):
    ones = DRAW.integers(0, 2, rows)
    sizes = split.by_rows([column(np.arange(rows))], ones).sizes()
    assert [sizes[name] / rows for name in SPLITS] == pytest.approx(split.shares_for(rows), abs=0.01)


@pytest.mark.parametrize("values", [[f"user {number % 90}" for number in range(2000)], np.arange(2000) % 90])
def test_groups_are_divided_as_examplegen_divides_them(values):
    found = split.by_group(column(values), "")
    begins = [round(sum(found.shares[:end]) * assignment.BUCKETS) for end in (1, 2)]
    buckets = assignment.buckets(pa.array(values))
    assert found.index.tolist() == assignment.split_indices(buckets, begins).tolist()
    assert split.in_several(column(values), found) == 0


def test_the_latest_rows_are_the_test():
    days = [f"2024-{month:02}-{day:02}" for month in range(1, 13) for day in range(1, 29)]
    found = split.by_time(column(days, is_date=True))
    assert max(days[row] for row in found.rows(0)) < found.cuts[0] == min(days[row] for row in found.rows(1))
    assert found.cuts[1] == min(days[row] for row in found.rows(2))


@pytest.mark.parametrize(
    ("divide", "message"),
    [
        (lambda: split.by_time(column(["a", "b"])), "holds no times"),
        (lambda: split.by_time(column([1, 1, 1, 2])), "too few different times"),
        (lambda: split.by_time(column([1, None, 3])), "1 rows have no value"),
        (lambda: split.by_group(column([1.5, 2.5]), ""), "names no group"),
        (lambda: split.by_group(column(["a", None]), ""), "1 rows have no value"),
    ],
)
def test_a_column_that_cannot_divide_rows_is_refused(divide, message):
    with pytest.raises(DataError, match=message):
        divide()


def test_each_split_needs_both_labels():
    found = split.by_time(column(np.arange(300)))
    split.check_labels(found, np.arange(300) % 2)
    with pytest.raises(DataError, match="split eval: it has not both labels"):
        split.check_labels(found, np.where(np.arange(300) < 150, np.arange(300) % 2, 1))


def test_equal_rows_and_entities_in_several_splits_are_counted():
    found = split.by_time(column(np.arange(300)))
    hashes = split.row_hashes([column(np.arange(300) % 100)])
    assert split.repeated(hashes, found) == (200, 100)
    assert split.in_several(column([f"u{number % 100}" for number in range(300)]), found) == 100
