import io
import json

import pyarrow as pa
import pytest
from fakes.stock.columns import REQUIRED as COLUMNS

from components.arrow_example_gen import file_formats
from components.arrow_example_gen.checks.columns import Columns
from components.arrow_example_gen.formats import byte_ranges
from components.arrow_example_gen.json_lines import reader
from components.arrow_example_gen.json_lines.pieces import lines_before, ranges
from components.arrow_example_gen.json_lines.reader import check_start, read_batches
from pipeline.errors import DataError

CHOSEN = Columns(COLUMNS.rules, others="ignore")
BEHIND, HALF = "there is text after the value", "half of a surrogate pair, which is not a character"
GOOD = '{"age": 1, "score": 0.5, "city": "a"}'


def read(*lines: str) -> list[dict]:
    file = io.BytesIO("".join(f"{line}\n" for line in lines).encode())
    return [row for batch in read_batches("rows.jsonl", file, COLUMNS) for row in batch.to_pylist()]


def refused(*lines: str) -> DataError:
    with pytest.raises(DataError) as caught:
        read(*lines)
    return caught.value


def test_a_key_that_would_be_ignored_for_its_spelling_is_refused():
    with pytest.raises(DataError, match="line 1: a key differs from a column") as caught:
        check_start("rows.jsonl", io.BytesIO(b'{"Age": 1, "other": 2}\n'), CHOSEN)
    assert (caught.value.expected, caught.value.received) == ("'age'", "'Age'")
    for line in (b'{"age": 1, "other": 2}\n', b'{"Age": 1, "age": 2}', b"[1]\n", b"{\n", b"\n"):
        check_start("rows.jsonl", io.BytesIO(line), CHOSEN)


def test_rows_are_typed_by_the_schema():
    (batch,) = read_batches("rows.jsonl", io.BytesIO(b'{"city": "007", "score": 1, "age": 30}\n'), COLUMNS)
    assert batch.to_pylist() == [{"age": 30, "score": 1.0, "city": "007"}]
    assert [field.type for field in batch.schema] == [pa.int64(), pa.float32(), pa.string()]


@pytest.mark.parametrize("line", ["{}", '{"age": null}', '{"age": null, "score": null, "city": null}'])
def test_null_and_missing_keys_are_null(line):
    assert read(line) == [dict.fromkeys(COLUMNS)]


def test_text_may_be_empty_or_hold_any_character():
    texts = ["", "a\nb", "Köln", "日本", '"']
    assert [row["city"] for row in read(*(json.dumps({"city": text}) for text in texts))] == texts


def test_a_last_line_without_a_newline_and_empty_lines_are_read():
    file = io.BytesIO(f"{GOOD}\n\n{GOOD}".encode())
    assert sum(batch.num_rows for batch in read_batches("rows.jsonl", file, COLUMNS)) == 2


def test_rows_of_many_blocks_keep_their_order(monkeypatch):
    monkeypatch.setattr(reader, "BLOCK_BYTES", 64)
    assert [row["age"] for row in read(*(f'{{"age": {number}}}' for number in range(500)))] == list(range(500))


