"""Statistics of single columns, and their drift."""

import numpy as np
import pyarrow as pa
import tensorflow_data_validation as tfdv
from google.protobuf import text_format
from tensorflow_data_validation.statistics import stats_impl
from tensorflow_metadata.proto.v0 import schema_pb2

from components.slice_report.analysis.data.drift import drift

BYTES, INT, FLOAT = schema_pb2.BYTES, schema_pb2.INT, schema_pb2.FLOAT
ARROW = {BYTES: pa.list_(pa.binary()), INT: pa.list_(pa.int64()), FLOAT: pa.list_(pa.float32())}


def statistics(columns):
    arrays = {
        name: pa.array([None if value is None else [value] for value in values], ARROW[kind])
        for name, (kind, values) in columns.items()
    }
    return stats_impl.generate_statistics_in_memory(pa.RecordBatch.from_pydict(arrays), tfdv.StatsOptions()).datasets[0]


def schema_of(columns, extra=""):
    schema = schema_pb2.Schema(
        feature=[schema_pb2.Feature(name=name, type=kind) for name, (kind, _) in columns.items()]
    )
    for feature in schema.feature:
        text_format.Merge(extra, feature)
    return schema


def measure(kind, now, before, extra="", bounds=(0.1, 0.2)):
    """The drift of one column."""
    columns = {"x": (kind, now)}
    return drift(statistics(columns), statistics({"x": (kind, before)}), schema_of(columns, extra), *bounds)


def l_infinity(now, before):
    """By counting, without TFDV."""
    return max(abs(now.count(value) / len(now) - before.count(value) / len(before)) for value in {*now, *before})


def thinned(values, share, seed=0):
    """The same with a share of them missing."""
    gone = np.random.default_rng(seed).permutation(len(values)) < share * len(values)
    return [None if without else value for value, without in zip(values, gone, strict=True)]
