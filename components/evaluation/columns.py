"""The columns of predictions: labels and scores, and their checks."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.errors import DataError, MainlineError

SCORE, BASELINE_SCORE = "score", "baseline_score"
NOT_FINITE = "Look for what the model divides by, or for a learning rate that is too high."
OUTSIDE = "End the model with a sigmoid, or name the output of it that is a probability."


class Columns(Protocol):
    """Rows that are read by column; ``pa.Table`` is one implementation."""

    @property
    def column_names(self) -> list[str]:
        """The names of the columns, in order."""
        ...

    @property
    def num_rows(self) -> int:
        """The number of rows."""
        ...

    def __getitem__(self, name: str) -> pa.ChunkedArray: ...


def text_labels(predictions: Columns, name: str, values: Sequence[str]) -> NDArray[np.int64]:
    """Return the place of each label, a text, among the values of the label, shape (rows,).

    Raises:
        DataError: a label is none of them.
    """
    places = pc.index_in(predictions[name], value_set=pa.array(values))
    if places.null_count:
        raise DataError(
            name, "a label that is none of the label's values", expected=" or ".join(map(repr, values)),
            next_step="Correct the examples.",
        )  # fmt: skip
    return np.asarray(places.to_numpy(), np.int64)


def labels(predictions: Columns, name: str) -> NDArray[np.generic]:
    """Return the labels, shape (rows,)."""
    column = predictions[name]
    values = column.to_numpy() if column.null_count == 0 and not pa.types.is_string(column.type) else None
    if values is None or not np.isin(values, (0, 1)).all():
        raise DataError(name, "a label that is neither 0 nor 1", next_step="Correct the examples, or the label_key.")
    return np.asarray(values)


def scores(predictions: Columns, column: str) -> NDArray[np.generic]:
    """Return the scores, shape (rows,).

    Raises:
        MainlineError: a score is not a probability; the message names the first such row, counted from 1.
    """
    values = predictions[column].to_numpy()
    check_all(values, np.isfinite(values), f"predictions, {column}", "a score that is not finite", NOT_FINITE)
    inside = (values >= 0) & (values <= 1)
    check_all(values, inside, f"predictions, {column}", "a score outside of [0, 1]", OUTSIDE)
    return np.asarray(values)


def check_all(values: NDArray[Any], good: NDArray[np.bool_], where: str, problem: str, next_step: str) -> None:
    """Raise MainlineError if any score fails a check."""
    wrong = np.flatnonzero(~good)
    if len(wrong):
        first = wrong[0]
        raise MainlineError(
            where,
            f"{len(wrong)} of {len(values)} rows have {problem}",
            expected="a probability",
            received=f"{values[first]} in row {first + 1} of the predictions",
            next_step=next_step,
        )


def combinations(columns: Sequence[pa.ChunkedArray], rows: int) -> NDArray[np.int64]:
    """Return a number for each row, shape (rows,), equal where all columns are equal, null included."""
    result = np.zeros(rows, np.int64)
    for number, column in enumerate(columns):
        codes = column.combine_chunks().dictionary_encode().indices.fill_null(-1).to_numpy(zero_copy_only=False) + 1
        joint = result * (int(codes.max(initial=0)) + 1) + codes
        # Renumbered after each column, so that the product does not overflow.
        result = np.unique(joint, return_inverse=True)[1] if number else joint
    return result
