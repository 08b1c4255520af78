import io

import pyarrow as pa
import pytest
from fakes.stock.columns import WITH_LABEL as COLUMNS

from components.arrow_example_gen.checks.columns import ColumnRule, Columns
from components.arrow_example_gen.csv import blocks
from components.arrow_example_gen.csv.reader import check_header, read_batches
from pipeline.errors import DataError

CHOSEN = Columns(COLUMNS.rules, others="ignore")
HEADER = ["age", "score", "city", "label"]


def csv(*rows, header="age,score,city,label") -> bytes:
    return "\n".join([header, *rows, ""]).encode()


def refused_header(content) -> str:
    with pytest.raises(DataError) as caught:
        check_header("rows.csv", io.BytesIO(content), COLUMNS)
    return str(caught.value)


def read(content, columns=COLUMNS) -> list[dict]:
    return [row for batch in read_batches("rows.csv", io.BytesIO(content), columns) for row in batch.to_pylist()]


def refused_row(content, columns=COLUMNS) -> DataError:
    with pytest.raises(DataError) as caught:
        read(content, columns)
    return caught.value


@pytest.mark.parametrize(
    "header",
    [
        "age,score,city,label",
        "label,city,score,age",
        "age,score,city",
        '"age","score","city","label"',
        "\ufeffage,score,city,label",
        "age,score,city,label\r",
    ],
)
def test_a_header_that_matches_the_schema_is_accepted(header):
    check_header("rows.csv", io.BytesIO(csv(header=header)), COLUMNS)


@pytest.mark.parametrize(
    ("header", "received"),
    [
        ("age,score", "missing: city"),
        ("city", "missing: age, score"),
        ("age,score,city,colour", "not in the schema: colour; absent, though optional: label"),
        ("age,score,city,age", "twice: age"),
        ("age,score,city,label, ", "not in the schema: ' '"),
        ("Age,age,score,city,label", "not in the schema: Age"),
        (
            "age,age,label,colour,colour",
            "missing: score, city; not in the schema: colour, colour; twice: age, colour",
        ),
    ],
)
def test_a_header_that_differs_from_the_schema_is_explained(header, received):
    assert refused_header(csv(header=header)).splitlines() == [
        "rows.csv, line 1: its columns are not those of the schema",
        "  expected: age, score, city, label",
        f"  received: {received}",
        "  next:     Correct the file, declare the columns in schemas/, or leave others out with data.other_columns.",
    ]


@pytest.mark.parametrize("others", ["fail", "ignore"])
@pytest.mark.parametrize(
    ("header", "received"),
    [
        ("Age,score,city", "'Age' for 'age'"),
        (" age,score,city", "' age' for 'age'"),
        ("age, score, city, label", "' score' for 'score', ' city' for 'city', ' label' for 'label'"),
        ("age,score,city,LABEL", "'LABEL' for 'label'"),
    ],
)
def test_a_column_that_differs_by_space_or_case_is_named_with_the_one_that_is_meant(header, received, others):
    with pytest.raises(DataError) as caught:
        check_header("rows.csv", io.BytesIO(csv(header=header)), Columns(COLUMNS.rules, others))
    assert caught.value.received == f"spelled differently: {received}"
    assert "Rename these columns" in caught.value.next_step
    assert "Only one" not in caught.value.next_step


def test_of_columns_that_may_all_be_one_of_the_schema_only_one_is_to_be_renamed():
    with pytest.raises(DataError) as caught:
        check_header("rows.csv", io.BytesIO(csv(header=" Age,AGE,Score,city")), COLUMNS)
    assert caught.value.received == "spelled differently: ' Age' for 'age', 'AGE' for 'age', 'Score' for 'score'"
    assert caught.value.next_step.endswith(" Only one of ' Age' and 'AGE' can be 'age'.")


