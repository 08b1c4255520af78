"""What cells of text are read as: numbers in any spelling, dates, codes."""

import pyarrow as pa
import pytest

from pipeline.errors import DataError
from pipeline.scaffold.columns.column import read_columns
from pipeline.scaffold.rows.cells import read_cells


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (["1", " 2 ", "-3"], [1, 2, -3]),
        (["1.5", "2", "1e3"], [1.5, 2.0, 1000.0]),
        (["1,234", "12,345,678"], [1234, 12345678]),
        (["12 %", "5%"], [12, 5]),
        (["$5", "$1,200.50"], [5.0, 1200.5]),
        (["3,5", "1.234,25"], [3.5, 1234.25]),
        (["1", "?", "NA", "null", "", None], [1, None, None, None, None, None]),
        (["02139", "10115"], ["02139", "10115"]),
        (["0", "10"], [0, 10]),
        (["a", "NA", " b", ""], ["a", "NA", "b", None]),
        (["12345678901234567890", "12345678901234567891"], ["12345678901234567890", "12345678901234567891"]),
    ],
)
def test_cells_are_numbers_or_text(texts, values):
    assert read_cells(pa.array(texts)).values.to_pylist() == values


def test_a_few_cells_that_are_no_numbers_count_as_missing_and_are_said():
    cells = read_cells(pa.array([str(number) for number in range(99)] + ["unknown"]))
    assert cells.values.to_pylist() == [*range(99), None]
    assert "1 not numbers, or too great for one, such as 'unknown', count as missing" in cells.note
    assert read_cells(pa.array(["1", "unknown"])).values.to_pylist() == ["1", "unknown"]


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (["2024-02-29", "2024-03-01"], ["2024-02-29", "2024-03-01"]),
        (["2024-02-29 10:05", "2024-03-01 00:00"], ["2024-02-29T10:05:00", "2024-03-01T00:00:00"]),
        (["2024-02-29T10:05:00+02:00"], ["2024-02-29T08:05:00Z"]),
        (["31.12.2024", "1.2.2024"], ["2024-12-31", "2024-02-01"]),
        (["12/31/2024", "1/2/2024"], ["2024-12-31", "2024-01-02"]),
    ],
)
def test_dates_become_iso(texts, values):
    cells = read_cells(pa.array(texts))
    assert (cells.is_date, cells.values.to_pylist()) == (True, values)


def table(**columns) -> pa.Table:
    return pa.table({name: pa.array(cells) for name, cells in columns.items()})


def test_an_ambiguous_day_and_month_is_asked():
    rows = table(day=["1/2/2024", "3/4/2024"])
    with pytest.raises(DataError, match="ambiguous") as caught:
        read_columns(rows)
    assert "--date-order" in caught.value.next_step
    assert read_columns(rows, order="mdy")[0].values.to_pylist() == ["2024-01-02", "2024-03-04"]
    assert read_columns(rows, order="dmy")[0].values.to_pylist() == ["2024-02-01", "2024-04-03"]


def test_the_decimal_sign_that_one_column_proves_holds_for_the_others():
    price, weight = read_columns(table(price=["1,5", "2,25"], weight=["1.500", "2.250"]))
    assert (price.values.to_pylist(), weight.values.to_pylist()) == ([1.5, 2.25], [1500, 2250])
    price, weight = read_columns(table(price=["1.5", "2.25"], weight=["1,500", "2,250"]))
    assert (price.values.to_pylist(), weight.values.to_pylist()) == ([1.5, 2.25], [1500, 2250])


def test_columns_of_parquet_keep_their_types():
    columns = read_columns(
        pa.table({
            "on": pa.array([True, None]), "whole": pa.array([1.0, None]),
            "at": pa.array([0, 3_600_000], pa.timestamp("ms")),
            "home city": pa.array(["a", "b"]).dictionary_encode(), "parts": pa.array([[1], [2]]),
        })
    )  # fmt: skip
    assert [(column.name, column.type, column.values[0].as_py()) for column in columns] == [
        ("on", "INT", 1), ("whole", "INT", 1), ("at", "BYTES", "1970-01-01T00:00:00"), ("home_city", "BYTES", "a"),
    ]  # fmt: skip


def test_numbers_that_a_model_cannot_hold_count_as_missing():
    cells = read_cells(pa.array(["1e400", *map(str, range(99))]))
    assert cells.values.to_pylist() == [None, *range(99)]
    assert "1 not numbers, or too great for one, such as '1e400', count as missing" in cells.note
    (column,) = read_columns(pa.table({"x": [1.5, float("-inf"), -1e39, float("nan")]}))
    assert column.values.to_pylist() == [1.5, None, None, None]


def test_codes_of_parquet_are_texts():
    table = pa.table({
        "hash": pa.array([2**64 - 1, None], pa.uint64()), "count": pa.array([7, None], pa.uint64()),
        "name": pa.array(["Köln".encode(), None]), "image": pa.array([b"\xff\xd8", None]),
    })  # fmt: skip
    assert {column.name: column.values.to_pylist() for column in read_columns(table)} == {
        "hash": ["18446744073709551615", None], "count": [7, None], "name": ["Köln", None],
    }  # fmt: skip
