"""Which rows are in which slice; TFMA's slicer is asked once for each combination of values, not for each row."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from tensorflow_model_analysis.proto import config_pb2
from tensorflow_model_analysis.slicer import slicer_lib

from components.batch_evaluator.predictions import Columns

SliceKey = tuple[tuple[str, str | int | float], ...]


def slice_columns(specs: Iterable[config_pb2.SlicingSpec]) -> list[str]:
    """The columns that the slicing specs read, in order."""
    return sorted({name for spec in specs for name in [*spec.feature_keys, *spec.feature_values]})


def rows_by_slice(
    table: Columns, specs: Iterable[config_pb2.SlicingSpec]
) -> Iterator[tuple[SliceKey, NDArray[np.int64]]]:
    """Each slice that has rows, once, with the positions of its rows, ascending.

    A row without a value is in no slice of that column, as in TFMA (tensorflow_model_analysis/slicer/slicer_lib.py).
    """
    seen: set[SliceKey] = set()
    for spec in specs:
        for key, rows in rows_of_spec(table, spec):
            if key not in seen:
                seen.add(key)
                yield key, rows


def rows_of_spec(table: Columns, spec: config_pb2.SlicingSpec) -> Iterator[tuple[SliceKey, NDArray[np.int64]]]:
    """The slices of one spec."""
    columns = {name: table[name] for name in slice_columns([spec])}
    combination = combinations(list(columns.values()), table.num_rows)
    order = np.argsort(combination, kind="stable")
    starts = np.flatnonzero(np.diff(combination[order], prepend=-1))
    for rows in np.split(order, starts[1:]) if len(starts) else []:
        features = {name: feature_value(column[int(rows[0])]) for name, column in columns.items()}
        present = {name: value for name, value in features.items() if value is not None}
        for key in slicer_lib.get_slices_for_features_dicts([], present, [slicer_lib.SingleSliceSpec(spec=spec)]):
            yield key, rows


def combinations(columns: Sequence[pa.ChunkedArray], rows: int) -> NDArray[np.int64]:
    """A number for each row, shape (rows,): the same where all columns have the same value, null included."""
    result = np.zeros(rows, np.int64)
    for number, column in enumerate(columns):
        codes = column.combine_chunks().dictionary_encode().indices.fill_null(-1).to_numpy(zero_copy_only=False) + 1
        joint = result * (int(codes.max(initial=0)) + 1) + codes
        # Numbers stay small from column to column, or their product would overflow.
        result = np.unique(joint, return_inverse=True)[1] if number else joint
    return result


def feature_value(scalar: pa.Scalar) -> NDArray[Any] | None:
    """A cell as TFMA's extractors give it: text as bytes."""
    value = scalar.as_py()
    if value is None:
        return None
    if isinstance(value, str):
        return np.array([value.encode()], dtype=object)
    return np.array([value])
