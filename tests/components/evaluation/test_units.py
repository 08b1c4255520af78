import numpy as np
import pyarrow as pa
import pytest

from components.evaluation.influence import mean, standard_error
from components.evaluation.units import independent, units_of
from pipeline.errors import ConfigError

ROWS = pa.table(
    {
        "user": ["a", "b", "a", None, "b", None],
        "day": [1, 1, 1, 1, 2, 1],
        "tags": [["x"], [], ["y"], [], [], []],
    }
)


def groups(units):
    return [sorted(np.flatnonzero(units.code == unit).tolist()) for unit in range(units.count)]


def test_rows_with_the_same_value_are_a_unit_and_one_without_a_value_is_its_own():
    assert sorted(groups(units_of(ROWS, ["user"]))) == [[0, 2], [1, 4], [3], [5]]


def test_of_several_columns_all_values_must_be_the_same():
    assert sorted(groups(units_of(ROWS, ["user", "day"]))) == [[0, 2], [1], [3], [4], [5]]


def test_without_columns_each_row_is_a_unit():
    units = units_of(ROWS, [])
    assert (units.code, units.count) == (None, 6)
    assert units.take(np.array([1, 2])).count == 2


def test_the_units_of_some_rows_are_numbered_anew():
    units = units_of(ROWS, ["user"]).take(np.array([4, 1, 3]))
    assert units.count == 2
    assert units.code[0] == units.code[1] != units.code[2]
    assert sorted(units.total(np.array([1.0, 2.0, 4.0])).tolist()) == [3.0, 4.0]
    assert units.take(np.array([], np.int64)).count == 0


def test_no_rows_have_no_units():
    assert units_of(ROWS.slice(0, 0), ["user"]).count == 0
    assert standard_error(mean(np.array([])), independent(0)) is None


def test_units_with_some_rows_are_counted_once():
    units = units_of(ROWS, ["user"])
    assert units.number_with(np.array([True, False, True, True, False, False])) == 2


@pytest.mark.parametrize(("column", "problem"), [("city", "no such column"), ("tags", "several values in a row")])
def test_a_column_that_cannot_name_units_is_refused(column, problem):
    with pytest.raises(ConfigError, match=problem):
        units_of(ROWS, [column])


def test_copies_of_a_row_add_no_information():
    values = np.random.default_rng(0).random(50)
    copies = np.repeat(values, 20)
    by_unit = units_of(pa.table({"of": np.repeat(np.arange(50), 20)}), ["of"])
    error = standard_error(mean(copies), by_unit)
    assert error.value == pytest.approx(values.std(ddof=1) / np.sqrt(50))
    assert error.degrees_of_freedom == 49
    assert standard_error(mean(copies), independent(1000)).value < error.value / 4
