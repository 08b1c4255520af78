"""A row without a label that the task knows is named with its place, and all such rows are counted."""

import json

import pyarrow as pa
import pytest
import tensorflow as tf
from pyarrow import parquet
from tensorflow_metadata.proto.v0 import schema_pb2

from components.arrow_example_gen import file_formats
from components.arrow_example_gen.checks.columns import ColumnRule, Columns
from components.arrow_example_gen.executor import first_error
from components.arrow_example_gen.quarantine.bad_rows import BadRows
from components.arrow_example_gen.settings import Settings, column_rules
from components.arrow_example_gen.splitting.assignment import Splitting
from pipeline.errors import DataError

PLACES = {".csv": "line 5", ".jsonl": "line 4", ".parquet": "row 4 (row group 1)", ".tfrecord": "record 4"}
INTS = [0, 1, 1, None, 0, None, 7, -1]


def columns(kind: str = "INT") -> Columns:
    labels = ["no", "yes"] if kind == "BYTES" else [0, 1]
    return Columns({"id": ColumnRule("BYTES", False), "late": ColumnRule(kind, True, labels=labels)})


def write(folder, kind: str, labels: list) -> str:
    path, ids = folder / f"rows{kind}", [f"2025-01-{number + 1:02d}" for number in range(len(labels))]
    if kind == ".parquet":
        parquet.write_table(pa.table({"id": ids, "late": labels}), path, row_group_size=3)
    elif kind == ".tfrecord":
        with tf.io.TFRecordWriter(str(path)) as out:
            for name, label in zip(ids, labels, strict=True):
                out.write(example(name, label).SerializeToString())
    elif kind == ".csv":
        cells = ["" if label is None else str(label) for label in labels]
        path.write_text("id,late\n" + "".join(f"{name},{cell}\n" for name, cell in zip(ids, cells, strict=True)))
    else:
        rows = [{"id": name, "late": label} for name, label in zip(ids, labels, strict=True)]
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return str(path)


def example(name: str, label: float | list | None) -> tf.train.Example:
    features = {"id": tf.train.Feature(bytes_list=tf.train.BytesList(value=[name.encode()]))}
    values = label if isinstance(label, list) else [] if label is None else [label]
    if values and isinstance(values[0], float):
        features["late"] = tf.train.Feature(float_list=tf.train.FloatList(value=values))
    elif values and isinstance(values[0], str):
        texts = [text.encode() for text in values]
        features["late"] = tf.train.Feature(bytes_list=tf.train.BytesList(value=texts))
    elif values:
        features["late"] = tf.train.Feature(int64_list=tf.train.Int64List(value=values))
    return tf.train.Example(features=tf.train.Features(feature=features))


def found(files: dict[str, list[str]], kind: str = "INT", **settings) -> DataError:
    error = first_error(files, Settings(columns(kind), "fail", 0.01, **settings))
    assert error is not None
    assert error.exit_code == 2
    return error


@pytest.mark.parametrize("kind", PLACES)
def test_the_first_is_named_and_all_are_counted_by_split(kind, tmp_path):
    splits = {"train": [0, 1, 1], "eval": INTS, "test": [1, 2]}
    files = {}
    for split, labels in splits.items():
        (tmp_path / split).mkdir()
        files[split] = [write(tmp_path / split, kind, labels)]
    error = found(files)
    assert error.where == f"{files['eval'][0]}, {PLACES[kind]}, column late"
    assert error.problem == (
        "the row has no label; missing in 2 of 8 rows of eval; neither 0 nor 1 in 2 of 8 rows of eval, such as 7, -1; "
        "neither 0 nor 1 in 1 of 2 rows of test, such as 2"
    )


@pytest.mark.parametrize("kind", PLACES)
@pytest.mark.parametrize("label", [0.9, 0.5, -1.0, 1.5])
def test_a_fraction_is_not_a_label(kind, label, tmp_path):
    error = found({"train": [write(tmp_path, kind, [0.0, 1.0, 1.0, label])]}, "FLOAT")
    assert PLACES[kind] in error.where
    assert f"neither 0 nor 1 in 1 of 4 rows of train, such as {label}" in error.problem


@pytest.mark.parametrize("kind", PLACES)
def test_valid_labels_pass_as_int_and_as_float(kind, tmp_path):
    for of_type, labels in (("INT", [0, 1, 0]), ("FLOAT", [0.0, 1.0, 0.0])):
        (tmp_path / of_type).mkdir()
        name = write(tmp_path / of_type, kind, labels)
        assert first_error({"train": [name]}, Settings(columns(of_type), "fail", 0.01)) is None


@pytest.mark.parametrize("kind", PLACES)
def test_a_label_of_text_is_one_of_two_letter_by_letter(kind, tmp_path):
    """Also a space too many, or another case, is another text."""
    error = found({"train": [write(tmp_path, kind, ["no", "yes", "yes", "Yes", "no ", None, "no"])]}, "BYTES")
    assert PLACES[kind] in error.where
    assert (error.expected, error.received) == ("'no' or 'yes'", "'Yes'")
    assert error.problem == (
        "the label is not one of the task; missing in 1 of 7 rows of train; "
        "neither 'no' nor 'yes' in 2 of 7 rows of train, such as \"Yes\", \"no \""
    )
    (tmp_path / "good").mkdir()
    good = write(tmp_path / "good", kind, ["no", "yes", "no"])
    assert first_error({"train": [good]}, Settings(columns("BYTES"), "fail", 0.01)) is None


def test_a_row_with_several_labels_is_refused(tmp_path):
    error = found({"train": [write(tmp_path, ".tfrecord", [0, 1, 1, [0, 1]])]})
    assert ("record 4" in error.where, "several values in 1 of 4 rows" in error.problem) == (True, True)


def test_rows_without_a_label_are_counted_by_output_split(tmp_path):
    by_id = Splitting("time", "id", ("train", "test"), ("2025-01-05",))
    error = found({"rows": [write(tmp_path, ".csv", INTS)]}, splitting=by_id)
    assert "missing in 1 of 4 rows of train" in error.problem
    assert "missing in 1 of 4 rows of test; neither 0 nor 1 in 2 of 4 rows of test" in error.problem


@pytest.mark.parametrize("kind", [".csv", ".jsonl"])
def test_quarantine_sets_rows_without_a_label_aside(kind, tmp_path):
    name = write(tmp_path, kind, INTS)
    bad = BadRows(name)
    (piece,) = file_formats.pieces(name)
    kept = [row["late"] for batch in file_formats.read_good(name, columns(), piece, bad) for row in batch.to_pylist()]
    assert kept == [0, 1, 1, 0]
    assert [(row.reason, row.column) for row in bad.all()] == [("label not usable", "late")] * 4


def test_a_file_must_have_the_column_of_the_label():
    late = schema_pb2.Feature(name="late", type=schema_pb2.INT)
    rule = column_rules(schema_pb2.Schema(feature=[late]), {}, {"late": [0, 1]})["late"]
    assert (rule.required, rule.labels) == (True, [0, 1])
