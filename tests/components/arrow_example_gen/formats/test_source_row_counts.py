import gzip
import io
import json
from dataclasses import replace

import pyarrow as pa
import pytest
import tensorflow as tf
from fakes.stock import example_gen_runs
from fakes.stock.columns import REQUIRED as COLUMNS
from harness import write_text
from pyarrow import parquet
from tfx.orchestration import metadata

from components.arrow_example_gen import row_totals
from components.arrow_example_gen.file_formats import FORMATS, FileFormat
from components.arrow_example_gen.formats import row_counts
from components.arrow_example_gen.formats.row_counts import count_frames, count_lines, count_rows
from components.examples import SOURCE_ROWS
from pipeline.errors import DataError, MainlineError
from pipeline.run.artifacts import Output
from pipeline.run.local.row_counts import check_source
from pipeline.run.local.row_counts import source_rows as rows_of_sources


@pytest.mark.parametrize("block_bytes", [1, 3, 7, 1 << 20])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", ["", "\n", " \t", "\n \n", "{}"])
def test_lines_that_are_not_blank_are_counted(monkeypatch, block_bytes, end, last):
    monkeypatch.setattr(row_counts, "BLOCK_BYTES", block_bytes)
    lines = ["\ufeff", " ", "{}", "", '{"a": 1} ', "\t", " {}", "x", ",", "é"] * 3
    content = end.join(lines) + end + last
    expected = sum(bool(line.strip(" \r\t")) for line in content.removeprefix("\ufeff").split("\n"))
    assert count_lines(io.BytesIO(content.encode())) == expected


@pytest.mark.parametrize("name", ["rows.tfrecord", "rows.gz", "rows.tfrecord.gz"])
def test_frames_are_counted_whatever_their_content(tmp_path, name):
    path = str(tmp_path / name)
    with tf.io.TFRecordWriter(path, "GZIP" if name.endswith(".gz") else "") as writer:
        for size in range(300):
            writer.write(b"x" * (size * 7 % 1000))
    assert count_rows(path, COLUMNS) == 300


@pytest.mark.parametrize("left", [5, 12, 20])
def test_a_truncated_record_is_counted(tmp_path, left):
    path = tmp_path / "rows.tfrecord"
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(b"x" * 30)
        writer.write(b"y" * 30)
    content = path.read_bytes()
    assert count_frames(io.BytesIO(content[: len(content) // 2 + left])) == 2


def test_the_parquet_footer_states_the_number_of_rows(tmp_path):
    parquet.write_table(pa.table({"a": range(100)}), tmp_path / "rows.parquet", row_group_size=7)
    assert count_rows(str(tmp_path / "rows.parquet"), COLUMNS) == 100


def losing(format: FileFormat) -> FileFormat:
    """A reader that passes over the first batch of a file."""

    def read(*arguments):
        batches = iter(format.read(*arguments))
        next(batches)
        return batches

    return replace(format, read=read)


def csv_rows_of(folder, number=40):
    write_text(folder / "train" / "rows.csv", "".join(example_gen_runs.taxi_lines(number)))
    return folder


def rows_of(folder, number=40):
    lines = ['{"fare": 1.5, "company": "a"}'] * number
    write_text(folder / "train" / "rows.jsonl", "\n".join(lines))
    return folder


@pytest.mark.parametrize(("kind", "rows"), [(".jsonl", rows_of), (".csv", csv_rows_of)])
def test_a_reader_that_loses_rows_fails_the_run(tmp_path, monkeypatch, kind, rows):
    monkeypatch.setitem(FORMATS, kind, losing(FORMATS[kind]))
    with pytest.raises(DataError) as caught:
        example_gen_runs.run_nodes(tmp_path, example_gen_runs.taxi_gen(rows(tmp_path / "rows")))
    assert caught.value.where == str(tmp_path / "rows" / "train" / f"rows{kind}")
    assert (caught.value.expected, caught.value.received) == (
        "40 rows, counted independently",
        "0 written, 0 set aside",
    )


def test_the_artifact_records_the_rows_of_its_files(tmp_path):
    folder = rows_of(tmp_path / "rows")
    write_text(folder / "train" / "more.jsonl", '{"fare": "x"}\n\n{"fare": 1}\n')
    example_gen_runs.run_nodes(tmp_path, example_gen_runs.taxi_gen(folder, on_bad_row="quarantine", max_bad_share=0.5))
    with metadata.Metadata(example_gen_runs.store(tmp_path)) as handle:
        (artifact,) = handle.store.get_artifacts_by_type("Examples")
    found = artifact.custom_properties[SOURCE_ROWS].string_value
    assert json.loads(found) == {"train": {"source": 42, "aside": 1}}
    source = rows_of_sources([Output(1, "examples", "Examples", "", ("train",), {SOURCE_ROWS: found})])
    check_source("ExampleGen", source, {"train": 41})
    with pytest.raises(MainlineError, match="not the number of rows in"):
        check_source("ExampleGen", source, {"train": 42})


def test_rows_are_counted_after_decompression(tmp_path):
    with gzip.open(tmp_path / "rows.gz", "wb") as file:
        file.write(b"")
    assert count_rows(str(tmp_path / "rows.gz"), COLUMNS) == 0


def test_counts_of_pieces_are_added_up(tmp_path):
    path = str(tmp_path / "rows.json")
    counts = [(("a", "written"), 5), (("a", "source"), 6), (("a", "aside"), 1), (("b.gz", row_totals.SHARD), 5)]
    row_totals.write(counts, path)
    totals, shards = row_totals.read(path)
    row_totals.check(totals)
    assert row_totals.by_split(totals, {"train": ["a"]}) == {"train": {"source": 6, "aside": 1}}
    assert shards == {"b.gz": 5}
