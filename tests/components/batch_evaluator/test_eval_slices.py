import pyarrow as pa
import pytest
from tensorflow_model_analysis.proto import config_pb2

from components.batch_evaluator.slices import rows_by_slice, slice_columns

TABLE = pa.table(
    {
        "city": ["Rome", None, "Oslo", "Rome", "Ærø"],
        "age": pa.array([30, 30, 40, None, 30], pa.int64()),
        "half": pa.array([0.5, 0.5, 1.5, 0.5, 0.5], pa.float32()),
    }
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


def test_floats_are_slices_too():
    assert slices({"feature_keys": ["half"]}) == {(("half", 0.5),): [0, 1, 3, 4], (("half", 1.5),): [2]}


def test_a_slice_that_two_specs_name_comes_once():
    found = list(
        rows_by_slice(
            TABLE, [config_pb2.SlicingSpec(feature_keys=["age"]), config_pb2.SlicingSpec(feature_values={"age": "40"})]
        )
    )
    assert sorted(key for key, _ in found) == [(("age", 30),), (("age", 40),)]


@pytest.mark.parametrize("spec", [{"feature_values": {"city": "Bern"}}, {"feature_values": {"age": "31"}}])
def test_a_value_that_no_row_has_is_no_slice(spec):
    assert slices(spec) == {}


def test_no_rows_are_no_slices():
    assert (
        list(rows_by_slice(TABLE.slice(0, 0), [config_pb2.SlicingSpec(), config_pb2.SlicingSpec(feature_keys=["age"])]))
        == []
    )


def test_columns_are_those_of_keys_and_of_values():
    specs = [config_pb2.SlicingSpec(feature_keys=["b"], feature_values={"a": "1"}), config_pb2.SlicingSpec()]
    assert slice_columns(specs) == ["a", "b"]
