import gzip
import re
import shutil
from pathlib import Path

import pytest
import tensorflow as tf
from fakes.stock import example_gen_runs
from harness import write_text

from components.arrow_example_gen.checks.columns import ColumnRule, Columns
from components.arrow_example_gen.file_formats import check
from components.arrow_example_gen.formats.tfrecord import read_batches
from pipeline.errors import DataError

COLUMNS = Columns({"n": ColumnRule("INT", True), "x": ColumnRule("FLOAT", False), "text": ColumnRule("BYTES", False)})
CHOSEN = Columns(COLUMNS.rules, others="ignore")
KINDS = {
    int: lambda values: tf.train.Feature(int64_list=tf.train.Int64List(value=values)),
    float: lambda values: tf.train.Feature(float_list=tf.train.FloatList(value=values)),
    bytes: lambda values: tf.train.Feature(bytes_list=tf.train.BytesList(value=values)),
}


def example(**columns) -> bytes:
    features = {
        name: KINDS[type(values[0])](values) if values else tf.train.Feature() for name, values in columns.items()
    }
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def write(path, *records, compression="") -> str:
    with tf.io.TFRecordWriter(str(path), compression) as writer:
        for record in records:
            writer.write(record)
    return str(path)


def rows(path) -> list[dict]:
    return [row for batch in read_batches(path, COLUMNS) for row in batch.to_pylist()]


@pytest.mark.parametrize(
    ("name", "compression"), [("a.tfrecord", ""), ("a.tfrecord.gz", "GZIP"), ("data-0.gz", "GZIP")]
)
def test_a_list_of_one_becomes_a_value_and_an_empty_one_null(tmp_path, name, compression):
    records = [example(n=[1], x=[0.5], text=["ü".encode()]), example(n=[2], x=[]), example(n=[3], text=[b"b"])]
    assert rows(write(tmp_path / name, *records, compression=compression)) == [
        {"n": 1, "x": 0.5, "text": "ü".encode()}, {"n": 2, "x": None, "text": None}, {"n": 3, "x": None, "text": b"b"},
    ]  # fmt: skip


def test_a_list_of_several_values_stays_a_list(tmp_path):
    path = write(tmp_path / "a.tfrecord", example(n=[1, 2], text=[b"a", b"b"]), example(n=[3]))
    assert rows(path) == [{"n": [1, 2], "text": [b"a", b"b"]}, {"n": [3], "text": None}]


@pytest.mark.parametrize(
    ("records", "where", "problem"),
    [
        ([example(n=[1]), example(x=[1.0])], "records 1 to 2", None),
        ([example(x=[1.0])], "records 1 to 1", "not those of the schema"),
        ([example(n=[1], more=[1])], "records 1 to 1", "not those of the schema"),
        ([example(n=[1.0])], "records 1 to 1, column n", "wrong type"),
        ([example(n=[1], x=[1])], "records 1 to 1, column x", "wrong type"),
        ([example(n=[1]), example(n=[1.0])], "record 2", "not a tf.Example"),
        ([example(n=[1]), b"\xff\xff"], "record 2", "not a tf.Example"),
        ([example(n=[1])] * 4000 + [b"\xff\xff"] + [example(n=[1])] * 40, "record 4001", "not a tf.Example"),
    ],
)
def test_values_that_do_not_fit_are_named_with_their_records(tmp_path, records, where, problem):
    path = write(tmp_path / "a.tfrecord", *records)
    if problem is None:
        assert [row["n"] for row in rows(path)] == [1, None]
        return
    with pytest.raises(DataError, match=problem) as caught:
        rows(path)
    assert caught.value.where == f"{path}, {where}"


