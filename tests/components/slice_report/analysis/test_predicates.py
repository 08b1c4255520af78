import math

import numpy as np
import pyarrow as pa

from components.slice_report.analysis.predicates import NONE, column_predicates


def test_lists_of_many_repeated_values_count_a_row_once():
    found, members = column_predicates(pa.chunked_array([pa.array([[1] * 300, [2]])]))
    assert (found, members.toarray().tolist()) == (["1", "2", NONE], [[1, 0, 0], [0, 1, 0]])


def test_predicates_on_numbers_are_values_or_ranges():
    def labels(values, kind=None):
        return [name for name in column_predicates(pa.chunked_array([pa.array(values, kind)]))[0] if name != NONE]

    assert labels([3, 1, None, 2]) == ["1", "2", "3"]
    assert labels([2**60, 2**60 + 1]) == [str(2**60), str(2**60 + 1)]
    assert labels([0.1, -0.0, math.nan, math.inf], pa.float32()) == ["0.0", "0.1", "inf", "NaN"]
    assert labels([1e-7] * 40 + [2e-7] * 40 + list(range(11)), pa.float32())[:2] == ["0 … 0.0000001", "2e-07"]
    assert labels(range(17, 67)) == ["17 … 26", "27 … 36", "37 … 46", "47 … 56", "57 … 66"]
    assert labels([0] * 80 + list(range(1, 21))) == ["0", "1 … 20"]
    assert labels([*range(20), math.nan, math.inf, -math.inf], pa.float32()) == [
        "-inf … 3", "4 … 7", "8 … 12", "13 … 16", "17 … inf", "NaN",
    ]  # fmt: skip


def test_each_row_satisfies_one_predicate_on_a_number():
    values = pa.array([*np.random.default_rng(0).normal(size=500), math.nan, None], pa.float32())
    found, members = column_predicates(pa.chunked_array([values]))
    assert (members.sum(axis=1) == 1).all()
    assert (found[-2:], members.sum(axis=0).tolist()[0]) == (["NaN", NONE], [100, 100, 100, 100, 100, 1, 1])


def test_the_twenty_most_frequent_texts_are_predicates():
    values = [f"v{number:02d}" for number in range(30) for _ in range(40 - number)]
    found, members = column_predicates(pa.chunked_array([pa.array(values)]))
    assert found == [*(f"v{number:02d}" for number in range(20)), NONE]
    assert members.sum(axis=0).tolist()[0] == [*range(40, 20, -1), 0]


def test_values_with_the_same_text_are_one():
    values = [NONE, None, "", "(empty)", "x" * 200, "x" * 201, "a\x00", "a"]
    found, members = column_predicates(pa.chunked_array([pa.array(values)]))
    assert sorted(found) == sorted([NONE, "(empty)", "x" * 99 + "…", "a\x00", "a"])
    assert (members.sum(axis=1) == 1).all()
