import csv
import io
import json
import random

import pytest
from fakes.stock import example_gen_runs
from harness import write_text

from components.arrow_example_gen.checks.columns import ColumnRule, Columns
from components.arrow_example_gen.csv import reader
from components.arrow_example_gen.csv.ranges import lines_before, ranges
from components.arrow_example_gen.formats import byte_ranges
from pipeline.errors import DataError

COLUMNS = Columns({"n": ColumnRule("INT", required=True), "text": ColumnRule("BYTES", required=True)})
CELLS = ("", "plain", "a,b", 'say "hi"', "two\nlines", 'all,"of"\r\nit\n', '"', '""', "\n\n", "é" * 9)


def drawn_file(seed: int, rows: int = 200, end: str = "\n") -> bytes:
    """Rows with quotes, commas and newlines in their cells, drawn by a seed."""
    random.seed(seed)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator=end, quoting=random.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    writer.writerow(["n", "text"])
    for number in range(rows):
        writer.writerow([number, random.choice(CELLS) + random.choice(CELLS)])
    return random.choice([b"", b"\xef\xbb\xbf"]) + text.getvalue().encode()


def read(content: bytes, cut: byte_ranges.Range = ()) -> list[dict]:
    batches = reader.read_batches("rows.csv", io.BytesIO(content), COLUMNS, cut)
    return [row for batch in batches for row in batch.to_pylist()]


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("scan_bytes", [5, 64, 1 << 20])
def test_the_rows_of_all_ranges_are_those_of_the_file(monkeypatch, seed, scan_bytes):
    monkeypatch.setattr(byte_ranges, "SCAN_BYTES", scan_bytes)
    content = drawn_file(seed, end=["\n", "\r\n"][seed % 2])
    cuts = ranges(io.BytesIO(content), size=100)
    assert len(cuts) > 10
    assert [row for cut in cuts for row in read(content, cut)] == read(content)


@pytest.mark.parametrize("seed", range(6))
def test_lines_before_a_range_are_counted_as_an_error_counts_them(monkeypatch, seed):
    monkeypatch.setattr(byte_ranges, "SCAN_BYTES", 7)
    content = drawn_file(seed, end=["\n", "\r\n"][seed % 2])
    for cut in ranges(io.BytesIO(content), size=300)[1:]:
        reader = csv.reader(io.TextIOWrapper(io.BytesIO(content[: cut[0]]), encoding="utf-8", newline=""))
        assert [*reader]
        assert lines_before(io.BytesIO(content), cut) == reader.line_num


@pytest.mark.parametrize("stray", ['5" pipe', '"a" "b"', '""x"y'])
def test_a_file_with_a_quote_inside_a_cell_is_left_whole(stray):
    content = b"n,text\n" + f"1,{stray}\n".encode() * 50
    assert ranges(io.BytesIO(content), size=100) == [()]


@pytest.mark.parametrize(
    "content",
    [b"n,text\n1,a\n", b"n,text\r" + b"1,a\r" * 99, b'n,text\n1,"' + b"\n" * 300],
    ids=["small", "cr", "open"],
)
def test_a_file_that_cannot_be_cut_is_left_whole(content):
    assert ranges(io.BytesIO(content), size=100) == [()]


def test_a_range_of_empty_lines_has_no_rows():
    content = b"n,text\n1,a\n" + b"\n" * 300
    cuts = ranges(io.BytesIO(content), size=100)
    assert [len(read(content, cut)) for cut in cuts] == [1, 0, 0, 0]


@pytest.fixture
def small_ranges(monkeypatch):
    monkeypatch.setattr(byte_ranges, "RANGE_BYTES", 20_000)


def test_a_file_in_ranges_gives_the_examples_of_the_whole_file(tmp_path, monkeypatch):
    write_text(tmp_path / "rows" / "train" / "rows.csv", "".join(example_gen_runs.taxi_lines(2000)))
    whole = example_gen_runs.taxi_gen(tmp_path / "rows").with_id("Whole")
    example_gen_runs.run_nodes(tmp_path, whole)
    monkeypatch.setattr(byte_ranges, "RANGE_BYTES", 20_000)
    cut = example_gen_runs.taxi_gen(tmp_path / "rows").with_id("Cut")
    example_gen_runs.run_nodes(tmp_path, cut)
    artifact = example_gen_runs.output(cut, tmp_path)
    assert len(list(artifact.glob("Split-train/data_tfrecord-00000-*.gz"))) > 10
    assert example_gen_runs.examples(artifact).total() == 2000
    assert example_gen_runs.examples(artifact) == example_gen_runs.examples(example_gen_runs.output(whole, tmp_path))


def test_an_error_in_a_late_range_names_the_line_of_the_file(tmp_path, small_ranges):
    lines = example_gen_runs.taxi_lines(2000)
    cells = lines[1500].split(",")
    lines[1500] = ",".join([cells[0], "free", *cells[2:]])
    write_text(tmp_path / "rows" / "train" / "rows.csv", "".join(lines))
    with pytest.raises(DataError) as caught:
        example_gen_runs.run_nodes(tmp_path, example_gen_runs.taxi_gen(tmp_path / "rows"))
    assert caught.value.where == f"{tmp_path / 'rows' / 'train' / 'rows.csv'}, line 1501, column fare"


def test_bad_rows_of_every_range_have_the_lines_of_the_file(tmp_path, small_ranges):
    lines = example_gen_runs.taxi_lines(2000)
    for index in (3, 900, 1500):
        lines[index] = lines[index].rpartition(",")[0] + "\n"
    write_text(tmp_path / "rows" / "train" / "rows.csv", "".join(lines))
    node = example_gen_runs.taxi_gen(tmp_path / "rows", on_bad_row="quarantine")
    example_gen_runs.run_nodes(tmp_path, node)
    artifact = example_gen_runs.output(node, tmp_path)
    files = sorted((artifact / "quarantine").glob("*.jsonl"))
    assert [json.loads(line)["line"] for file in files for line in file.read_text().splitlines()] == [4, 901, 1501]
    assert example_gen_runs.examples(artifact).total() == 1997