@pytest.mark.parametrize("before", [0, 3, 5000])
@pytest.mark.parametrize("texts", [[b"Z\xfcrich"], [b"a", b"Z\xfcrich"]])
def test_a_text_that_is_not_utf_8_is_named_by_its_record(tmp_path, before, texts):
    good = [example(n=[1]), example(n=[1], text=["ü".encode(), b"b"]), example(n=[1], text=[b"a"])]
    path = write(tmp_path / "a.tfrecord", *(good * before)[:before], example(n=[1], text=texts), *good)
    with pytest.raises(DataError, match="not UTF-8") as caught:
        rows(path)
    assert caught.value.where == f"{path}, record {before + 1}, column text"
    assert caught.value.received == r"Z\xfcrich"


@pytest.mark.parametrize("name", ["a.tfrecord", "a.tfrecord.gz"])
def test_a_truncated_or_damaged_file_is_refused(tmp_path, name):
    whole = write(tmp_path / "whole", *[example(n=[index]) for index in range(5000)])
    content = (tmp_path / "whole").read_bytes()
    cut = content[:-7] if name == "a.tfrecord" else gzip.compress(content)[:-200]
    (tmp_path / name).write_bytes(cut)
    assert len(rows(whole)) == 5000
    with pytest.raises(DataError, match="cannot be read as TFRecord") as caught:
        rows(str(tmp_path / name))
    assert "after record 4096" in caught.value.where


def test_an_empty_file_is_refused(tmp_path):
    (tmp_path / "a.tfrecord").touch()
    with pytest.raises(DataError, match="the file is empty"):
        check(str(tmp_path / "a.tfrecord"), COLUMNS)


def test_the_output_of_example_gen_can_be_read_back(tmp_path):
    write_text(tmp_path / "csv" / "train" / "rows.csv", "".join(example_gen_runs.taxi_lines(1000)))
    of_csv = example_gen_runs.taxi_gen(tmp_path / "csv").with_id("FromCsv")
    example_gen_runs.run_nodes(tmp_path, of_csv)
    first = example_gen_runs.output(of_csv, tmp_path)
    shutil.copytree(first / "Split-train", tmp_path / "again" / "train")
    again = example_gen_runs.taxi_gen(tmp_path / "again").with_id("Again")
    example_gen_runs.run_nodes(tmp_path, again)
    assert example_gen_runs.examples(example_gen_runs.output(again, tmp_path)) == example_gen_runs.examples(first)


def test_features_that_are_not_in_the_schema_can_be_left_out(tmp_path):
    path = write(tmp_path / "rows.tfrecord", example(n=[1], note=[b"x", b"y"]), example(n=[2], other=[0.5]))
    assert [row for batch in read_batches(path, CHOSEN) for row in batch.to_pylist()] == [{"n": 1}, {"n": 2}]
    with pytest.raises(DataError, match="not in the schema: note, other"):
        rows(path)


@pytest.mark.parametrize("fault", ["cut", "cut in its sum", "sum", "not packed", "text behind", "damaged"])
def test_a_file_that_gzip_cannot_decompress_is_named(tmp_path, fault):
    (tmp_path / "train").mkdir()
    plain = write(tmp_path / "rows", *(taxi_example(number) for number in range(3)))
    content = Path(plain).read_bytes()
    packed = gzip.compress(content)
    faulty = {
        "cut": packed[:-20],
        "cut in its sum": packed[:-4],
        "sum": packed[:-8] + bytes(4) + packed[-4:],
        "not packed": content,
        "text behind": packed + b"text",
        "damaged": packed[:30] + bytes([packed[30] ^ 255]) + packed[31:],
    }
    (tmp_path / "train" / "rows.gz").write_bytes(faulty[fault])
    with pytest.raises(DataError) as caught:
        example_gen_runs.run_nodes(tmp_path, example_gen_runs.taxi_gen(tmp_path))
    assert caught.value.where.startswith(str(tmp_path / "train" / "rows.gz"))
    assert not re.search(r"\{\{|\[Op:", str(caught.value))


def taxi_example(number: int) -> bytes:
    return example(trip_seconds=[number], company=[b"a"])
