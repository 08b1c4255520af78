"""Encoding record batches as tf.Examples: Arrow joins the wire format column by column, without Python for each row.

On taxi rows this takes a fifth of the time of tfx_bsl's encoder, for the same features, and releases the GIL. The
format: https://protobuf.dev/programming-guides/encoding, of the messages in tensorflow/core/example/example.proto.
"""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

NOTHING = pa.scalar(b"", pa.binary())
# Field numbers of the message Feature.
BYTES, FLOAT, INT64 = 1, 2, 3


def encode(batch: pa.RecordBatch) -> pa.BinaryArray:
    """Return a serialized tf.Example for each row of int64, float32 and string columns, or lists of these.

    A null becomes a feature without a list of values, an empty list one with an empty list.
    """
    columns = zip(batch.schema.names, batch.columns, strict=True)
    parts = [part for name, column in columns for part in _entry(name, column)]
    if not parts:
        return pa.array([b""] * batch.num_rows, pa.binary())
    features = pc.binary_join_element_wise(*parts, NOTHING)
    return _tagged(features)


def by_length(values: pa.BinaryArray, make: Callable[[int], bytes]) -> pa.BinaryArray:
    """Return ``make(length)`` for each value; it is called once for each distinct length.

    >>> by_length(pa.array([b"a", b"bc", b"d"]), lambda length: b"." * length).to_pylist()
    [b'.', b'..', b'.']
    """
    lengths = pc.binary_length(values).dictionary_encode()
    return pa.array([make(length) for length in lengths.dictionary.to_pylist()], pa.binary()).take(lengths.indices)


def fixed(values: NDArray[np.generic]) -> pa.BinaryArray:
    """Return the bytes of each number.

    >>> fixed(np.array([1, 2], "<u2")).to_pylist()
    [b'\\x01\\x00', b'\\x02\\x00']
    """
    ends = np.arange(len(values) + 1, dtype=np.int32) * np.int32(values.dtype.itemsize)
    return _binary(ends, np.ascontiguousarray(values))


def varints(values: NDArray[np.int64]) -> pa.BinaryArray:
    """Return each number as a varint: seven bits a byte, lowest first; a negative one takes ten bytes.

    >>> varints(np.array([1, 300])).to_pylist()
    [b'\\x01', b'\\xac\\x02']
    """
    bits = values.view(np.uint64)
    widest = int(bits.max(initial=0)).bit_length()
    if widest <= 7:
        return fixed(bits.astype(np.uint8))
    sizes = sum((bits >= np.uint64(1 << shift) for shift in range(7, widest, 7)), np.ones(len(bits), np.int32))
    places = np.arange(sizes.max(initial=1), dtype=np.uint64)
    sevens = (bits[:, None] >> (places * np.uint64(7))).astype(np.uint8) & np.uint8(127)
    more = np.where(places[None] < sizes[:, None] - 1, np.uint8(128), np.uint8(0))
    ends = np.concatenate([[0], sizes.cumsum()]).astype(np.int32)
    return _binary(ends, (sevens | more)[places[None] < sizes[:, None]])


def _entry(name: str, column: pa.Array) -> tuple[pa.BinaryArray, pa.BinaryArray]:
    """Return the map entry of a feature for each row: the bytes before the values, and the values."""
    before, values = _lists(name, column) if _is_list(column.type) else _scalars(name, column)
    if column.null_count == 0:
        return before, values
    valid = column.is_valid()
    absent = pa.scalar(_key(name, 0) + _field(2, 0), pa.binary())
    return pc.if_else(valid, before, absent), pc.if_else(valid, values, NOTHING)


def _is_list(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) or pa.types.is_large_list(kind)


def _scalars(name: str, column: pa.Array) -> tuple[pa.BinaryArray, pa.BinaryArray]:
    """Return the entry parts of a column of single values."""
    kind, values = _values(column)
    return by_length(values, lambda length: _before_value(name, kind, length)), values


def _lists(name: str, column: pa.Array) -> tuple[pa.BinaryArray, pa.BinaryArray]:
    """Return the entry parts of a column of lists."""
    ends = column.offsets.to_numpy().astype(np.int64)
    kind, values = _values(column.values.slice(ends[0], ends[-1] - ends[0]))
    texts = kind == BYTES
    joined = _joined(_tagged(values) if texts else values, ends - ends[0])
    # Each string has a tag of its own; the numbers of a list share one.
    lists = joined if texts else _tagged(joined)
    return by_length(lists, lambda length: _before_list(name, kind, length)), lists


def _joined(values: pa.BinaryArray, ends: NDArray[np.int64]) -> pa.BinaryArray:
    """Return the concatenated bytes of each list."""
    starts = np.frombuffer(values.buffers()[1], np.int32, len(values) + 1, values.offset * 4)
    return pa.Array.from_buffers(pa.binary(), len(ends) - 1, [None, pa.py_buffer(starts[ends]), values.buffers()[2]])


def _values(column: pa.Array) -> tuple[int, pa.BinaryArray]:
    """Return the field number of the type in Feature, and the bytes of each value."""
    if pa.types.is_int64(column.type):
        return INT64, varints(column.fill_null(0).to_numpy(zero_copy_only=False))
    if pa.types.is_float32(column.type):
        return FLOAT, fixed(column.fill_null(0).to_numpy(zero_copy_only=False).astype("<f4", copy=False))
    return BYTES, column.cast(pa.binary()).fill_null(b"")


def _tagged(values: pa.BinaryArray) -> pa.BinaryArray:
    """Return each value as field 1 of a message."""
    return pc.binary_join_element_wise(by_length(values, lambda length: _field(1, length)), values, NOTHING)


def _before_value(name: str, kind: int, length: int) -> bytes:
    value = _field(1, length)
    return _before_list(name, kind, len(value) + length) + value


def _before_list(name: str, kind: int, length: int) -> bytes:
    feature = _field(kind, length)
    size = len(feature) + length
    return _key(name, size) + _field(2, size) + feature


def _key(name: str, size: int) -> bytes:
    """Return the start of a map entry whose feature takes ``size`` bytes."""
    key = name.encode()
    key = _field(1, len(key)) + key
    return _field(1, len(key) + len(_field(2, size)) + size) + key


def _field(number: int, length: int) -> bytes:
    """Return the tag of a length-delimited field, and the length."""
    return bytes([number << 3 | 2]) + bytes(varints(np.array([length]))[0].as_py())


def _binary(ends: NDArray[np.int32], data: NDArray[np.generic]) -> pa.BinaryArray:
    return pa.Array.from_buffers(pa.binary(), len(ends) - 1, [None, pa.py_buffer(ends), pa.py_buffer(data)])
