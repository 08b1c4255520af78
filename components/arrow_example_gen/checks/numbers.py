"""Numbers that no model can learn from: not finite, outside what a feature or a weight takes, no label of the task."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.arrow_example_gen.checks.columns import Columns
from pipeline.errors import DataError


class LabelError(DataError):
    """A row without a label that the task knows."""


@dataclass(frozen=True)
class Misfit:
    """A number in a row of a batch, and the rule that it breaks."""

    row: int
    column: str
    problem: str
    expected: str
    value: str
    reason: Literal["number not usable", "label not usable"] = "number not usable"

    def as_error(self, where: str) -> DataError:
        """The same, of the row that is at a place."""
        kind: type[DataError]
        if self.reason == "label not usable":
            kind, advice = LabelError, "Correct the labels, or leave those rows out."
        else:
            kind, advice = DataError, "Correct the value; a missing one is an empty cell or null, not NaN."
        where = f"{where}, column {self.column}"
        return kind(where, self.problem, expected=self.expected, received=self.value, next_step=advice)


def checked(
    batches: Iterator[pa.RecordBatch], columns: Columns, place: Callable[[int], str]
) -> Iterator[pa.RecordBatch]:
    """The same batches; ``place`` says where a row is whose number, from 0, is asked for.

    Raises:
        DataError: a number that is not usable.
    """
    before = 0
    for batch in batches:
        found = min(misfits(batch, columns), key=lambda misfit: misfit.row, default=None)
        if found is not None:
            raise found.as_error(place(before + found.row))
        before += batch.num_rows
        yield batch


def misfits(batch: pa.RecordBatch, columns: Columns) -> Iterator[Misfit]:
    """The numbers of a batch that are not usable, column by column."""
    for name, values in zip(batch.schema.names, batch.columns, strict=True):
        rule = columns[name]
        if rule.type == "FLOAT":
            yield from _broken(name, values, pc.is_finite, "the number is not finite as a float32", "a finite number")
        if rule.type != "BYTES" and rule.above is not None:
            yield from _too_small(name, values, rule.above)
        if rule.labels is not None:
            yield from _no_label(name, values, rule.labels)


def _too_small(name: str, values: pa.Array, above: float) -> Iterator[Misfit]:
    def passes(numbers: pa.Array) -> pa.Array:
        # In the type of the numbers: Arrow takes no int64 beyond 2^53 for a float. NaN has been named already.
        end = math.floor(above) if pa.types.is_integer(numbers.type) else above
        return pc.invert(pc.less_equal(numbers, pa.scalar(end, numbers.type)))

    yield from _broken(name, values, passes, "the feature takes log(1 + x) of the number", f"a number above {above:g}")


def _no_label(name: str, values: pa.Array, labels: Sequence[int]) -> Iterator[Misfit]:
    """The rows without a label, with several, or with one that is not among those."""
    lists = pa.types.is_list(values.type) or pa.types.is_large_list(values.type)
    sizes = pc.fill_null(pc.list_value_length(values), 0) if lists else values.is_valid().cast(pa.int32())
    numbers = pc.list_flatten(values) if lists else values.drop_null()
    known = pc.is_in(numbers, value_set=pa.array(labels, numbers.type))
    if pc.all(known).as_py() is not False and pc.all(pc.equal(sizes, 1)).as_py() is not False:
        return
    size = sizes.to_numpy(zero_copy_only=False)
    rows = np.repeat(np.arange(len(values)), size)
    other = np.isin(np.arange(len(values)), rows[~known.to_numpy(zero_copy_only=False)])
    for row in np.flatnonzero((size != 1) | other):
        problem = "the row has no label" if size[row] == 0 else "the row has another label than the task"
        value = str(values[row].as_py()) if size[row] else "nothing"
        yield Misfit(int(row), name, problem, " or ".join(map(str, labels)), value, "label not usable")


def _broken(
    name: str, values: pa.Array, passes: Callable[[pa.Array], pa.Array], problem: str, expected: str
) -> Iterator[Misfit]:
    """The places where a rule does not hold; a null keeps every rule."""
    lists = pa.types.is_list(values.type) or pa.types.is_large_list(values.type)
    numbers = pc.list_flatten(values) if lists else values
    kept = passes(numbers)
    if pc.all(kept).as_py() is not False:
        return
    rows = pc.list_parent_indices(values).to_numpy() if lists else np.arange(len(values))
    for place in np.flatnonzero(~pc.fill_null(kept, True).to_numpy(zero_copy_only=False)):
        yield Misfit(int(rows[place]), name, problem, expected, str(numbers[place].as_py()))
