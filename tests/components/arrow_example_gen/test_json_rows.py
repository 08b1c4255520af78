import io
import json

import pyarrow as pa
import pytest

from components.arrow_example_gen import json_rows
from components.arrow_example_gen.columns import ColumnRule, Columns
from components.arrow_example_gen.json_rows import check_first, read_batches
from pipeline.errors import DataError

COLUMNS = Columns(
    {
        "age": ColumnRule("INT", required=True),
        "score": ColumnRule("FLOAT", required=True),
        "city": ColumnRule("BYTES", required=True),
    }
)
CHOSEN = Columns(COLUMNS.rules, others="ignore")
GOOD = '{"age": 1, "score": 0.5, "city": "a"}'


def read(*lines: str) -> list[dict]:
    file = io.BytesIO("".join(f"{line}\n" for line in lines).encode())
    return [row for batch in read_batches("rows.jsonl", file, COLUMNS) for row in batch.to_pylist()]


def refused(*lines: str) -> DataError:
    with pytest.raises(DataError) as caught:
        read(*lines)
    return caught.value


def test_rows_are_typed_by_the_schema():
    (batch,) = read_batches("rows.jsonl", io.BytesIO(b'{"city": "007", "score": 1, "age": 30}\n'), COLUMNS)
    assert batch.to_pylist() == [{"age": 30, "score": 1.0, "city": "007"}]
    assert [field.type for field in batch.schema] == [pa.int64(), pa.float32(), pa.string()]


@pytest.mark.parametrize("line", ["{}", '{"age": null}', '{"age": null, "score": null, "city": null}'])
def test_what_is_null_or_not_there_is_null(line):
    assert read(line) == [dict.fromkeys(COLUMNS)]


def test_a_text_may_be_empty_hold_newlines_or_any_letter():
    texts = ["", "a\nb", "Köln", "日本", '"']
    assert [row["city"] for row in read(*(json.dumps({"city": text}) for text in texts))] == texts


def test_a_last_line_without_a_newline_and_empty_lines_are_read():
    file = io.BytesIO(f"{GOOD}\n\n{GOOD}".encode())
    assert sum(batch.num_rows for batch in read_batches("rows.jsonl", file, COLUMNS)) == 2


def test_rows_of_many_blocks_keep_their_order(monkeypatch):
    monkeypatch.setattr(json_rows, "BLOCK_BYTES", 64)
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
        ("[1]", "", "the line is not a JSON object", "[1]"),
        ('{"age": 1', "", "the line is not JSON", "Expecting"),
    ],
)
@pytest.mark.parametrize("before", [0, 3, 200])
def test_a_wrong_line_is_named(monkeypatch, before, line, where, problem, received):
    monkeypatch.setattr(json_rows, "BLOCK_BYTES", 1024)
    error = refused(*[GOOD] * before, line, GOOD)
    assert (error.where, error.problem) == (f"rows.jsonl, line {before + 1}{where}", problem)
    assert error.received.startswith(received)


def test_a_wrong_line_after_an_empty_one_is_named_by_its_line_in_the_file():
    assert refused(GOOD, "", '{"age": "old"}').where == "rows.jsonl, line 3, column age"


def test_an_empty_file_is_refused():
    with pytest.raises(DataError, match="the file is empty"):
        check_first("rows.jsonl", io.BytesIO(b""), COLUMNS)


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