@pytest.mark.parametrize(
    ("header", "called"),
    [
        ("age;score;city", "semicolons"),
        ("age\tscore\tcity", "tabs"),
        ("age|score|city", "vertical bars"),
        ("years;points", "semicolons"),
        ('"age";"score";"city"', "semicolons"),
        ('age;"score";city', "semicolons"),
    ],
)
def test_another_delimiter_is_named(header, called):
    assert refused_header(csv(header=header)).splitlines() == [
        f"rows.csv, line 1: the cells are separated by {called}",
        "  expected: a comma between cells",
        f"  received: {header}",
        "  next:     Write the file with commas, or as Parquet.",
    ]


def test_a_name_with_a_semicolon_is_a_name():
    columns = Columns({"a;b": ColumnRule("INT", True), "c": ColumnRule("INT", True)})
    check_header("rows.csv", io.BytesIO(b"a;b,c\n1,2\n"), columns)


def test_rows_of_another_workload_are_called_that_in_a_short_message():
    columns = Columns({f"column_{number}": ColumnRule("INT", True) for number in range(50)})
    with pytest.raises(DataError, match="none of its columns is in the schema") as caught:
        check_header("rows.csv", io.BytesIO(csv()), columns)
    assert "the rows may be those of another workload" in caught.value.next_step
    assert caught.value.expected.endswith("column_9, and 40 more")
    assert len(str(caught.value)) < 600


def test_a_column_without_a_name_is_shown():
    (received,) = [line for line in refused_header(csv(header="age,score,city,")).splitlines() if "received" in line]
    assert not received.rstrip().endswith(":")


@pytest.mark.parametrize("content", [b"", b"\n", b"  \r\n"])
def test_an_empty_file_is_refused(content):
    assert refused_header(content).splitlines() == [
        "rows.csv: the file is empty",
        "  expected: a header with the names of the columns",
        "  next:     Write it again.",
    ]


def test_a_file_of_only_a_byte_order_mark_is_refused():
    assert "rows.csv" in refused_header(b"\xef\xbb\xbf\n")


def test_a_header_that_is_not_utf8_is_refused_with_advice():
    assert refused_header("age,score,größe\n".encode("latin-1")).splitlines() == [
        "rows.csv, line 1: a byte that is not UTF-8",
        "  expected: UTF-8 text",
        "  next:     Convert the file, for example: iconv -f latin1 -t utf-8.",
    ]


def test_rows_are_typed_by_the_schema():
    (batch,) = read_batches("rows.csv", io.BytesIO(csv("30,0.5,007,1")), COLUMNS)
    assert batch.to_pylist() == [{"age": 30, "score": 0.5, "city": "007", "label": 1}]
    assert [field.type for field in batch.schema] == [pa.int64(), pa.float32(), pa.string(), pa.int64()]


def test_columns_are_found_by_name_in_any_order():
    assert read(csv("Bonn,0.5,30", header="city,score,age")) == [{"city": "Bonn", "score": 0.5, "age": 30}]


def test_a_byte_order_mark_is_not_part_of_the_first_name():
    content = b"\xef\xbb\xbf" + csv("30,0.5,Bonn,1")
    check_header("rows.csv", io.BytesIO(content), COLUMNS)
    assert read(content)[0]["age"] == 30


@pytest.mark.parametrize("empty", ["", '""'])
def test_an_empty_cell_is_null_in_every_type(empty):
    assert read(csv(f"{empty},{empty},{empty},{empty}")) == [dict.fromkeys(HEADER)]


@pytest.mark.parametrize("text", ["NA", "null", "NaN", "-", "?", " "])
def test_words_for_missing_are_text_like_others(text):
    assert read(csv(f"1,1,{text},1"))[0]["city"] == text


def test_quotes_keep_commas_newlines_and_quotes():
    assert read(csv('1,1,"a, ""b""\nc",1'))[0]["city"] == 'a, "b"\nc'


def test_a_quoted_newline_at_the_end_of_a_block_stays_in_its_value(monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 64)
    cities = ["\n".join("x" * (number % 7)) for number in range(100)]
    assert [row["city"] or "" for row in read(csv(*(f'1,1,"{city}",1' for city in cities)))] == cities


def test_windows_line_ends_are_not_part_of_the_value():
    assert read(csv("1,1,Bonn,1").replace(b"\n", b"\r\n")) == [{"age": 1, "score": 1.0, "city": "Bonn", "label": 1}]


