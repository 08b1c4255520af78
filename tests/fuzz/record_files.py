"""TFRecord and Parquet files drawn at random, whose rows are known: they are written of them by other writers."""

import gzip
import io
import struct
from random import Random
from typing import Any

import google_crc32c
import numpy as np
import pyarrow as pa
import tensorflow as tf
from drawn import COLUMNS, PIECES, Drawn
from pyarrow import parquet

NOT_TEXT = (b"K\xf6ln", b"\xff", b"a\xed\xa0\xbd", b"\x80", b"\xc3")
Values = dict[str, list[Any]]


def draw_parquet(random: Random) -> Drawn:
    """A Parquet file with any kinds of integers and texts, groups, pages and compression, and perhaps bad rows."""
    values, bad = _values(random, random.randrange(1, 40))
    arrays = {name: _array(random, name, column) for name, column in values.items()}
    names = random.sample([*arrays], len(arrays))
    sink = io.BytesIO()
    parquet.write_table(
        pa.table({name: arrays[name] for name in names}),
        sink,
        row_group_size=random.randrange(1, 50),
        data_page_size=random.choice([1, 50, 1 << 20]),
        use_dictionary=random.random() < 0.5,
        compression=random.choice(["none", "snappy", "gzip", "zstd"]),
        version=random.choice(["1.0", "2.4", "2.6"]),
    )
    return _drawn(sink.getvalue(), values, bad, "row")


def draw_records(random: Random) -> Drawn:
    """A TFRecord file; a feature without a value may be there or not."""
    values, bad = _values(random, random.randrange(1, 40))
    rows = (dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True))
    content = b"".join(framed(_example(random, row)) for row in rows)
    return _drawn(content, values, bad, "record")


def draw_gzipped(random: Random) -> Drawn:
    """The same, compressed."""
    drawn = draw_records(random)
    return Drawn(gzip.compress(drawn.content, 1), drawn.rows, drawn.bad, drawn.unit)


def _drawn(content: bytes, values: Values, bad: list[int], unit: str) -> Drawn:
    # The expected text, since bytes that are UTF-8 are one.
    kept = {name: [_as_read(name, value) for value in column] for name, column in values.items()}
    rows = [row for number, row in enumerate(zip(*kept.values(), strict=True), 1) if number not in bad]
    return Drawn(content, rows, bad, unit)


def _as_read(name: str, value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return float(np.float32(value)) if name == "x" and value is not None else value


def _values(random: Random, rows: int) -> tuple[Values, list[int]]:
    """The values of each column, and the numbers of the rows, from 1, with a text that is none."""
    values: Values = {name: [_value(random, name) for _ in range(rows)] for name in COLUMNS}
    bad = sorted(random.sample(range(rows), random.choice([0, 0, min(1, rows), min(3, rows)])))
    for row in bad:
        values[random.choice(["text", "note"])][row] = random.choice(NOT_TEXT)
    return values, [row + 1 for row in bad]


def _value(random: Random, name: str) -> Any:
    if random.random() < 0.1:
        return None
    if name == "n":
        return random.choice([0, -1, 2**53 + 1, 2**63 - 1, -(2**63), random.randrange(-9, 10**6)])
    if name == "x":
        return random.choice([random.randrange(99) / 4, -0.0, 0.1, 1e-7])
    return "".join(random.choice([*PIECES, "😀", "\0"]) for _ in range(random.randrange(4))).encode()


def _array(random: Random, name: str, values: list[Any]) -> pa.Array:
    if name == "n":
        return pa.array(values, pa.int64())
    if name == "x":
        return pa.array(values, random.choice([pa.float32(), pa.float64()]))
    kind = random.choice([pa.string(), pa.large_string(), pa.binary(), pa.large_binary()])
    large = pa.types.is_large_string(kind) or pa.types.is_large_binary(kind)
    plain = pa.array(values, pa.large_binary() if large else pa.binary())
    array = pa.Array.from_buffers(kind, len(plain), plain.buffers())
    return array.dictionary_encode() if random.random() < 0.3 else array


def _example(random: Random, row: dict[str, Any]) -> bytes:
    features = {
        name: _feature(name, value)
        for name, value in row.items()
        if value is not None or COLUMNS[name].required or random.random() < 0.5
    }
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def _feature(name: str, value: Any) -> tf.train.Feature:
    if value is None:
        return tf.train.Feature()
    if name == "n":
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
    if name == "x":
        return tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))


def framed(record: bytes) -> bytes:
    """A record of TFRecord: its length and itself, each with its sum."""
    head = struct.pack("<Q", len(record))
    return head + _sum(head) + record + _sum(record)


def _sum(content: bytes) -> bytes:
    value = google_crc32c.value(content)
    return struct.pack("<I", ((value >> 15 | value << 17) + 0xA282EAD8) & 0xFFFFFFFF)
