"""A row that cannot be transformed into finite numbers is named, before anything is trained."""

import math

import pyarrow as pa
import pytest
import tensorflow as tf
from fakes.stock.transform_runs import run, write_examples
from tensorflow_metadata.proto.v0 import schema_pb2

from components.batch_transform.learning import check_learned
from components.examples import bad_rows
from pipeline.errors import DataError

TABLE = "batch_transform.preprocessing.by_table"
QUOTIENT = "batch_transform.preprocessing.quotient"


def schema() -> schema_pb2.Schema:
    found = schema_pb2.Schema()
    for name in ("x", "z", "z_opt", "y"):
        feature = found.feature.add(name=name, type="INT" if name == "y" else "FLOAT")
        if name != "z_opt":
            feature.presence.min_fraction = 1.0
            feature.shape.dim.add(size=1)
    return found


def rows(count: int, column: str = "x", value: float = 1.0, row: int = 0) -> pa.Table:
    """Return rows of which one, counted from 0, has another value."""
    columns = {name: [1.0 + number % 7 for number in range(count)] for name in ("x", "z", "z_opt")}
    columns[column][row] = value
    kinds = {name: pa.array(values, pa.float32()) for name, values in columns.items()}
    return pa.table({**kinds, "y": pa.array([number % 2 for number in range(count)], pa.int64())})


def refused(folder, function: str, **splits: pa.Table) -> DataError:
    examples = write_examples(folder / "examples", {"train": rows(9000), "eval": rows(50), **splits})
    with pytest.raises(DataError) as caught:
        run("ours", examples, folder, function, schema())
    assert not list((folder / "ours" / "graph").glob("transform_fn"))
    return caught.value


@pytest.mark.parametrize("split", ["train", "eval"])
@pytest.mark.parametrize(
    ("column", "value", "said"),
    [("x", -1.0, "not above -1"), ("x", -5.0, "not above -1"), ("z", math.nan, "not finite"),
     ("z", math.inf, "not finite"), ("z_opt", -math.inf, "not finite")],
)  # fmt: skip
def test_an_unusable_number_is_named_with_split_row_and_column(split, column, value, said, tmp_path):
    size, row = {"train": (9000, 8500), "eval": (50, 49)}[split]
    error = refused(tmp_path, TABLE, **{split: rows(size, column, value, row)})
    assert f"{split} split, row {row + 1} of data_tfrecord" in error.where
    assert f"column '{column}'" in error.problem
    assert said in error.problem
    assert f"{column}={value}" in error.received


@pytest.mark.parametrize("split", ["train", "eval"])
def test_transformed_numbers_are_checked_too(split, tmp_path):
    error = refused(tmp_path, QUOTIENT, **{split: rows(50, "z", 0.0, 7)})
    assert (error.problem, error.where.partition(" of ")[0]) == (
        "the transformed column 'share_xf' has a number that is not finite", f"Transform, {split} split, row 8",
    )  # fmt: skip


def test_numbers_too_large_for_a_variance_are_named(tmp_path):
    error = refused(tmp_path, TABLE, train=rows(50, "z", 3e38, 7))
    assert "train split, row 8" in error.where
    assert error.problem == "the transformed column 'z_xf' has a number beyond 1e+19"


def test_a_number_too_large_after_scaling_is_named(tmp_path):
    error = refused(tmp_path, TABLE, eval=rows(50, "z", 3e38, 11))
    assert "eval split, row 12" in error.where
    assert "'z_xf'" in error.problem


def test_outputs_of_analyzers_must_be_finite():
    check_learned("x_xf/mean_and_var/output:0", tf.constant([1.0, 2.0]))
    check_learned("x_xf/vocabulary:0", tf.constant([b"inf"]))
    for value in (math.nan, math.inf):
        with pytest.raises(DataError, match="Transform, x_xf: the value learned from the training rows is not finite"):
            check_learned("x_xf/mean_and_var/output:0", tf.constant([1.0, value]))


def test_nan_equals_a_missing_value_in_an_optional_column(tmp_path):
    examples = write_examples(
        tmp_path / "examples", {"train": rows(50, "z_opt", math.nan, 3), "eval": rows(50, "z_opt", None, 3)}
    )
    made = run("ours", examples, tmp_path, TABLE, schema())
    assert made.rows("train") == made.rows("eval")


def test_an_error_without_a_bad_row_is_not_changed(tmp_path):
    with pytest.raises(ValueError, match="disk"), bad_rows.naming_bad_rows([], lambda batch: batch, "Transform"):
        raise ValueError("disk")
