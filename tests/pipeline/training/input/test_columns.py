import numpy as np
import tensorflow as tf

from pipeline.training.input.columns import pack, pick, row_bytes, unpack

SPEC = {
    "vector": tf.io.FixedLenFeature([3], tf.float32),
    "scalar": tf.io.FixedLenFeature([], tf.float32),
    "number": tf.io.FixedLenFeature([1], tf.int64),
    "grid": tf.io.FixedLenFeature([2, 2], tf.int64),
}


def serialized(index: int) -> bytes:
    values = {"vector": [index, 0.5, 1.5], "scalar": [-index]}
    numbers = {"number": [index], "grid": [index, 1, 2, 3]}
    features = {name: tf.train.Feature(float_list=tf.train.FloatList(value=value)) for name, value in values.items()}
    features |= {name: tf.train.Feature(int64_list=tf.train.Int64List(value=value)) for name, value in numbers.items()}
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def test_what_is_unpacked_is_what_parsing_gives():
    batch = tf.constant([serialized(index) for index in range(5)])
    parsed = tf.io.parse_example(batch, SPEC)
    found = unpack(pack(batch, SPEC), SPEC)
    assert set(found) == set(parsed)
    for name, column in parsed.items():
        assert found[name].dtype == column.dtype
        np.testing.assert_array_equal(found[name], column)


def test_rows_are_picked_across_types():
    found = unpack(pick(pack(tf.constant([serialized(index) for index in range(5)]), SPEC), tf.constant([3, 1])), SPEC)
    assert found["number"].numpy().ravel().tolist() == [3, 1]
    assert found["scalar"].numpy().tolist() == [-3.0, -1.0]


def test_bytes_of_a_row_are_those_of_its_matrices():
    matrices = pack(tf.constant([serialized(0)]), SPEC)
    assert row_bytes(SPEC) == sum(matrix.numpy().nbytes for matrix in matrices)
