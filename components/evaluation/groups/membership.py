"""The rows of each group of a column."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from components.evaluation.groups import NONE, OTHER
from components.evaluation.slice_values import value_text

LARGEST = 50
Ints = NDArray[np.int64]


def rows_by_group(column: pa.ChunkedArray, name_of: Callable[[Any], str] = value_text) -> dict[str, Ints]:
    """Return the positions of the rows of each group of a column of any type, ascending and without duplicates.

    A row with several values belongs to each group. Rows without a value, or with nan, are the group ``(none)``. All
    but the 50 largest groups are merged as ``(other values)``. ``name_of`` names the group of a value; groups with the
    same name are one.
    """
    rows = len(column)
    position, values = memberships(column)
    encoded = values.dictionary_encode()
    code = encoded.indices.fill_null(len(encoded.dictionary)).to_numpy(zero_copy_only=False).astype(np.int64)
    names, group_of_code = name_groups(encoded.dictionary, code, name_of)
    group, position = np.divmod(np.unique(group_of_code[code] * rows + position), max(rows, 1))
    return {names[int(number)]: position[group == number] for number in np.unique(group)}


def memberships(column: pa.ChunkedArray) -> tuple[Ints, pa.Array]:
    """Return pairs of a row and one of its values, in two arrays; null for a row without a value."""
    values = column.combine_chunks()
    position = np.arange(len(values), dtype=np.int64)
    if pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
        filled = pc.list_parent_indices(values).to_numpy(zero_copy_only=False).astype(np.int64)
        empty = np.setdiff1d(position, filled)
        values = values.flatten()
        values = pa.concat_arrays([values, pa.nulls(len(empty), values.type)])
        position = np.concatenate([filled, empty])
    if pa.types.is_floating(values.type):
        values = pc.if_else(pc.is_nan(values), None, values)
    return position, values


def name_groups(dictionary: pa.Array, code: Ints, name_of: Callable[[Any], str]) -> tuple[list[str], Ints]:
    """Return the names of the groups, and the group of each code, (codes + 1,), of which the last is null's.

    Args:
        dictionary: the value of each code.
        code: the code of each membership.
        name_of: names the group of a value.
    """
    largest_first = np.argsort(-np.bincount(code, minlength=len(dictionary) + 1)[:-1], kind="stable")
    number_of: dict[str, int] = {NONE: 0, OTHER: 1}
    group_of_code = np.full(len(dictionary) + 1, number_of[OTHER], np.int64)
    group_of_code[-1] = number_of[NONE]
    for index in largest_first[:LARGEST].tolist():
        name = name_of(dictionary[index].as_py())
        group_of_code[index] = number_of.setdefault(name, len(number_of))
    return list(number_of), group_of_code
