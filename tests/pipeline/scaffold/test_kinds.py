"""What a column is, by its rows; and what a label must be."""

import random

import numpy as np
import pyarrow as pa
import pytest

from pipeline.errors import DataError
from pipeline.scaffold.columns.column import Column, dated
from pipeline.scaffold.columns.label import find_label, read_label
from pipeline.scaffold.columns.profile import profile

WORDS = ["the", "quick", "brown", "fox", "jumps", "over", "a", "lazy", "dog", "again"]


def column(values, name: str = "x", **more) -> Column:
    return Column(name, name, pa.array(values), **more)


def sentence(number: int) -> str:
    return f"{' '.join(random.Random(number).choices(WORDS, k=7))} {number}"


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([None] * 50, "empty"),
        (["a"] * 50, "constant"),
        (["a"] * 200 + ["b"] * 3, "constant"),
        (["a"] * 30 + [None] * 20, "category"),
        (["a", "b"] * 25, "category"),
        ([f"c-{number}" for number in range(50)], "id"),
        (list(range(7, 57)), "id"),
        ([100_000 + 37 * number for number in range(50)], "id"),
        ([37 * number for number in range(50)], "whole"),
        (list(range(0, 3000, 3)), "number"),
        ([number / 7 for number in range(50)], "number"),
        ([sentence(number) for number in range(50)], "text"),
    ],
)
def test_the_kind_of_a_column(values, kind):
    assert profile(column(values)).kind == kind


def test_several_values_in_a_cell_are_said():
    tags = ["|".join(random.Random(row).sample(WORDS, 3)) for row in range(300)]
    assert "joined by '|'" in profile(column(tags)).why
    assert "joined" not in profile(column(["a, b", "c, d"] * 25)).why


def test_seconds_since_1970_are_dates():
    assert profile(dated(column([1_700_000_000 + 86_400 * day for day in range(40)]))).kind == "date"
    assert profile(dated(column([17 * day for day in range(40)]))).kind == "whole"


def test_skew_asks_for_a_logarithm():
    spread = np.random.default_rng(0).lognormal(0, 2, 2000).tolist()
    assert profile(column(spread)).numbers.is_skewed
    assert profile(column([0] * 60 + [1, 2] * 20)).numbers.is_skewed
    assert not profile(column([float(number) for number in range(99)])).numbers.is_skewed
    assert not profile(column([*spread, -1.0])).numbers.is_skewed


def test_a_domain_is_closed_only_where_each_value_has_several_rows():
    assert profile(column(["a", "b"] * 25)).is_closed
    assert not profile(column(["a", "b"] * 25 + ["c"])).is_closed
    assert not profile(column([f"v{number}" for number in range(60)] * 6)).is_closed


def test_rows_without_a_label_are_counted():
    target, has_one = read_label(column([0, 1, None] * 20))
    assert (target.without, target.rate, has_one.tolist()[:3]) == (20, 0.5, [True, True, False])


@pytest.mark.parametrize(
    ("values", "received"),
    [
        ([1] * 50, "'1' in all 50 rows"),
        ([None] * 50, "no value in any row"),
        (["stays", "goes"] * 20, "'stays' (20 rows) and 'goes' (20 rows)"),
        ([1, 2] * 20, "'1' (20 rows) and '2' (20 rows)"),
        ([0] * 50 + [1] * 3, "3 of 53 rows"),
        (["red", "green", "blue"] * 20, "one of 3 classes: red, green, blue"),
        ([1, 2, 3, 4, 5] * 20, "one of 5 classes"),
        ([number / 7 for number in range(70)], "a number from 0 to 9.85714, 70 values"),
        (list(range(70)), "a number from 0 to 69, 70 values"),
    ],
)
def test_a_label_that_cannot_be_trained_is_named(values, received):
    with pytest.raises(DataError) as caught:
        read_label(column(values, "y"))
    assert received in caught.value.received


@pytest.mark.parametrize(
    ("values", "positive", "texts"),
    [
        ([0, 1], None, ()),
        ([0, 1], "1", ()),
        ([0, 1], "0", ("1", "0")),
        (["No", "Yes"], None, ("No", "Yes")),
        (["TRUE", "FALSE"], None, ("FALSE", "TRUE")),
        (["stays", "goes"], "goes", ("stays", "goes")),
        ([1, 2], "2", ("1", "2")),
    ],
)
def test_the_event_is_clear_or_named(values, positive, texts):
    target, _ = read_label(column([*values, None] * 20), positive)
    assert target.values == texts
    event = texts[1] if texts else 1
    assert target.ones.tolist() == [int(value == event) for value in target.column.values.to_pylist()]
    assert (target.rate, target.without) == (0.5, 20)


def test_a_positive_value_that_the_label_does_not_have_is_refused():
    with pytest.raises(DataError, match="which of the two values is the event"):
        read_label(column(["stays", "goes"] * 20), "gone")


def test_an_absent_label_gets_the_nearest_name():
    with pytest.raises(DataError, match="no such column for the label") as caught:
        find_label([column([1], "churned"), column([1], "age")], "churn", "rows.csv")
    assert caught.value.next_step == "Did you mean 'churned'?"
