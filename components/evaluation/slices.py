"""Finds the rows of each slice; a slice is checked once for each combination of values, not for each row."""

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_model_analysis.proto import config_pb2

from components.evaluation.columns import Columns, combinations
from components.evaluation.slice_values import EXPECTED, NAMED, shortest, value_text
from pipeline.errors import ConfigError

SliceKey = tuple[tuple[str, str | int | float], ...]


def slice_columns(specs: Iterable[config_pb2.SlicingSpec]) -> list[str]:
    """Return the columns that the slicing specs read, in order."""
    return sorted({name for spec in specs for name in [*spec.feature_keys, *spec.feature_values]})


def rows_by_slice(
    table: Columns, specs: Iterable[config_pb2.SlicingSpec]
) -> Iterator[tuple[SliceKey, NDArray[np.int64]]]:
    """Yield each slice that has rows, once, with the positions of its rows, ascending.

    A row without a value is in no slice of that column, as in TFMA (tensorflow_model_analysis/slicer/slicer_lib.py).
    """
    seen: set[SliceKey] = set()
    for spec in specs:
        for key, rows in rows_of_spec(table, spec):
            if key not in seen:
                seen.add(key)
                yield key, rows


def rows_of_spec(table: Columns, spec: config_pb2.SlicingSpec) -> Iterator[tuple[SliceKey, NDArray[np.int64]]]:
    """Yield the slices of one spec."""
    columns = {name: one_of_each(table[name]) for name in slice_columns([spec])}
    combination = combinations(list(columns.values()), table.num_rows)
    order = np.argsort(combination, kind="stable")
    starts = np.flatnonzero(np.diff(combination[order], prepend=-1))
    for rows in np.split(order, starts[1:]) if len(starts) else []:
        values = {name: column[int(rows[0])].as_py() for name, column in columns.items()}
        present = None not in values.values()
        if present and all(value_text(values[name]) == text for name, text in spec.feature_values.items()):
            yield tuple((name, as_key(value)) for name, value in values.items()), rows


def one_of_each(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the column with a single zero and a single nan."""
    if not pa.types.is_floating(column.type):
        return column
    return pc.if_else(pc.is_nan(column), pa.scalar(np.nan, column.type), pc.add(column, pa.scalar(0.0, column.type)))


def as_key(value: str | int | float) -> str | int | float:
    """Return a cell as it appears in a slice key."""
    return shortest(value) if isinstance(value, float) else value


def with_values_as_text(config: config_pb2.EvalConfig, schema: schema_pb2.Schema) -> config_pb2.EvalConfig:
    """Return the config with the values of all slices written as ``value_text`` writes those of the column.

    Raises:
        ConfigError: the column cannot have the named value.
    """
    types = {feature.name: schema_pb2.FeatureType.Name(feature.type) for feature in schema.feature}
    made = config_pb2.EvalConfig()
    made.CopyFrom(config)
    for spec in specs_of(made):
        for name, text in dict(spec.feature_values).items():
            spec.feature_values[name] = named_value(name, text, types.get(name, "BYTES"))
    return made


def specs_of(config: config_pb2.EvalConfig) -> Iterator[config_pb2.SlicingSpec]:
    """Yield every slice that a config names, computed or bounded."""
    yield from config.slicing_specs
    for spec in config.metrics_specs:
        metrics = [threshold for metric in spec.metrics for threshold in metric.per_slice_thresholds]
        by_name = [threshold for per_slice in spec.per_slice_thresholds.values() for threshold in per_slice.thresholds]
        for threshold in [*metrics, *by_name]:
            yield from threshold.slicing_specs


def named_value(column: str, text: str, kind: str) -> str:
    """Return the text of the value that a slice names in a column of the type FLOAT, INT or BYTES."""
    try:
        return NAMED[kind](text)
    except ValueError as error:
        raise ConfigError(
            f"slice {column}={text}", "not a value of the column", expected=EXPECTED[kind], received=text
        ) from error
