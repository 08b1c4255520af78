import gzip
import random

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from components.slice_report.analysis.data import leakage
from components.slice_report.analysis.data.leakage import Scan, scan_batches, scan_examples
from components.slice_report.facts import Leak, NewCategory
from pipeline.errors import ConfigError, DataError

SCHEMA = text_format.Parse(
    'feature { name: "user" type: BYTES } feature { name: "city" type: BYTES } '
    'feature { name: "tags" type: BYTES value_count { min: 0 } } '
    'feature { name: "age" type: INT } feature { name: "score" type: FLOAT }',
    schema_pb2.Schema(),
)
EMPTY = {"train": [], "eval": [], "test": []}
ARROW = {schema_pb2.BYTES: pa.large_binary(), schema_pb2.INT: pa.int64(), schema_pb2.FLOAT: pa.float32()}


def row(user=b"u", city=b"c", tags=(), age=1, score=0.5):
    return {"user": [user], "city": [city], "tags": list(tags), "age": [age], "score": [score]}


def batch(rows):
    """What tfx_bsl decodes, without it; a column that is not in a row is null."""
    return pa.RecordBatch.from_pydict(
        {
            feature.name: pa.array([row.get(feature.name) for row in rows], pa.large_list(ARROW[feature.type]))
            for feature in SCHEMA.feature
        }
    )


def scan(ids=(), **splits):
    return scan_batches({split: [batch(rows)] for split, rows in {**EMPTY, **splits}.items()}, SCHEMA, ids)


def shared(found, what="rows"):
    """Rows shared by pair of splits, those without any left out."""
    return {(leak.split, leak.also_in): leak.shared for leak in found.leaks if leak.what == what and leak.shared}


def example(row, order):
    """A tf.Example with its map written in a given order, as no canonical order is promised."""
    entries = []
    for name in sorted(row, key=order):
        kind = "int64_list" if name == "age" else "float_list" if name == "score" else "bytes_list"
        feature = tf.train.Feature()
        getattr(feature, kind).value.extend(row[name])
        entries.append(tf.train.Features(feature={name: feature}).SerializeToString())
    content = b"".join(entries)
    return b"\n" + varint(len(content)) + content


def varint(number):
    low, high = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + varint(high) if high else bytes([low])


