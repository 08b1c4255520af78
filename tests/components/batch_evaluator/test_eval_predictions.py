import pyarrow as pa
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from components.batch_evaluator.scoring import ScoreFile, Scorer, multivalent, raw_columns, score_batches
from components.evaluation.predictions import Predictions, part_path, read_predictions, write_part
from pipeline.errors import ConfigError, DataError, MainlineError
from pipeline.label import Label

TABLE = pa.table({"a": [1, 2]})
SCHEMA = text_format.Parse(
    """
    feature { name: "one" type: BYTES value_count { min: 1 max: 1 } }
    feature { name: "bare" type: FLOAT }
    feature { name: "several" type: INT value_count { min: 0 max: 3 } }
    """,
    schema_pb2.Schema(),
)


def scorer(path, signature="serving_default", output="score"):
    return Scorer("score", f"{path}/Format-Serving", signature, output, Label("label"))


def test_parts_are_read_in_order_and_nothing_else_is_left(tmp_path):
    for number in (1, 0):
        assert write_part(part_path(str(tmp_path), number), [TABLE, TABLE], TABLE.schema) == 4
    assert read_predictions(str(tmp_path)).to_pydict() == {"a": [1, 2] * 4}
    assert sorted(path.name for path in (tmp_path / "predictions").iterdir()) == [
        "part-00000.parquet",
        "part-00001.parquet",
    ]


def test_a_column_is_read_without_the_others(tmp_path):
    parts = [pa.table({"a": [[1], [2, 3]], "b": ["x", None]}), pa.table({"a": [[4]], "b": ["y"]})]
    empty = pa.table({"a": pa.array([], pa.list_(pa.int64())), "b": pa.nulls(0)})
    for number, part in enumerate([empty, *parts]):
        write_part(part_path(str(tmp_path), number), [part], part.schema)
    predictions = Predictions(str(tmp_path))
    assert (predictions.num_rows, predictions.column_names) == (3, ["a", "b"])
    table = read_predictions(str(tmp_path))
    assert all(predictions[name].equals(table[name]) for name in ("a", "b"))


def test_a_column_takes_no_memory_for_the_others(tmp_path):
    table = pa.table({"a": pa.array(range(20_000)), "b": [f"{'long ' * 200}{row}" for row in range(20_000)]})
    write_part(part_path(str(tmp_path), 0), [table], table.schema)
    held = pa.total_allocated_bytes()
    column = Predictions(str(tmp_path))["a"]
    # Beside the column there may be buffers that the threads which read it have yet to let go.
    assert pa.total_allocated_bytes() - held < column.nbytes + table["b"].nbytes / 2


def test_missing_predictions_are_named(tmp_path):
    with pytest.raises(DataError, match="no predictions"):
        Predictions(str(tmp_path))


def test_a_failed_part_is_not_written(tmp_path):
    def fail():
        yield TABLE
        raise ValueError("a bad batch")

    with pytest.raises(ValueError, match="a bad batch"):
        write_part(part_path(str(tmp_path), 0), fail(), TABLE.schema)
    with pytest.raises(DataError, match="no predictions"):
        read_predictions(str(tmp_path))


def test_examples_become_columns_of_the_schema():
    from tfx_bsl.coders import example_coder

    examples = [
        text_format.Parse(text, tf.train.Example()).SerializeToString()
        for text in (
            'features { feature { key: "one" value { bytes_list { value: "\\303\\246" } } } }',
            'features { feature { key: "several" value { int64_list { value: [4, 5] } } } }',
            'features { feature { key: "bare" value { float_list { value: 0.5 } } } }',
        )
    ]
    batch = example_coder.ExamplesToRecordBatchDecoder(SCHEMA.SerializeToString()).DecodeBatch(examples)
    table = raw_columns(batch, SCHEMA)
    assert multivalent(SCHEMA) == {"several"}
    assert table.to_pydict() == {
        "one": ["æ", None, None],
        "bare": [None, None, 0.5],
        "several": [None, [4, 5], None],
    }


@pytest.mark.parametrize(
    ("values", "named"),
    [('value: "a" value: "b"', "several values in a row"), ('value: "\\377"', "not text")],
)
def test_an_unusable_value_is_refused(values, named):
    from tfx_bsl.coders import example_coder

    text = f'features {{ feature {{ key: "one" value {{ bytes_list {{ {values} }} }} }} }}'
    example = text_format.Parse(text, tf.train.Example()).SerializeToString()
    batch = example_coder.ExamplesToRecordBatchDecoder(SCHEMA.SerializeToString()).DecodeBatch([example])
    with pytest.raises(DataError, match=named):
        raw_columns(batch, SCHEMA)


def test_a_file_without_rows_leaves_a_part_without_rows(world, tmp_path):
    (path,) = (world.examples / "Split-none").iterdir()
    do = ScoreFile([scorer(world.model)], world.schema.SerializeToString(), str(tmp_path))
    assert list(do.process((0, str(path)))) == [0]
    assert read_predictions(str(tmp_path)).column_names[-1] == "score"


@pytest.mark.parametrize(
    ("wrong", "named"), [({"signature": "other"}, "no such signature"), ({"output": "logit"}, "no such output")]
)
def test_a_model_without_the_signature_or_the_output_is_refused(world, wrong, named):
    (path,) = (world.examples / "Split-one").iterdir()
    with pytest.raises(ConfigError, match=named):
        next(score_batches(str(path), [scorer(world.model, **wrong)], world.schema.SerializeToString()))


def test_a_model_without_one_score_per_row_is_refused(world, tmp_path):
    module = tf.Module()
    signature = tf.function(lambda examples: {"score": tf.constant([0.5, 0.5])})
    spec = tf.TensorSpec([None], tf.string, "examples")
    path = tmp_path / "Format-Serving"
    tf.saved_model.save(module, str(path), signatures={"serving_default": signature.get_concrete_function(spec)})
    (examples,) = (world.examples / "Split-one").iterdir()
    with pytest.raises(MainlineError, match="not one score per row"):
        next(score_batches(str(examples), [scorer(tmp_path)], world.schema.SerializeToString()))