def test_a_file_without_a_last_newline_keeps_its_last_row():
    assert len(read(csv("1,1,a,1", "2,2,b,0")[:-1])) == 2


def test_a_header_alone_has_no_rows():
    assert read(csv()) == []


@pytest.mark.parametrize(
    ("row", "column", "kind", "value"),
    [
        ("old,1,a,1", "age", "INT", "old"),
        ("3.5,1,a,1", "age", "INT", "3.5"),
        ("99999999999999999999,1,a,1", "age", "INT", "99999999999999999999"),
        ("NA,1,a,1", "age", "INT", "NA"),
        ("1,warm,a,1", "score", "FLOAT", "warm"),
        ("1,1,a,yes", "label", "INT", "yes"),
    ],
)
def test_text_in_a_number_is_named_by_line_column_and_value(row, column, kind, value):
    assert str(refused_row(csv("1,1,a,1", row, "1,1,a,1"))).splitlines() == [
        f"rows.csv, line 3, column {column}: the value has the wrong type",
        f"  expected: {kind}",
        f"  received: '{value}'",
        "  next:     Correct the value, or the type in schemas/.",
    ]


def test_a_wrong_value_in_a_later_block_is_named_by_its_own_line(monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 64)
    rows = ["1,1,a,1"] * 100
    rows[90] = "1,1,a,x"
    assert refused_row(csv(*rows)).where == "rows.csv, line 92, column label"


def test_a_wrong_value_after_a_quoted_newline_is_named_by_its_line_in_the_file():
    assert refused_row(csv('1,1,"a\nb\nc",1', "old,1,a,1")).where == "rows.csv, line 5, column age"


def test_a_wrong_value_after_an_empty_line_is_named_by_its_line_in_the_file():
    assert refused_row(csv("1,1,a,1", "", "old,1,a,1")).where == "rows.csv, line 4, column age"


def test_a_wrong_value_is_named_by_the_column_of_its_own_header():
    error = refused_row(csv("a,old,1", header="city,age,score"))
    assert error.where == "rows.csv, line 2, column age"


@pytest.mark.parametrize(("row", "columns"), [("1,1,a", 3), ("1,1,a,1,1", 5), ("1", 1)])
def test_a_line_of_another_length_is_named(row, columns):
    error = refused_row(csv("1,1,a,1", row))
    assert str(error).splitlines() == [
        "rows.csv, line 3: the line cannot be read",
        f"  received: Expected 4 columns, got {columns}: {row}",
        "  next:     Correct the line.",
    ]


@pytest.mark.parametrize("row", ["1,1," + "x" * 5000, "x" * 5000 + ",1,a,1"])
def test_long_values_are_shortened_in_messages(row):
    error = refused_row(csv(row))
    assert "xxx" in error.received
    assert len(error.received) < 300


def test_a_shortened_value_states_its_length():
    assert refused_row(csv("x" * 5000 + ",1,a,1")).received.endswith("… (5002 characters)")


def test_a_byte_that_is_not_utf8_is_named_by_line_and_column():
    content = csv("1,1,Köln,1").replace("ö".encode(), b"\xf6")
    assert str(refused_row(content)).splitlines() == [
        "rows.csv, line 2, column city: a byte that is not UTF-8",
        "  expected: UTF-8 text",
        "  next:     Convert the file, for example: iconv -f latin1 -t utf-8.",
    ]


@pytest.mark.parametrize(
    "content", [b"note,age,note,score,city,\nx,30,y,0.5,Bonn,\n", b"city,score,age,note\nBonn,0.5,30,x\n"]
)
def test_columns_that_are_not_in_the_schema_can_be_left_out(content):
    check_header("rows.csv", io.BytesIO(content), CHOSEN)
    assert read(content, CHOSEN) == [{"age": 30, "score": 0.5, "city": "Bonn"}]


def test_a_column_that_is_left_out_may_hold_anything():
    content = b"age,note,score,city\n1,\xff,0.5,Bonn\n"
    assert read(content, CHOSEN) == [{"age": 1, "score": 0.5, "city": "Bonn"}]


