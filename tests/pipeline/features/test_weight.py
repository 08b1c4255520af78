import math

import pytest
import tensorflow as tf

from pipeline.errors import ConfigError, MainlineError
from pipeline.features.contract import check_transformed
from pipeline.features.feature import Transformed
from pipeline.features.kinds.categorical import Categorical
from pipeline.features.preprocess import checked_weight, transform
from pipeline.features.table import Table, raw_columns, targets

CITY = Categorical("city", vocabulary=2, closed=True)
TABLE = Table((CITY,), label="y", weight="w")
DOMAINS = {"city": ("ulm", "bonn")}


def outputs(weight) -> dict:
    columns = {"city": tf.constant([["ulm"], ["bonn"]]), "y": tf.constant([[0], [1]]), "w": weight}
    return transform(TABLE, columns, DOMAINS)


@pytest.mark.parametrize("dtype", [tf.float32, tf.int64, tf.float64])
def test_a_weight_passes_through_as_float32(dtype):
    found = outputs(tf.constant([[0], [3]], dtype))
    check_transformed(TABLE, found)
    assert found["w_xf"].dtype == tf.float32
    assert found["w_xf"].numpy().tolist() == [[0.0], [3.0]]


@pytest.mark.parametrize("bad", [-1.0, math.nan, math.inf, -math.inf])
def test_a_weight_is_finite_and_not_negative(bad):
    with pytest.raises(tf.errors.InvalidArgumentError, match="column 'w' is a weight"):
        outputs(tf.constant([[1.0], [bad]]))


def test_every_row_has_a_weight():
    column = tf.SparseTensor([[1, 0]], [2.0], [2, 1])
    with pytest.raises(tf.errors.InvalidArgumentError, match="every row needs a finite number"):
        checked_weight("w", column)
    whole = tf.SparseTensor([[0, 0], [1, 0]], [1.0, 2.0], [2, 1])
    assert checked_weight("w", whole).numpy().tolist() == [[1.0], [2.0]]


def test_the_contract_asks_for_the_weight():
    found = outputs(tf.constant([[1.0], [1.0]]))
    del found["w_xf"]
    with pytest.raises(MainlineError) as caught:
        check_transformed(TABLE, found)
    assert caught.value.received == "missing ['w_xf']"
    with pytest.raises(MainlineError) as caught:
        check_transformed(Table((CITY,), "y"), outputs(tf.constant([[1.0], [1.0]])))
    assert caught.value.received == "unexpected ['w_xf']"


def test_a_weight_is_a_target_and_no_column_of_the_model():
    assert targets(TABLE) == (Transformed("y_xf", "int64"), Transformed("w_xf", "float32"))
    assert targets(Table((CITY,), "y")) == (Transformed("y_xf", "int64"),)
    assert raw_columns(TABLE.features) == ("city",)
    assert TABLE.without(["city"]).weight == "w"


@pytest.mark.parametrize("column", ["city", "y"])
def test_a_weight_is_neither_feature_nor_label(column):
    with pytest.raises(ConfigError, match="also the label or a feature"):
        Table((CITY,), label="y", weight=column)
