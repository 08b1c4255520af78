"""A number that no model can learn from is named with its place, whatever the kind of file."""

import json
import math

import pyarrow as pa
import pytest
import tensorflow as tf
from pyarrow import parquet

from components.arrow_example_gen import file_formats
from components.arrow_example_gen.checks.columns import ColumnRule, Columns
from components.arrow_example_gen.formats import byte_ranges
from components.arrow_example_gen.quarantine.bad_rows import BadRows
from pipeline.errors import DataError

COLUMNS = Columns(
    {
        "n": ColumnRule("INT", required=True, above=-1.0),
        "x": ColumnRule("FLOAT", required=False),
        "price": ColumnRule("FLOAT", required=True, above=-1.0),
        "text": ColumnRule("BYTES", required=False),
    }
)
GOOD = {"n": 1, "x": 0.5, "price": 2.0, "text": "NaN"}
# What is wrong, by column, and a word of what is said.
BAD = {
    "not a number": ("x", math.nan, "finite"),
    "infinite": ("x", math.inf, "finite"),
    "minus infinity": ("price", -math.inf, "finite"),
    "too large for float32": ("x", 1e39, "finite"),
    "the end of the logarithm": ("price", -1.0, "log(1 + x)"),
    "below it": ("price", -7.5, "log(1 + x)"),
    "at it once it is a float32": ("price", -0.999999999, "log(1 + x)"),
    "a whole number below it": ("n", -1, "log(1 + x)"),
}


def table(column: str, value: float, row: int = 5, rows: int = 9) -> list[dict]:
    """Rows of which one, from 0, is bad."""
    found = [{**GOOD, "x": None if number % 2 else 0.5} for number in range(rows)]
    found[row][column] = value
    return found


def as_csv(rows: list[dict]) -> bytes:
    lines = [",".join(COLUMNS), *(",".join("" if cell is None else str(cell) for cell in row.values()) for row in rows)]
    return ("\n".join(lines) + "\n").encode()


def as_json(rows: list[dict]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def write(folder, kind: str, rows: list[dict]) -> str:
    path = folder / f"rows{kind}"
    if kind == ".parquet":
        kinds = pa.schema({"n": pa.int64(), "x": pa.float64(), "price": pa.float64(), "text": pa.string()})
        parquet.write_table(pa.Table.from_pylist(rows, kinds), path, row_group_size=2)
    elif kind == ".tfrecord":
        with tf.io.TFRecordWriter(str(path)) as out:
            for row in rows:
                out.write(example(row).SerializeToString())
    else:
        path.write_bytes(as_csv(rows) if kind == ".csv" else as_json(rows))
    return str(path)


def example(row: dict) -> tf.train.Example:
    features = {
        name: tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
        if isinstance(value, int)
        else tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode()]))
        if isinstance(value, str)
        else tf.train.Feature(float_list=tf.train.FloatList(value=[min(value, 3e38) if value == 1e39 else value]))
        for name, value in row.items()
        if value is not None
    }
    return tf.train.Example(features=tf.train.Features(feature=features))


def read(name: str) -> list[dict]:
    return [
        row
        for piece in file_formats.pieces(name)
        for batch in file_formats.read(name, COLUMNS, piece)
        for row in batch.to_pylist()
    ]


PLACES = {".csv": "line 7", ".jsonl": "line 6", ".parquet": "row 6 (row group 2)", ".tfrecord": "record 6"}


@pytest.mark.parametrize("kind", PLACES)
@pytest.mark.parametrize("case", BAD)
def test_an_unusable_number_is_named_with_its_position(kind, case, tmp_path):
    column, value, word = BAD[case]
    if (kind, case) == (".tfrecord", "too large for float32"):
        pytest.skip("a tf.Example holds no such number")
    name = write(tmp_path, kind, table(column, value))
    with pytest.raises(DataError) as caught:
        read(name)
    assert caught.value.where == f"{name}, {PLACES[kind]}, column {column}"
    assert word in caught.value.problem


@pytest.mark.parametrize("kind", PLACES)
def test_other_numbers_and_missing_values_pass(kind, tmp_path):
    rows = [
        {**GOOD, "x": None},
        {**GOOD, "x": 3.4e38, "price": -0.99, "n": 0},
        {**GOOD, "x": -3.4e38, "price": 0.0, "n": 2**63 - 1},
    ]
    found = read(write(tmp_path, kind, rows))
    assert [row["n"] for row in found] == [1, 0, 2**63 - 1]
    assert found[0]["x"] is None


@pytest.mark.parametrize("spelling", ["NaN", "nan", "inf", "-inf", "Infinity", "1e39", "-1e39", "1e400"])
def test_every_spelling_in_csv_is_refused(spelling, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text(f'n,x,price,text\n1,0.5,1,"a\nb"\n\n1,{spelling},1,a\n')
    with pytest.raises(DataError) as caught:
        read(str(path))
    assert caught.value.where == f"{path}, line 5, column x"


@pytest.mark.parametrize("kind", [".csv", ".jsonl"])
@pytest.mark.parametrize("row", [0, 7, 29])
def test_the_line_is_right_in_a_range_of_a_file(kind, row, tmp_path, monkeypatch):
    monkeypatch.setattr(byte_ranges, "RANGE_BYTES", 80)
    name = write(tmp_path, kind, table("price", -2.0, row, rows=30))
    assert len(file_formats.pieces(name)) > 3
    with pytest.raises(DataError) as caught:
        read(name)
    assert f"line {row + (2 if kind == '.csv' else 1)}, column price" in caught.value.where


def test_the_first_bad_row_is_named(tmp_path):
    rows = table("x", math.nan, row=6)
    rows[3]["price"] = -3.0
    with pytest.raises(DataError, match="line 5, column price"):
        read(write(tmp_path, ".csv", rows))


def test_quarantine_sets_json_lines_with_unusable_numbers_aside(tmp_path):
    rows = table("x", math.nan, row=4)
    rows[2]["price"] = -3.0
    name = write(tmp_path, ".jsonl", rows)
    with open(name, "ab") as file:
        file.write(b'\n{"n": 1, "x": "far", "price": 1}\n\n{"n": 1, "price": 1, "x": 1e39}\n{"n": 1, "price": 1}\n')
    bad = BadRows(name)
    (piece,) = file_formats.pieces(name)
    found = [row for batch in file_formats.read_good(name, COLUMNS, piece, bad) for row in batch.to_pylist()]
    assert [(row.line, row.reason, row.column) for row in bad.all()] == [
        (3, "number not usable", "price"),
        (5, "number not usable", "x"),
        (11, "wrong type", "x"),
        (13, "number not usable", "x"),
    ]
    assert len(found) == 8


def test_quarantine_sets_csv_rows_with_unusable_numbers_aside(tmp_path):
    rows = table("x", math.nan, row=4)
    rows[2]["price"] = -3.0
    name = write(tmp_path, ".csv", rows)
    with open(name, "ab") as file:
        file.write(b"1,far,1,a\n1,1e39,1,a\n1,1,1,last\n")
    bad = BadRows(name)
    (piece,) = file_formats.pieces(name)
    found = [row for batch in file_formats.read_good(name, COLUMNS, piece, bad) for row in batch.to_pylist()]
    assert [(row.line + 1, row.reason, row.column, row.value) for row in bad.all()] == [
        (4, "number not usable", "price", "-3.0"),
        (6, "number not usable", "x", "nan"),
        (11, "wrong type", "x", "far"),
        (12, "number not usable", "x", "1e39"),
    ]
    assert len(found) == 8
    assert found[-1]["text"] == "last"
