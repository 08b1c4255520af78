import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from tfx_bsl.coders import example_coder

from components.examples.encoding import encode, varints

TYPES = pa.schema([("n", pa.int64()), ("x", pa.float32()), ("s", pa.string())])
NUMBERS = [0, 1, 127, 128, 300, 16383, 16384, 2**31, 2**35 - 1, 2**56, 2**63 - 1, -1, -300, -(2**63)]
TEXTS = ["", "a", "é", "x" * 127, "x" * 128, "x" * 20000, "a\nb", "\0"]


def batch_of(*rows) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([dict(zip("nxs", row, strict=True)) for row in rows], schema=TYPES)


def parsed(batch) -> list[tf.train.Example]:
    return [tf.train.Example.FromString(record) for record in encode(batch).to_pylist()]


def by_tfx_bsl(batch) -> list[tf.train.Example]:
    """The same by the library's encoder, which takes every value as a list of one."""
    columns = [
        pa.array([None if value is None else [value] for value in column.to_pylist()], pa.list_(kind))
        for column, kind in zip(batch.columns, [pa.int64(), pa.float32(), pa.binary()], strict=True)
    ]
    records = example_coder.RecordBatchToExamplesEncoder().encode(pa.RecordBatch.from_arrays(columns, names="nxs"))
    return [tf.train.Example.FromString(record) for record in records]


@pytest.mark.parametrize("number", NUMBERS)
def test_a_whole_number_is_that_of_the_library(number):
    batch = batch_of((number, 1.0, "a"))
    assert parsed(batch) == by_tfx_bsl(batch)
    assert parsed(batch)[0].features.feature["n"].int64_list.value == [number]


@pytest.mark.parametrize("number", [0.0, -0.0, 1.5, 1e-45, 3.4e38, float("inf"), float("-inf")])
def test_a_real_number_is_that_of_the_library(number):
    batch = batch_of((1, number, "a"))
    assert parsed(batch) == by_tfx_bsl(batch)


def test_not_a_number_is_a_value_and_not_a_missing_one():
    (example,) = parsed(batch_of((1, float("nan"), "a")))
    (value,) = example.features.feature["x"].float_list.value
    assert np.isnan(value)


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_is_that_of_the_library(text):
    batch = batch_of((1, 1.0, text))
    assert parsed(batch) == by_tfx_bsl(batch)
    assert parsed(batch)[0].features.feature["s"].bytes_list.value == [text.encode()]


@pytest.mark.parametrize(
    "numbers",
    [[None, 1, 2], [1, None, 2], [1, 2, None], [None, 1, None], [None], [None, None, None], []],
)
def test_null_is_a_feature_without_a_value_wherever_it_stands(numbers):
    batch = batch_of(*[(number, number, None if number is None else str(number)) for number in numbers])
    assert parsed(batch) == by_tfx_bsl(batch)
    kinds = [example.features.feature["n"].WhichOneof("kind") for example in parsed(batch)]
    assert kinds == [None if number is None else "int64_list" for number in numbers]


def test_many_rows_are_those_of_the_library():
    random = np.random.default_rng(0)
    bits = random.integers(0, 64, 5000)
    rows = [
        (
            None if place % 7 == 0 else int(random.integers(-(2**62), 2**62) >> bits[place]),
            None if place % 5 == 0 else float(random.normal()),
            None if place % 3 == 0 else "ab" * int(random.integers(0, 200)),
        )
        for place in range(5000)
    ]
    batch = batch_of(*rows)
    assert parsed(batch) == by_tfx_bsl(batch)


def test_a_part_of_a_batch_is_taken_from_where_it_begins():
    batch = batch_of(*[(number, None if number % 2 else number, str(number)) for number in range(9)]).slice(4, 3)
    assert [example.features.feature["n"].int64_list.value[0] for example in parsed(batch)] == [4, 5, 6]
    assert [example.features.feature["s"].bytes_list.value[0] for example in parsed(batch)] == [b"4", b"5", b"6"]
    assert [list(example.features.feature["x"].float_list.value) for example in parsed(batch)] == [[4.0], [], [6.0]]


def test_a_long_name_that_is_not_ascii_is_kept():
    name = "größe" * 40
    batch = pa.RecordBatch.from_arrays([pa.array([7])], names=[name])
    assert parsed(batch)[0].features.feature[name].int64_list.value == [7]


def test_a_varint_of_a_negative_number_has_ten_bytes():
    assert [len(value) for value in varints(np.array([-1, 1])).to_pylist()] == [10, 1]


def lists_of(large: bool) -> pa.RecordBatch:
    """Lists of none, one and several values, missing ones, and vectors of one length."""
    make, text = (pa.large_list, pa.large_binary()) if large else (pa.list_, pa.binary())
    columns = {
        "n": pa.array([[1, -2], [], None, [300], [7]], make(pa.int64())),
        "x": pa.array([[1.5, 2.0], [], None, [3.0], [4.0]], make(pa.float32())),
        "s": pa.array([[b"a", b""], [], None, [b"x" * 200], [b"\0"]], make(text)),
        "one": pa.array([[number] for number in range(5)], make(pa.int64())),
        "vector": pa.array([[0.5] * 40 for _ in range(5)], make(pa.float32())),
        "none": pa.array([[]] * 5, make(pa.int64())),
    }
    return pa.RecordBatch.from_arrays(list(columns.values()), list(columns))


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize(("start", "rows"), [(0, 5), (1, 4), (1, 2), (3, 1), (0, 0)])
def test_lists_are_those_of_the_library_whole_and_in_slices(large, start, rows):
    batch = lists_of(large).slice(start, rows)
    records = example_coder.RecordBatchToExamplesEncoder().encode(batch)
    assert parsed(batch) == [tf.train.Example.FromString(record) for record in records]
