"""The rows of files of tf.Examples, against Beam's own reader and TensorFlow's parser."""

import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.types import standard_artifacts

from components.examples.reading import decoder, record_batches, serialized_batches, split_files

SCHEMA = text_format.Parse(
    "feature {name: 'age' type: INT} feature {name: 'city' type: BYTES} feature {name: 'gain' type: FLOAT}",
    schema_pb2.Schema(),
).SerializeToString()


def example(row: int) -> bytes:
    feature = {"age": tf.train.Feature(int64_list=tf.train.Int64List(value=[row]))}
    if row % 2:
        feature["city"] = tf.train.Feature(bytes_list=tf.train.BytesList(value=["Köln".encode()]))
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()


@pytest.fixture(params=["", ".gz"])
def file(request, tmp_path):
    path = str(tmp_path / f"rows{request.param}")
    with tf.io.TFRecordWriter(path, "GZIP" if request.param else "") as writer:
        for row in range(10):
            writer.write(example(row))
    return path


def test_rows_come_in_order_and_in_batches(file):
    batches = [batch.numpy().tolist() for batch in serialized_batches(file, batch_rows=4)]
    parsed = [[tf.train.Example.FromString(row) for row in batch] for batch in batches]
    ages = [[row.features.feature["age"].int64_list.value[0] for row in batch] for batch in parsed]
    assert ages == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_with_a_schema_every_column_of_it_is_there(file):
    first, *_ = map(decoder(SCHEMA), serialized_batches(file, batch_rows=4))
    assert first.to_pydict() == {
        "age": [[0], [1], [2], [3]], "city": [None, ["Köln".encode()]] * 2, "gain": [None] * 4,
    }  # fmt: skip


def test_without_one_only_those_that_have_values(file):
    first, *_ = record_batches(file, batch_rows=1)
    assert first.to_pydict() == {"age": [[0]]}


def test_the_files_of_a_split_alone_in_order(tmp_path):
    examples = standard_artifacts.Examples()
    examples.uri, examples.split_names = str(tmp_path), '["train", "eval"]'
    for split, name in (("train", "b"), ("train", "a"), ("eval", "c")):
        (tmp_path / f"Split-{split}").mkdir(exist_ok=True)
        (tmp_path / f"Split-{split}" / name).touch()
    assert [path.rpartition("/")[2] for path in split_files([examples], "train")] == ["a", "b"]
