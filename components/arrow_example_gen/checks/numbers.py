"""Numbers that a model cannot use: not finite, out of a feature's domain, or not a label of the task."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.arrow_example_gen.checks.columns import Columns
from components.data_validation.labels import shown
from pipeline.errors import DataError


class LabelError(DataError):
    """A row without a valid label."""


@dataclass(frozen=True)
class Violation:
    """A number in a row of a batch, and the rule that it breaks."""

    row: int
    column: str
    problem: str
    expected: str
    value: str
    reason: Literal["number not usable", "label not usable"] = "number not usable"

    def as_error(self, where: str) -> DataError:
        """Return the error to raise; ``where`` is the position of the row."""
        kind: type[DataError]
        if self.reason == "label not usable":
            kind, advice = LabelError, "Correct the labels, or leave those rows out."
        else:
            kind, advice = DataError, "Correct the value; a missing one is an empty cell or null, not NaN."
        where = f"{where}, column {self.column}"
        return kind(where, self.problem, expected=self.expected, received=self.value, next_step=advice)


def checked(
    batches: Iterator[pa.RecordBatch], columns: Columns, locate: Callable[[int], str]
) -> Iterator[pa.RecordBatch]:
    """Yield the batches unchanged; ``locate`` gives the position of a row by its number from 0.

    Raises:
        DataError: a number cannot be used.
    """
    before = 0
    for batch in batches:
        first = min(violations(batch, columns), key=lambda violation: violation.row, default=None)
        if first is not None:
            raise first.as_error(locate(before + first.row))
        before += batch.num_rows
        yield batch


def violations(batch: pa.RecordBatch, columns: Columns) -> Iterator[Violation]:
    """Yield the numbers of a batch that cannot be used, column by column."""
    for name, values in zip(batch.schema.names, batch.columns, strict=True):
        rule = columns[name]
        if rule.type == "FLOAT":
            yield from _violating(name, values, pc.is_finite, "the number is not finite as a float32",
                                  "a finite number")  # fmt: skip
        if rule.type != "BYTES" and rule.above is not None:
            yield from _too_small(name, values, rule.above)
        if rule.labels is not None:
            yield from _invalid_labels(name, values, rule.labels)


def _too_small(name: str, values: pa.Array, above: float) -> Iterator[Violation]:
    def is_valid(numbers: pa.Array) -> pa.Array:
        # In the type of the numbers: Arrow does not compare an int64 beyond 2^53 with a float. NaN was found before.
        bound = math.floor(above) if pa.types.is_integer(numbers.type) else above
        return pc.invert(pc.less_equal(numbers, pa.scalar(bound, numbers.type)))

    problem = "the feature takes log(1 + x) of the number"
    yield from _violating(name, values, is_valid, problem, f"a number above {above:g}")


def _invalid_labels(name: str, values: pa.Array, labels: Sequence[int | str]) -> Iterator[Violation]:
    """Yield the rows without a label, with several, or with one that is not in ``labels``."""
    lists = _is_list(values)
    sizes = pc.fill_null(pc.list_value_length(values), 0) if lists else values.is_valid().cast(pa.int32())
    numbers = pc.list_flatten(values) if lists else values.drop_null()
    known = pc.is_in(numbers, value_set=pa.array(labels, numbers.type))
    if pc.all(known).as_py() is not False and pc.all(pc.equal(sizes, 1)).as_py() is not False:
        return
    size = sizes.to_numpy(zero_copy_only=False)
    rows = np.repeat(np.arange(len(values)), size)
    unknown = np.isin(np.arange(len(values)), rows[~known.to_numpy(zero_copy_only=False)])
    for row in np.flatnonzero((size != 1) | unknown):
        problem = "the row has no label" if size[row] == 0 else "the label is not one of the task"
        value = shown(values[row].as_py()) if size[row] else "nothing"
        yield Violation(int(row), name, problem, " or ".join(map(shown, labels)), value, "label not usable")


def _violating(
    name: str, values: pa.Array, is_valid: Callable[[pa.Array], pa.Array], problem: str, expected: str
) -> Iterator[Violation]:
    """Yield the values for which ``is_valid`` is False; nulls are always valid."""
    lists = _is_list(values)
    numbers = pc.list_flatten(values) if lists else values
    valid = is_valid(numbers)
    if pc.all(valid).as_py() is not False:
        return
    rows = pc.list_parent_indices(values).to_numpy() if lists else np.arange(len(values))
    for index in np.flatnonzero(~pc.fill_null(valid, True).to_numpy(zero_copy_only=False)):
        yield Violation(int(rows[index]), name, problem, expected, str(numbers[index].as_py()))


def _is_list(values: pa.Array) -> bool:
    return bool(pa.types.is_list(values.type) or pa.types.is_large_list(values.type))
