import dataclasses

import pytest
import tensorflow as tf

from pipeline.features.kinds.categorical import Categorical
from pipeline.features.preprocess import given, transform, with_values
from pipeline.features.table import Table
from pipeline.label import Label
from pipeline.task.registry import training_of

TABLE = Table((Categorical("city", vocabulary=2, closed=True),), label="y")


def sparse(values, rows: int, dtype=tf.int64) -> tf.SparseTensor:
    return tf.SparseTensor([[row, 0] for row in range(len(values))], tf.constant(values, dtype), [rows, 1])


def target(column) -> tf.Tensor:
    return training_of(TABLE.target).target(given(column))


@pytest.mark.parametrize("dtype", [tf.int64, tf.float32])
def test_a_label_passes_through_as_int64(dtype):
    columns = {"city": tf.constant([["ulm"], ["bonn"]]), "y": tf.constant([[0], [1]], dtype)}
    label = transform(TABLE, columns, {"city": ["ulm", "bonn"]})["y_xf"]
    assert (label.dtype, label.numpy().tolist()) == (tf.int64, [[0], [1]])
    assert target(sparse([0, 1], 2, dtype)).numpy().tolist() == [[0], [1]]


@pytest.mark.parametrize("bad", [2, -1, 2**40])
def test_a_whole_number_is_0_or_1(bad):
    with pytest.raises(tf.errors.InvalidArgumentError, match="column 'y' is the label"):
        target(tf.constant([[0], [bad]], tf.int64))


@pytest.mark.parametrize("bad", [0.9, 0.5, -1.0, float("nan"), float("inf"), 1.0000001])
def test_no_number_is_cut_to_a_label(bad):
    with pytest.raises(tf.errors.InvalidArgumentError, match="column 'y' is the label"):
        target(tf.constant([[0.0], [bad]]))


def texts(*values: str, positive: str = "yes") -> tf.Tensor:
    table = dataclasses.replace(TABLE, label=Label("y", positive=positive))
    rows = len(values)
    given_values = [value for value in values if value]
    columns = {"city": tf.constant([["ulm"]] * rows), "y": sparse(given_values, rows, tf.string)}
    order = ["no", "yes"] if positive == "yes" else ["yes", "no"]
    return transform(table, columns, {"city": ["ulm", "bonn"], "y": order})["y_xf"]


def test_a_text_becomes_its_place_among_the_values():
    assert (texts("no", "yes").dtype, texts("no", "yes", "yes").numpy().ravel().tolist()) == (tf.int64, [0, 1, 1])
    assert texts("no", "yes", "yes", positive="no").numpy().ravel().tolist() == [1, 0, 0]


def test_the_graph_that_serves_computes_something_that_is_no_label():
    """TensorFlow Transform feeds an empty text where there is no label; one of a row never gets this far."""
    labels = training_of(with_values(Label("y", positive="yes"), {"y": ("no", "yes")})).target(tf.constant([[""]]))
    assert labels.numpy().tolist() == [[-1]]


@pytest.mark.parametrize("bad", ["Yes", "yes ", ""])
def test_no_other_text_is_a_label_and_none_is_missing(bad):
    with pytest.raises(tf.errors.InvalidArgumentError, match="column 'y' is the label: every row needs 'no' or 'yes'"):
        texts("no", "yes", bad)


def test_a_missing_label_is_not_filled():
    with pytest.raises(tf.errors.InvalidArgumentError, match="column 'y' is the label"):
        target(sparse([0, 1], 3))