def test_a_bad_value_beside_a_column_that_is_left_out_is_named():
    content = csv("1,x,0.5,Bonn", "2,y,half,Bonn", header="age,note,score,city")
    error = refused_row(content, CHOSEN)
    assert (error.where, error.received) == ("rows.csv, line 3, column score", "'half'")


def test_a_file_without_any_column_of_the_schema_is_refused():
    optional = Columns({"label": ColumnRule("INT", required=False)}, others="ignore")
    with pytest.raises(DataError, match="missing: label"):
        check_header("rows.csv", io.BytesIO(b"a,b\n1,2\n"), optional)


@pytest.mark.parametrize(
    ("names", "problem"), [("age,score,note", "missing: city"), ("age,age,score,city,note", "twice: age")]
)
def test_a_column_of_the_schema_is_looked_for_in_any_case(names, problem):
    with pytest.raises(DataError, match=problem):
        check_header("rows.csv", io.BytesIO(f"{names}\n".encode()), CHOSEN)


def with_notes(*notes: str) -> bytes:
    """Rows of which the last column is text; each note stands as it is given."""
    return b"".join(
        f"{line}\n".encode()
        for line in ["age,score,label,city", *(f"{n},0.5,1,{note}" for n, note in enumerate(notes))]
    )


@pytest.mark.parametrize("number", ["0xFFFFFFFFFFFFFFFF", "0x1F", " 0X1f"])
def test_a_number_that_is_not_decimal_is_refused_as_everywhere_else(number):
    error = refused_row(csv("1,1,0x2,1", f"{number},1,a,1"))
    assert (error.where, error.received) == ("rows.csv, line 3, column age", repr(number))


def test_a_quote_that_is_never_closed_is_named_by_the_line_where_it_opens():
    error = refused_row(with_notes("a", '"b', "c", "d"))
    assert str(error).splitlines() == [
        "rows.csv, line 3, column city: a cell begins with a quote that is never closed",
        '  received: "b',
        '  next:     Close the quote; double it where it is part of the text: "a ""b"" c".',
    ]


@pytest.mark.parametrize("block_bytes", [30, 4 << 20])
@pytest.mark.parametrize("closed_after", [1, 2, 10])
def test_a_quote_that_another_closes_lines_later_is_refused(monkeypatch, block_bytes, closed_after):
    monkeypatch.setattr(blocks, "BLOCK_BYTES", block_bytes)
    notes = ["note"] * 20
    notes[5], notes[5 + closed_after] = '"gift', 'gift"'
    error = refused_row(with_notes(*notes))
    assert error.where == "rows.csv, line 7, column city"
    assert error.problem == "a quoted cell spans lines that look like rows"


def test_a_quote_that_is_closed_in_another_column_is_named_where_it_opens():
    error = refused_row(csv("1,1,a,1", '1,1,"a,1', '2,1,b"', "3,1,c,1"))
    assert error.where == "rows.csv, line 3, column city"


@pytest.mark.parametrize("cell", ['"say \\"hi\\" twice"', '"a" b', '"a" ', '""a', '"a"b"'])
def test_text_after_a_closing_quote_is_refused(cell):
    error = refused_row(with_notes("a", cell, "b"))
    assert error.where == "rows.csv, line 3, column city"
    assert error.problem == "there is text after the closing quote of a cell"


@pytest.mark.parametrize("cell", ['5" pipe', 'a"b"', ' "a"', 'a "b" c', 'x""'])
def test_a_quote_in_an_unquoted_cell_is_text(cell):
    assert [row["city"] for row in read(with_notes("a", cell, "b"))] == ["a", cell, "b"]


@pytest.mark.parametrize(
    "text",
    ["Dear Sir,\nI have 3, no, 4 of them,\nall, you see, broken,\nYours, Ann", "\n" * 30, "a\nb", "1,2\n3", "x\n9,9,9"],
)
def test_text_that_spans_lines_is_a_value(text):
    assert read(with_notes("a", f'"{text}"', "b"))[1]["city"] == text