def write(folder, seed=0, **splits):
    """TFRecord files by split, two for each."""
    shuffle = random.Random(seed)
    files = {}
    for split, rows in splits.items():
        halves = rows[: len(rows) // 2], rows[len(rows) // 2 :]
        files[split] = [str(folder / f"{split}-{number}.gz") for number in range(2)]
        for path, half in zip(files[split], halves, strict=True):
            with tf.io.TFRecordWriter(path, tf.io.TFRecordOptions(compression_type="GZIP")) as writer:
                for one in half:
                    writer.write(example(one, lambda _: shuffle.random()))
    return files


def test_planted_duplicates_are_found_in_each_pair_of_splits():
    train = [row(age=number) for number in range(100)]
    evaluated = [row(age=number) for number in (3, 7, 7, 200, 201)]
    test = [row(age=number) for number in (3, 200, 200, 300)]
    assert scan(train=train, eval=evaluated, test=test).leaks == (
        Leak("rows", "eval", "train", 3, 0.6),
        Leak("rows", "test", "train", 1, 0.25),
        Leak("rows", "test", "eval", 3, 0.75),
    )


@pytest.mark.parametrize(
    "change",
    [
        {"user": b"v"},
        {"city": b""},
        {"tags": [b"b", b"a"]},
        {"tags": [b"a"]},
        {"tags": []},
        {"age": 2},
        {"score": 0.25},
    ],
)
def test_rows_that_differ_in_one_column_are_different(change):
    one = row(tags=[b"a", b"b"])
    assert shared(scan(train=[one], test=[one])) == {("test", "train"): 1}
    assert shared(scan(train=[one], test=[{**one, **row(tags=[b"a", b"b"]), **as_lists(change)}])) == {}


def as_lists(change):
    return {name: value if isinstance(value, list) else [value] for name, value in change.items()}


def test_values_in_another_column_or_row_make_a_different_row():
    assert shared(scan(train=[row(user=b"a", city=b"b")], test=[row(user=b"b", city=b"a")])) == {}
    split = [row(tags=[b"a"]), row(tags=[b"b", b"c"])]
    other = [row(tags=[b"a", b"b"]), row(tags=[b"c"])]
    assert shared(scan(train=split, test=other)) == {}


def test_a_missing_value_is_neither_empty_text_nor_zero():
    rows = [row(), {**row(), "city": [b""]}, {**row(), "city": None}, {**row(), "age": [0]}, {**row(), "age": None}]
    for index, one in enumerate(rows):
        assert shared(scan(train=rows[:index] + rows[index + 1 :], test=[one])) == {}
        assert shared(scan(train=rows, test=[one])) == {("test", "train"): 1}
    assert shared(scan(train=[{**row(), "city": None}], test=[{**row(), "city": []}])) == {("test", "train"): 1}


def test_nans_are_equal_and_so_are_both_zeros():
    other_nan = np.array([0x7FC00001], np.uint32).view(np.float32)[0]
    assert shared(scan(train=[row(score=float("nan"))], test=[row(score=other_nan)])) == {("test", "train"): 1}
    assert shared(scan(train=[row(score=0.0)], test=[row(score=-0.0)])) == {("test", "train"): 1}
    assert shared(scan(train=[row(age=-1)], test=[row(age=2**63 - 1)])) == {}


def test_shared_ids_are_counted_in_rows_of_the_later_split():
    train = [row(b"a", age=1), row(b"b", age=2)]
    evaluated = [row(b"b", age=3), row(b"b", age=4), row(b"c", age=5), {**row(age=6), "user": None}]
    found = scan(("user", "age"), train=train, eval=evaluated, test=[row(b"c", age=2), row(b"d", age=9)])
    assert shared(found, "user") == {("eval", "train"): 2, ("test", "eval"): 1}
    assert shared(found, "age") == {("test", "train"): 1}
    assert shared(found) == {}
    assert [leak.what for leak in found.leaks] == ["rows", "user", "age"] * 3
    assert found.leaks[1] == Leak("user", "eval", "train", 2, 0.5)


def test_a_row_with_several_ids_is_counted_once():
    test = [row(tags=[b"a", b"b", b"a"]), row(tags=[b"z", b"a"]), row(tags=[b"z"]), row()]
    assert shared(scan(["tags"], train=[row(tags=[b"a", b"b"])], test=test), "tags") == {("test", "train"): 2}


def test_an_id_column_may_be_named_rows():
    schema = schema_pb2.Schema(feature=[schema_pb2.Feature(name="rows", type=schema_pb2.INT)])
    batches = {
        split: [pa.RecordBatch.from_pydict({"rows": pa.array([[1]], pa.large_list(pa.int64()))})]
        for split in ("train", "test")
    }
    assert len(scan_batches(batches, schema, ["rows"]).leaks) == 2


def test_new_categories_are_counted_and_the_most_frequent_are_named():
    train = [row(city=b"Bern"), row(city=b"Rome")]
    test = [row(city=city) for city in [b"Oslo", b"Bern", b"Paris", b"Paris", b"Rome", b"Lima"]]
    found = scan(train=train, test=test, eval=[row(city=b"Rome")])
    assert found.new_categories == (NewCategory("city", "test", 3, 4, ("Paris", "Lima", "Oslo")),)


def test_a_row_with_several_new_values_is_counted_once():
    test = [row(tags=[b"x", b"x", b"y"]), row(tags=[b"y", b"a"]), row(tags=[b"a"]), row()]
    (found,) = scan(train=[row(tags=[b"a", b"b"])], test=test).new_categories
    assert found == NewCategory("tags", "test", 2, 2, ("y", "x"))


def test_text_ids_are_new_categories_and_numbers_are_not():
    found = scan(["user"], train=[row(b"a", age=1)], eval=[row(b"b", age=2)])
    assert found.new_categories == (NewCategory("user", "eval", 1, 1, ("b",)),)


def test_at_most_ten_values_are_named_and_all_are_counted(monkeypatch):
    test = [row(city=f"{number:03d}".encode()) for number in range(300) for _ in range(1 + (number == 250))]
    (found,) = scan(train=[row()], test=test).new_categories
    assert (found.distinct, found.rows) == (300, 301)
    assert found.values == ("250", *(f"{number:03d}" for number in range(9)))
    monkeypatch.setattr(leakage, "REMEMBERED", 3)
    (few,) = scan(train=[row()], test=test).new_categories
    assert (few.distinct, few.rows, few.values) == (300, 301, ("000", "001", "002"))


def test_counts_add_up_over_batches(monkeypatch):
    monkeypatch.setattr(leakage, "MERGE_AT", 5)
    train = [row(f"{number // 2}".encode(), f"{number}".encode(), age=number) for number in range(90)]
    test = [row(f"{number // 2}".encode(), f"{number}".encode(), age=number) for number in range(60, 120)]
    whole = scan(["user"], train=train, test=test)
    parts = {
        "train": [batch(train[start : start + 7]) for start in range(0, 90, 7)],
        "eval": [],
        "test": [batch(test[start : start + 7]) for start in range(0, 60, 7)],
    }
    assert scan_batches(parts, SCHEMA, ["user"]) == whole
    assert shared(whole) == shared(whole, "user") == {("test", "train"): 30}
    assert {new.column: (new.distinct, new.rows) for new in whole.new_categories} == {
        "user": (15, 30),
        "city": (30, 30),
    }


def test_many_training_values_are_merged():
    known = leakage.HashSet()
    hashes = leakage.mix(np.arange(200_000, dtype=np.uint64))
    for start in range(0, 200_000, 5_000):
        known.add(hashes[max(start - 2_500, 0) : start + 5_000])
    assert np.array_equal(known.merged(), np.unique(hashes))


def test_hostile_texts_are_distinguished_and_readable():
    hostile = [
        b"<script>'\"",
        "naïve\u2028".encode(),
        b"\xff\xfe",
        b"\xff\xfd",
        b"x" * 10_000,
        b"x" * 9_999,
        b"",
    ]
    (found,) = scan(train=[row()], test=[row(city=city) for city in hostile]).new_categories
    assert (found.distinct, found.rows) == (7, 7)
    assert {"<script>'\"", "naïve\u2028", "\\xff\\xfe", "\\xff\\xfd", "(empty)", "x" * 99 + "…"} == set(found.values)
    assert shared(scan(train=[row(city=city) for city in hostile], test=[row(city=b"x" * 10_000)])) == {
        ("test", "train"): 1
    }


def test_empty_splits_share_nothing():
    found = scan(["user"], train=[row()])
    assert {(leak.shared, leak.share) for leak in found.leaks} == {(0, 0.0)}
    assert len(found.leaks) == 6
    assert found.new_categories == ()
    assert scan_batches({split: [] for split in EMPTY}, SCHEMA, ["user"]).new_categories == ()


def test_missing_splits_are_not_compared():
    found = scan_batches({"test": [batch([row()])], "eval": [batch([row()])]}, SCHEMA, [])
    assert found == Scan((Leak("rows", "test", "eval", 1, 1.0),), ())
    assert scan_batches({}, SCHEMA, []) == Scan((), ())


def test_an_unknown_id_column_is_refused_with_the_nearest_name():
    with pytest.raises(ConfigError) as caught:
        scan(["usr"], train=[row()])
    assert "usr" in str(caught.value)
    assert "Did you mean 'user'?" in str(caught.value)
    with pytest.raises(ConfigError, match="id_columns"):
        scan_examples({}, SCHEMA, ["zzz"])


def test_files_are_read_once_and_the_order_of_map_entries_does_not_matter(tmp_path):
    train = [row(f"u{number}".encode(), age=number, tags=[b"a", b"b"]) for number in range(60)]
    test = [*train[:20], row(b"new", b"<b>\xff", age=99)]
    files = write(tmp_path, train=train, eval=[], test=test)
    found = scan_examples(files, SCHEMA, ["user"])
    assert shared(found) == shared(found, "user") == {("test", "train"): 20}
    assert [(new.column, new.split, new.values) for new in found.new_categories] == [
        ("user", "test", ("new",)),
        ("city", "test", ("<b>\\xff",)),
    ]


def test_another_order_of_map_entries_gives_other_bytes():
    first, second = example(row(), lambda name: name), example(row(), lambda name: name[::-1])
    assert first != second
    assert tf.train.Example.FromString(first) == tf.train.Example.FromString(second)


def test_splits_without_files_are_empty(tmp_path):
    files = {**write(tmp_path, train=[row(), row()]), "eval": [], "test": []}
    assert {leak.shared for leak in scan_examples(files, SCHEMA, []).leaks} == {0}


@pytest.mark.parametrize(
    "content", [b"not a TFRecord", gzip.compress(b"nor this one, though it is gzipped")], ids=["plain", "gzipped"]
)
def test_a_damaged_file_is_named(tmp_path, content):
    path = tmp_path / "rows.gz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"rows\.gz"):
        scan_examples({"train": [str(path)]}, SCHEMA, [])


def test_rows_that_contradict_the_schema_are_refused(tmp_path):
    path = str(tmp_path / "rows.gz")
    feature = tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"old"]))
    with tf.io.TFRecordWriter(path, tf.io.TFRecordOptions(compression_type="GZIP")) as writer:
        writer.write(tf.train.Example(features=tf.train.Features(feature={"age": feature})).SerializeToString())
    with pytest.raises(DataError) as caught:
        scan_examples({"train": [path]}, SCHEMA, [])
    assert "age" in caught.value.received
    with pytest.raises(DataError, match="gone"):
        scan_examples({"train": [str(tmp_path / "gone.gz")]}, SCHEMA, [])
