import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.types import standard_artifacts

from components.examples.parsing import declare, declared, parsed_batches
from components.examples.reading import decoder, serialized_batches

SCHEMA = text_format.Parse(
    """feature { name: "age" type: INT } feature { name: "city" type: BYTES } feature { name: "gain" type: FLOAT }""",
    schema_pb2.Schema(),
)
ROWS = (
    {"age": [1], "city": ["Köln".encode(), b"\xff\x00"], "gain": [0.1]},
    {"age": [-(2**62), 7], "city": [b""], "gain": []},
    {"age": [], "gain": [float("inf"), -0.0]},
    {"other": [3]},
)


def example(row: dict) -> bytes:
    kinds = {bytes: "bytes_list", int: "int64_list", float: "float_list"}
    whole = tf.train.Example()
    for name, values in row.items():
        feature = whole.features.feature[name]
        if values:
            getattr(feature, kinds[type(values[0])]).value.extend(values)
    return whole.SerializeToString()


@pytest.fixture
def file(tmp_path) -> str:
    path = str(tmp_path / "rows.gz")
    with tf.io.TFRecordWriter(path, "GZIP") as writer:
        for row in ROWS:
            writer.write(example(row))
    return path


def test_values_are_those_of_the_other_decoder_and_none_is_null(file):
    parsed = [batch.to_pydict() for batch in parsed_batches(file, SCHEMA, batch_rows=3)]
    decode = decoder(SCHEMA.SerializeToString())
    decoded = [decode(batch).to_pydict() for batch in serialized_batches(file, batch_rows=3)]
    assert [list(batch) for batch in parsed] == [["age", "city", "gain"]] * 2
    for ours, others in zip(parsed, decoded, strict=True):
        assert ours == {name: [value or None for value in others[name]] for name in ours}


def test_columns_are_declared_in_one_order_or_not_at_all():
    examples = standard_artifacts.Examples()
    assert declared(examples) is None
    declare(examples, {"gain": "FLOAT", "age": "INT", "city": "BYTES"})
    assert declared(examples) == SCHEMA


@pytest.mark.parametrize("kind", ["INT", "FLOAT"])
def test_a_value_of_another_type_is_an_error(file, kind):
    schema = schema_pb2.Schema()
    schema.feature.add(name="city", type=kind)
    with pytest.raises(tf.errors.InvalidArgumentError, match="city"):
        list(parsed_batches(file, schema))


def test_a_damaged_file_is_an_error(tmp_path):
    with tf.io.TFRecordWriter(str(tmp_path / "rows")) as writer:
        writer.write(b"no example")
    with pytest.raises(tf.errors.InvalidArgumentError, match="Could not parse"):
        list(parsed_batches(str(tmp_path / "rows"), SCHEMA))
