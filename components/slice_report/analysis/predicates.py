"""Predicates on features, of which segments are made: single values, and ranges of numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy import sparse

from components.evaluation.columns import Columns
from components.evaluation.slice_values import value_text
from components.slice_report.analysis.statistics import bar_label, readable
from components.slice_report.facts import Pairs

MOST_VALUES = 20
FEW_NUMBERS = 10
BINS = 5
NONE = "(none)"
Indices = NDArray[np.int64]
# Narrow, since there are several for each row.
Numbers = NDArray[np.int32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Predicates:
    """The rows that satisfy each predicate.

    Attributes:
        names: (parts,) feature, and value or range.
        features: (parts,) the number of the feature.
        members: (parts, rows / 8) a bit for each row, 1 where it satisfies the predicate.
    """

    names: Pairs
    features: Indices
    members: NDArray[np.uint8]

    def both(self, first: int, second: int) -> Mask:
        """Return which rows satisfy both, (rows,), filled up to a multiple of 8 by False."""
        return np.unpackbits(self.members[first] & self.members[second]).astype(np.bool_)

    def chunk(self, start: int, rows: int) -> Any:
        """Return some rows, (rows, parts) sparse, 1 where a row satisfies it; ``start`` is a multiple of 8."""
        bits = np.unpackbits(self.members[:, start // 8 :][:, : -(-rows // 8)], axis=1, count=rows)
        return sparse.csr_matrix(bits.T, dtype=np.float64)


def find_predicates(rows: Columns, names: Sequence[str], order: Indices, fewest: int) -> Predicates:
    """Return the values and ranges that enough of the rows at the positions ``order`` have, in this order."""
    found, features, members = [], [], []
    for number, name in enumerate(names):
        labels, held = column_predicates(rows[name])
        held = held[order].tocsc()
        enough = np.flatnonzero(np.diff(held.indptr) >= fewest)
        found += [(name, labels[index]) for index in enough]
        features += [number] * len(enough)
        members += [np.packbits(held[:, [index]].toarray()) for index in enough]
    bits = np.array(members, np.uint8).reshape(len(found), -(-order.size // 8))
    return Predicates(tuple(found), np.array(features, np.int64), bits)


def segment_rows(rows: Columns, features: Pairs) -> Mask:
    """Return the rows of a segment, (rows,), that was found in the same table.

    Raises:
        ValueError: a column has no such value or range.
    """
    mask = np.ones(rows.num_rows, np.bool_)
    for name, label in features:
        labels, members = column_predicates(rows[name])
        mask &= members[:, [labels.index(label)]].toarray().ravel() > 0
    return mask


def column_predicates(column: pa.ChunkedArray) -> tuple[list[str], Any]:
    """Return the values or ranges of a column as text, and (rows, parts) sparse which row has which.

    A row with several values has each of them, a row without a value has ``(none)``. Values that read alike are one.
    """
    array = column.combine_chunks()
    owners, values = owned_values(array)
    codes, labels = encode(values)
    absent = np.flatnonzero(np.bincount(owners, minlength=len(array)) == 0).astype(np.int32)
    labels = [*labels, NONE]
    names = list(dict.fromkeys(labels))
    merged = np.array([names.index(label) for label in labels], np.int32)
    inside = codes >= 0
    known = np.concatenate([owners[inside], absent])
    codes = np.concatenate([merged[codes[inside]], np.full(absent.size, merged[-1], np.int32)])
    members = sparse.csr_matrix((np.ones(known.size, np.uint8), (known, codes)), shape=(len(array), len(names)))
    # A value that a row has several times is counted once.
    members.data[:] = 1
    return names, members


def owned_values(array: pa.Array) -> tuple[Numbers, pa.Array]:
    """Return the row of each value, (values,), and the values; lists are flattened and nulls left out."""
    owners = np.arange(len(array), dtype=np.int32)
    if pa.types.is_list(array.type) or pa.types.is_large_list(array.type):
        owners = pc.list_parent_indices(array).to_numpy(zero_copy_only=False).astype(np.int32)
        array = array.flatten()
    return owners[array.is_valid().to_numpy(zero_copy_only=False)], array.drop_null()


def encode(values: pa.Array) -> tuple[Numbers, list[str]]:
    """Return the number of each value's part, (values,), -1 where it has none, and the parts as text."""
    if pa.types.is_integer(values.type) or pa.types.is_floating(values.type):
        return encode_numbers(values.to_numpy(zero_copy_only=False))
    if pa.types.is_null(values.type):
        return np.empty(0, np.int32), []
    encoded = values.dictionary_encode()
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    counts = np.bincount(codes, minlength=len(encoded.dictionary))
    frequent = np.argsort(-counts, kind="stable")[:MOST_VALUES]
    part_of_code = np.full(counts.size, -1, np.int32)
    part_of_code[frequent] = np.arange(frequent.size)
    return part_of_code[codes], [readable(value) for value in encoded.dictionary.take(pa.array(frequent)).to_pylist()]


def encode_numbers(values: NDArray[Any]) -> tuple[Numbers, list[str]]:
    """Return up to ten different numbers one by one, more in five ranges of nearly equal size; nan is apart.

    >>> encode_numbers(np.array([3, 1, 3]))
    (array([1, 0, 1], dtype=int32), ['1', '3'])
    >>> encode_numbers(np.arange(100))[1]
    ['0 … 19', '20 … 39', '40 … 59', '60 … 79', '80 … 99']
    """
    distinct, codes = np.unique(values, return_inverse=True)
    if distinct.size <= FEW_NUMBERS:
        return codes.astype(np.int32), [number_label(value) for value in distinct]
    ordered = np.sort(values[~np.isnan(values)])
    last = np.ceil(ordered.size * np.arange(1, BINS) / BINS).astype(np.int64) - 1
    ranges = np.searchsorted(np.unique(ordered[last]), values)
    present, codes = np.unique(np.where(np.isnan(values), BINS, ranges), return_inverse=True)
    ends = [(values[codes == code].min(), values[codes == code].max()) for code in range(present.size)]
    return codes.astype(np.int32), [range_label(low, high) for low, high in ends]


def range_label(low: np.generic, high: np.generic) -> str:
    """Return a range of numbers, or its only number.

    >>> range_label(np.float32(0.1), np.float32(0.7)), range_label(np.float32(1e-7), np.float32(1e-7))
    ('0.1 … 0.7', '1e-07')
    """
    one = np.isnan(low) or low == high
    return number_label(low) if one else bar_label(float(low.item()), float(high.item()))


def number_label(value: np.generic) -> str:
    """Return a number in full, a float32 in the fewest digits that identify it.

    >>> number_label(np.int64(2**60)), number_label(np.float32(0.1)), number_label(np.float32("nan"))
    ('1152921504606846976', '0.1', 'NaN')
    """
    return value_text(value.item())
