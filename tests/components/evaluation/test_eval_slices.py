import math

import numpy as np
import pyarrow as pa
import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_model_analysis.proto import config_pb2

from components.evaluation.slices import rows_by_slice, slice_columns, specs_of, with_values_as_text
from pipeline.errors import ConfigError

TABLE = pa.table(
    {
        "city": ["Rome", None, "Oslo", "Rome", "Ærø"],
        "age": pa.array([30, 30, 40, None, 30], pa.int64()),
        "half": pa.array([0.5, 0.5, 1.5, 0.5, 0.5], pa.float32()),
    }
)


SCHEMA = text_format.Parse(
    """
    feature { name: "city" type: BYTES } feature { name: "age" type: INT } feature { name: "half" type: FLOAT }
    """,
    schema_pb2.Schema(),
)


def slices(*specs):
    return {
        key: rows.tolist() for key, rows in rows_by_slice(TABLE, [config_pb2.SlicingSpec(**spec) for spec in specs])
    }


def test_the_overall_slice_has_every_row():
    assert slices({}) == {(): [0, 1, 2, 3, 4]}


def test_a_row_without_the_value_is_in_no_slice_of_the_column():
    assert slices({"feature_keys": ["city"]}) == {
        (("city", "Rome"),): [0, 3],
        (("city", "Oslo"),): [2],
        (("city", "Ærø"),): [4],
    }


def test_a_cross_needs_every_value_and_is_sorted_by_name():
    assert slices({"feature_keys": ["city", "age"]}) == {
        (("age", 30), ("city", "Rome")): [0],
        (("age", 40), ("city", "Oslo")): [2],
        (("age", 30), ("city", "Ærø")): [4],
    }


def test_values_pick_one_slice():
    assert slices({"feature_values": {"age": "30"}}) == {(("age", 30),): [0, 1, 4]}
    assert slices({"feature_values": {"age": "30"}, "feature_keys": ["city"]}) == {
        (("age", 30), ("city", "Rome")): [0],
        (("age", 30), ("city", "Ærø")): [4],
    }


def test_floats_can_be_sliced():
    assert slices({"feature_keys": ["half"]}) == {(("half", 0.5),): [0, 1, 3, 4], (("half", 1.5),): [2]}


def test_a_slice_named_by_two_specs_appears_once():
    found = list(
        rows_by_slice(
            TABLE, [config_pb2.SlicingSpec(feature_keys=["age"]), config_pb2.SlicingSpec(feature_values={"age": "40"})]
        )
    )
    assert sorted(key for key, _ in found) == [(("age", 30),), (("age", 40),)]


@pytest.mark.parametrize("spec", [{"feature_values": {"city": "Bern"}}, {"feature_values": {"age": "31"}}])
def test_a_value_without_rows_gives_no_slice(spec):
    assert slices(spec) == {}


def test_no_rows_give_no_slices():
    assert (
        list(rows_by_slice(TABLE.slice(0, 0), [config_pb2.SlicingSpec(), config_pb2.SlicingSpec(feature_keys=["age"])]))
        == []
    )


def test_columns_are_those_of_keys_and_of_values():
    specs = [config_pb2.SlicingSpec(feature_keys=["b"], feature_values={"a": "1"}), config_pb2.SlicingSpec()]
    assert slice_columns(specs) == ["a", "b"]


def test_a_float_is_named_by_its_shortest_text_and_zeros_and_nans_are_one():
    nans = np.array([0x7FC00000, 0xFFC00001], np.uint32).view(np.float32)
    values = pa.array([*np.array([0.1, -0.0, 0.0, 0.7, 0.1], np.float32), *nans, None], pa.float32())
    table = pa.table({"x": values})
    found = {
        str(key): rows.tolist() for key, rows in rows_by_slice(table, [config_pb2.SlicingSpec(feature_keys=["x"])])
    }
    assert found == {
        "(('x', 0.1),)": [0, 4],
        "(('x', 0.0),)": [1, 2],
        "(('x', 0.7),)": [3],
        "(('x', nan),)": [5, 6],
    }
    spec = config_pb2.SlicingSpec(feature_values={"x": "NaN"})
    (((name, value),), rows) = next(rows_by_slice(table, [spec]))
    assert (name, math.isnan(value), rows.tolist()) == ("x", True, [5, 6])


def test_zero_is_a_value_that_can_be_named():
    table = pa.table({"x": pa.array([0, 1, None], pa.int64())})
    spec = config_pb2.SlicingSpec(feature_values={"x": "0"})
    assert [(key, rows.tolist()) for key, rows in rows_by_slice(table, [spec])] == [((("x", 0),), [0])]


def test_text_that_looks_like_a_number_stays_text():
    table = pa.table({"zip": ["7", "007", "7.0", "7"]})
    for text, rows in (("7", [0, 3]), ("007", [1]), ("7.0", [2])):
        spec = config_pb2.SlicingSpec(feature_values={"zip": text})
        assert [(key, found.tolist()) for key, found in rows_by_slice(table, [spec])] == [((("zip", text),), rows)]


def test_the_values_of_slices_are_written_as_those_of_their_columns():
    config = config_pb2.EvalConfig(
        slicing_specs=[config_pb2.SlicingSpec(feature_values={"half": "5e-1", "age": "30.0", "city": "1e0"})],
        metrics_specs=[config_pb2.MetricsSpec(metrics=[config_pb2.MetricConfig(class_name="AUC")])],
    )
    bound = config.metrics_specs[0].metrics[0].per_slice_thresholds.add()
    bound.slicing_specs.add().feature_values["half"] = ".1"
    config.metrics_specs[0].per_slice_thresholds["auc"].thresholds.add().slicing_specs.add(feature_values={"age": "+7"})
    found = [dict(spec.feature_values) for spec in specs_of(with_values_as_text(config, SCHEMA))]
    assert found == [{"half": "0.5", "age": "30", "city": "1e0"}, {"half": "0.1"}, {"age": "7"}]
    assert config.slicing_specs[0].feature_values["half"] == "5e-1"


@pytest.mark.parametrize(("column", "text"), [("half", "heavy"), ("half", "1e39"), ("age", "30.5"), ("age", "old")])
def test_a_value_that_the_column_cannot_have_is_refused(column, text):
    config = config_pb2.EvalConfig(slicing_specs=[config_pb2.SlicingSpec(feature_values={column: text})])
    with pytest.raises(ConfigError, match=f"slice {column}={text}: not a value of the column"):
        with_values_as_text(config, SCHEMA)
