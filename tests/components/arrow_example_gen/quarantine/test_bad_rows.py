import io

import pytest
from fakes.stock.columns import REQUIRED as COLUMNS

from components.arrow_example_gen.checks import numbers
from components.arrow_example_gen.checks.columns import Columns
from components.arrow_example_gen.csv import blocks, reader
from components.arrow_example_gen.csv.good_rows import read_good
from components.arrow_example_gen.quarantine import bad_rows
from components.arrow_example_gen.quarantine.bad_rows import BadRows
from pipeline.errors import DataError

CHOSEN = Columns(COLUMNS.rules, others="ignore")


def content_of(*rows: str) -> bytes:
    return "\n".join(["age,score,city", *rows, ""]).encode()


def read(content: bytes, columns: Columns = COLUMNS) -> tuple[list[dict], BadRows]:
    bad = BadRows("rows.csv")
    batches = list(read_good("rows.csv", io.BytesIO(content), columns, (), bad))
    return [row for batch in batches for row in batch.to_pylist()], bad


def found(bad: BadRows) -> list[tuple]:
    """The lines count from the one behind the header."""
    return [(row.line + 1, row.reason, row.column, row.value, row.row) for row in bad.all()]


def test_each_kind_of_bad_row_is_named_by_its_line_and_the_others_are_read():
    content = content_of(
        "1,1.5,a",
        "old,2,b",
        '3,3,"c\nd"',
        "4,4",
        "",
        "5,5,e,f",
        "6,warm,g",
        "7,7,h",
        "99999999999999999999,x,i",
        "8,8,",
    )
    rows, bad = read(content)
    assert [row["age"] for row in rows] == [1, 3, 7, 8]
    assert rows[1] == {"age": 3, "score": 3.0, "city": "c\nd"}
    assert rows[3]["city"] is None
    assert found(bad) == [
        (3, "wrong type", "age", "old", "old,2,b"),
        (6, "wrong number of columns", "", "2, expected 3", "4,4"),
        (8, "wrong number of columns", "", "4, expected 3", "5,5,e,f"),
        (9, "wrong type", "score", "warm", "6,warm,g"),
        (11, "wrong type", "age", "99999999999999999999", "99999999999999999999,x,i"),
    ]


def test_a_row_that_is_not_utf8_is_set_aside():
    content = content_of("1,1,Köln", "2,2,Bonn").replace("ö".encode(), b"\xf6")
    rows, bad = read(content)
    assert [row["city"] for row in rows] == ["Bonn"]
    assert found(bad) == [(2, "not UTF-8", "city", "K\\xf6ln", "1,1,K\\xf6ln")]


def test_a_short_row_that_is_not_utf8_is_set_aside():
    content = content_of("1,Köln", "2,2,Bonn", "x,3,Köln").replace("ö".encode(), b"\xf6")
    rows, bad = read(content)
    assert [row["city"] for row in rows] == ["Bonn"]
    assert found(bad) == [
        (2, "wrong number of columns", "", "2, expected 3", "1,K\\xf6ln"),
        (4, "wrong type", "age", "x", "x,3,K\\xf6ln"),
    ]


def test_lines_are_right_over_many_blocks(monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 64)
    kinds = {0: "{0},{0}", 1: "x{0},{0},a", 2: "{0},{0},a", 3: "{0},{0},a", 4: '{0},{0},"a\nb"'}
    texts = [kinds[number % 5].format(number) for number in range(300)]
    rows, bad = read(content_of(*texts))
    assert [row["age"] for row in rows] == [number for number in range(300) if number % 5 > 1]
    starts = [2 + number + number // 5 for number in range(300)]
    expected = [(starts[number], text) for number, text in enumerate(texts) if number % 5 < 2]
    assert [(line, row) for line, _, _, _, row in found(bad)] == expected


@pytest.mark.parametrize(
    "cell",
    ["1", " 1", "1 ", "\t1", "+1", "-1", "01", "1.0", "1e3", "0x10", "nan", "inf", "-inf", "1_000", " ", "1,5", "true",
     "1e400", "1e-400", "١"],
)  # fmt: skip
@pytest.mark.parametrize("column", ["age", "score"])
def test_a_row_is_bad_if_and_only_if_the_strict_reader_refuses_it(column, cell):
    cells = {"age": "7", "score": "7", "city": "a", column: f'"{cell}"'}
    content = content_of(",".join(cells.values()))
    rows, bad = read(content)
    try:
        strict = reader.read_batches("rows.csv", io.BytesIO(content), COLUMNS)
        batches = list(numbers.checked(strict, COLUMNS, "row {}".format))
        expected = [row for batch in batches for row in batch.to_pylist()]
    except DataError:
        expected = []
    assert [str(row) for row in rows] == [str(row) for row in expected]
    assert len(bad.all()) == 1 - len(expected)


def test_too_many_bad_rows_stop_reading(monkeypatch):
    monkeypatch.setattr(bad_rows, "MAX_BAD_ROWS", 5)
    with pytest.raises(DataError, match="more than 5 bad rows"):
        read(content_of(*["x,1,a"] * 6))
    assert len(read(content_of(*["x,1,a"] * 5))[1].all()) == 5


def test_a_bad_row_is_kept_with_its_ignored_columns():
    content = b"note,age,score,city\nfine,1,0.5,Bonn\n\xff,2,0.5,Bonn\nbad,x,0.5,Bonn\n"
    rows, bad = read(content, CHOSEN)
    assert rows == [{"age": 1, "score": 0.5, "city": "Bonn"}, {"age": 2, "score": 0.5, "city": "Bonn"}]
    assert found(bad) == [(4, "wrong type", "age", "x", "bad,x,0.5,Bonn")]


@pytest.mark.parametrize("block_bytes", [20, 4 << 20])
def test_a_stray_quote_costs_its_own_line(monkeypatch, block_bytes):
    monkeypatch.setattr(blocks, "BLOCK_BYTES", block_bytes)
    content = content_of(
        "1,1,a", '2,2,"b', "3,3,c", '4,4,"d" e', "5,5,f", '6,6,"g', '7,7,h"', '8,8,"i\nj"', '9,9,"k', "10,1,l"
    )
    rows, bad = read(content)
    assert [row["age"] for row in rows] == [1, 3, 5, 7, 8, 10]
    assert [row["city"] for row in rows][3:] == ['h"', "i\nj", "l"]
    assert found(bad) == [
        (3, "quote that is not closed", "city", '"b', '2,2,"b'),
        (5, "text behind a closing quote", "city", '"d" e', '4,4,"d" e'),
        (7, "quote that is not closed", "city", '"g', '6,6,"g'),
        (11, "quote that is not closed", "city", '"k', '9,9,"k'),
    ]