@pytest.mark.parametrize(
    ("line", "where", "problem", "received"),
    [
        ('{"age": "old"}', ", column age", "the value has the wrong type", '"old"'),
        ('{"age": 1.5}', ", column age", "the value has the wrong type", "1.5"),
        ('{"age": 1, "score": "warm"}', ", column score", "the value has the wrong type", '"warm"'),
        ('{"city": 7}', ", column city", "the value has the wrong type", "7"),
        ('{"city": ["a"]}', ", column city", "the value has the wrong type", '["a"]'),
        ('{"colour": "red"}', "", "a column is not in the schema", "colour"),
        ('{" Age": 1}', "", "a column is not in the schema", "' Age'"),
        ("[1]", "", "the line is not a JSON object", "[1]"),
        ('{"age": 1', "", "the line is not JSON", "Expecting"),
        ("]", "", "the line is not JSON", "Expecting value at character 1: ]"),
        (f",{GOOD}", "", "the line is not JSON", "Expecting value at character 1: ,{"),
        ("null", "", "the line is not a JSON object", "null"),
        ("7", "", "the line is not a JSON object", "7"),
        ('"{}"', "", "the line is not a JSON object", '"{}"'),
        *((f"{GOOD}{behind}", "", BEHIND, behind.strip()) for behind in (",", "]", "}", ":", "},", "x", " null", "{}")),
        (f"{GOOD}\0", "", BEHIND, "\\x00"),
        (f"{GOOD} null {GOOD}", "", BEHIND, "null {"),
        (f"{GOOD}\r{GOOD}", "", BEHIND, GOOD),
        (f"{GOOD},{GOOD}", "", BEHIND, f",{GOOD}"),
        ('{"age": 1, "\\u0061ge": 2}', ", column age", "the key stands twice in the line", ""),
        (r'{"city": "\ud83d"}', ", column city", HALF, r"'\ud83d'"),
        (r'{"city": "\ude00 and \ud83d\ude00"}', ", column city", HALF, r"'\ude00 and"),
        ('{"score": 1e400}', ", column score", "the number is too large", '{"score"'),
        ('{"colour": ' + "[" * 9999 + "]" * 9999 + "}", "", "the line is not JSON", "brackets are nested too deeply"),
    ],
)
@pytest.mark.parametrize("before", [0, 3, 200])
def test_a_wrong_line_is_named(monkeypatch, before, line, where, problem, received):
    monkeypatch.setattr(reader, "BLOCK_BYTES", 1024)
    error = refused(*[GOOD] * before, line, GOOD)
    assert (error.where, error.problem) == (f"rows.jsonl, line {before + 1}{where}", problem)
    assert error.received.startswith(received)


def test_a_wrong_line_after_an_empty_one_is_named_by_its_line_in_the_file():
    assert refused(GOOD, "", '{"age": "old"}').where == "rows.jsonl, line 3, column age"


def test_an_empty_file_is_refused():
    with pytest.raises(DataError, match="the file is empty"):
        check_start("rows.jsonl", io.BytesIO(b""), COLUMNS)


def test_columns_that_are_not_in_the_schema_can_be_left_out():
    lines = '{"note": {"by": [1]}, "age": 1, "score": 0.5, "city": "a"}\n{"note": 7, "age": 2}\n'
    batches = read_batches("rows.jsonl", io.BytesIO(lines.encode()), CHOSEN)
    rows = [row for batch in batches for row in batch.to_pylist()]
    assert rows == [{"age": 1, "score": 0.5, "city": "a"}, {"age": 2, "score": None, "city": None}]


def test_a_bad_value_beside_a_column_that_is_left_out_is_named():
    file = io.BytesIO(f'{GOOD}\n{{"note": 1, "age": "x"}}\n'.encode())
    with pytest.raises(DataError) as caught:
        list(read_batches("rows.jsonl", file, CHOSEN))
    assert (caught.value.where, caught.value.received) == ("rows.jsonl, line 2, column age", '"x"')


@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n"])
@pytest.mark.parametrize("last", ["", GOOD])
@pytest.mark.parametrize("scan_bytes", [5, 1 << 20])
def test_the_ranges_together_hold_all_lines(monkeypatch, end, last, scan_bytes):
    monkeypatch.setattr(byte_ranges, "SCAN_BYTES", scan_bytes)
    content = "".join(f'{{"age": {number}, "city": "{"é" * (number % 40)}"}}{end}' for number in range(200)) + last
    file = io.BytesIO(content.encode())
    for size in (1, 60, 1000, len(content) * 2):
        parts = [byte_ranges.section(file, cut).read() if cut else file.getvalue() for cut in ranges(file, size)]
        assert b"".join(parts) == file.getvalue()
        assert all(part.endswith(b"\n") for part in parts[:-1])
        assert [lines_before(file, cut) for cut in ranges(file, size)] == [
            sum(part.count(b"\n") for part in parts[:number]) for number in range(len(parts))
        ]
    assert ranges(file, len(content) * 2) == [()]