def of_texts(width, *cells) -> tuple[bytes, Columns]:
    """Rows of columns of text, of which the second have the given cells."""
    names = [f"c{number}" for number in range(width)]
    rows = [",".join(["a", cell, *["b"] * (width - 2)]) for cell in cells]
    return csv(*rows, header=",".join(names)), Columns({name: ColumnRule("BYTES", required=True) for name in names})


@pytest.mark.parametrize(("width", "swallowed"), [(3, 8), (5, 4), (9, 2), (20, 2)])
def test_a_quote_that_swallows_rows_of_text_is_refused(width, swallowed):
    cells = ["x"] * 20
    cells[5], cells[5 + swallowed] = '"gift', 'gift"'
    error = refused_row(*of_texts(width, *cells))
    assert (error.where, error.problem) == (
        "rows.csv, line 7, column c1", "a quoted cell spans lines that look like rows",
    )  # fmt: skip


@pytest.mark.parametrize("width", [2, 3, 5, 9, 20])
@pytest.mark.parametrize(
    "text",
    [
        "Dear Sir,\nI have 3, no, 4 of them,\nall, you see, broken,\nYours, Ann",
        "Main Street 5, Springfield\nIL, USA",
        "Items:\napples, pears, plums, figs\nand, of course, nuts, and, well, more",
        "a,b,c\n1,2,3\n4,5,6",
        "f(a, b, c, d);\ng(a, b, c, d);\nh(a, b, c, d);",
        "\n".join(["one, two"] * 10),
    ],
)
def test_text_that_spans_lines_is_a_value_without_number_columns(width, text):
    content, columns = of_texts(width, "x", f'"{text}"', "y")
    assert [row["c1"] for row in read(content, columns)] == ["x", text, "y"]


def test_a_line_end_that_two_blocks_share_stays_whole(monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 100)
    for shift in range(100):
        note = "x" * shift + "\r\ncall first"
        assert [row["city"] for row in read(with_notes(*[f'"{note}"'] * 3))] == [note] * 3


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
@pytest.mark.parametrize("before", [0, 1, 3])
def test_line_ends_of_any_kind_and_empty_lines_before_the_header_are_read(end, before):
    content = (end * before + end.join(["age,score,city,label", "1,1,a,1", "old,1,b,1"])).encode()
    check_header("rows.csv", io.BytesIO(content), COLUMNS)
    assert refused_row(content).where == f"rows.csv, line {before + 3}, column age"
    assert read(content.replace(b"old", b"2"))[1]["city"] == "b"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_refused_with_advice(encoding):
    error = refused_header("age,score,city,label\n1,1,a,1\n".encode(encoding))
    assert error.splitlines()[0] == "rows.csv, line 1: a byte that is not UTF-8"
    assert f"iconv -f {encoding.replace('-le', 'le').replace('-be', 'be')} -t utf-8" in error


@pytest.mark.parametrize("content", [b'age,"score,city\n1,1,a\n', b'age,"score"s,city\n1,1,a\n', b'"'])
def test_a_header_whose_quotes_are_wrong_is_refused(content):
    assert refused_header(content).startswith("rows.csv, line 1: ")


@pytest.mark.parametrize("cell", ["a\x00b", "x" * 140_000])
def test_a_wrong_value_after_an_unusual_cell_is_named(cell):
    assert refused_row(csv(f"1,1,{cell},1", "far,1,a,1")).where == "rows.csv, line 3, column age"
    assert read(csv(f"1,1,{cell},1"))[0]["city"] == cell


def test_a_row_that_is_too_long_is_refused(monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 100)
    monkeypatch.setattr(blocks, "MAX_RECORD_BYTES", 1000)
    monkeypatch.setattr(blocks, "LINE_BYTES", 100)
    error = refused_row(with_notes("a", "b" * 1500, "c"))
    assert (error.where, error.problem) == ("rows.csv, line 3", "a row is longer than 0 MiB")
    open_quote = refused_row(with_notes("a", '"b', *["c"] * 400))
    assert (open_quote.where, open_quote.problem) == (
        "rows.csv, line 3, column city",
        "a cell begins with a quote that is never closed",
    )