def test_ranges_give_all_rows_and_the_line_numbers_of_the_file(monkeypatch, tmp_path):
    monkeypatch.setattr(byte_ranges, "RANGE_BYTES", 400)
    path = tmp_path / "rows.jsonl"
    lines = [json.dumps({"age": number, "score": 0.5, "city": "a"}) for number in range(100)]
    path.write_text("\n".join(lines))
    cuts = file_formats.pieces(str(path))
    assert len(cuts) > 5
    rows = [row for cut in cuts for batch in file_formats.read(str(path), COLUMNS, cut) for row in batch.to_pylist()]
    assert [row["age"] for row in rows] == list(range(100))
    path.write_text("\n".join([*lines[:90], GOOD.replace("1", "true"), *lines[90:]]))
    with pytest.raises(DataError) as caught:
        [list(file_formats.read(str(path), COLUMNS, cut)) for cut in file_formats.pieces(str(path))]
    assert caught.value.where == f"{path}, line 91, column age"


@pytest.mark.parametrize(
    "wrong",
    [",", f"{GOOD}\n{GOOD},\n{GOOD}", f"{GOOD}{GOOD}\n{GOOD}}}", '{"age":\n1}', f"{GOOD}\n[]\n{{}}", f"{GOOD}{GOOD}\n"],
)
def test_equal_numbers_of_objects_and_lines_do_not_hide_a_wrong_line(wrong):
    with pytest.raises(DataError):
        read(GOOD, wrong, GOOD)
    with pytest.raises(DataError):
        read(GOOD, wrong)


@pytest.mark.parametrize("columns", [COLUMNS, CHOSEN])
@pytest.mark.parametrize("text", [b"Z\xfcrich", b"a\xed\xa0\xbdb", b"\x80"])
def test_a_text_of_another_encoding_is_named(columns, text):
    file = io.BytesIO(GOOD.encode() + b'\n{"age": 1, "city": "' + text + b'"}\n')
    with pytest.raises(DataError) as caught:
        list(read_batches("rows.jsonl", file, columns))
    assert (caught.value.where, caught.value.problem) == ("rows.jsonl, line 2, column city", "a byte that is not UTF-8")
    assert "\\x" in caught.value.received


def test_a_byte_order_mark_is_accepted_only_at_the_start_of_a_file():
    lines = "\ufeff" + f"{GOOD}\r\n \t\r\n{GOOD}"
    assert sum(batch.num_rows for batch in read_batches("rows.jsonl", io.BytesIO(lines.encode()), COLUMNS)) == 2
    with pytest.raises(DataError, match="line 1"):
        list(read_batches("rows.jsonl", io.BytesIO(lines.encode()), COLUMNS, at_file_start=False))


def test_a_null_after_a_brace_inside_a_string_is_text():
    assert [row["city"] for row in read('{"city": "} null {"}', '{"city": "}null"}')] == ["} null {", "}null"]


@pytest.mark.parametrize("block_bytes", [40, 1 << 20])
def test_bad_lines_are_set_aside_with_their_numbers(monkeypatch, block_bytes):
    monkeypatch.setattr(reader, "BLOCK_BYTES", block_bytes)
    lines = [
        GOOD,
        f"{GOOD},",
        "",
        '{"age": 2}',
        "null",
        '{"age": "x"}',
        '{"city": "\\ud83d"}',
        '{"age": 3}',
        '{"b": 1}',
        "{}",
    ]
    aside = []
    file = io.BytesIO("\n".join(lines).encode())
    batches = reader.read_good(file, COLUMNS, lambda line, row, fault: aside.append((line, fault.reason)))
    assert [row["age"] for batch in batches for row in batch.to_pylist()] == [1, 2, 3, None]
    assert aside == [(2, "not JSON"), (5, "not JSON"), (6, "wrong type"), (7, "not UTF-8"), (9, "wrong columns")]


def test_a_block_of_only_bad_lines_gives_no_rows():
    aside = []
    file = io.BytesIO(b"x\nnull\n")
    assert list(reader.read_good(file, COLUMNS, lambda line, row, fault: aside.append(line))) == []
    assert aside == [1, 2]
