"""Counting all rows without a valid label, by split, once one was found."""

import dataclasses
from collections.abc import Iterable

import pyarrow as pa

from components.arrow_example_gen.checks.columns import Columns
from components.arrow_example_gen.checks.numbers import LabelError
from components.data_validation.labels import LabelCounts, Labels, label_problems
from pipeline.errors import DataError


def unchecked(columns: Columns) -> Columns:
    """Return the columns without the check of labels."""
    rules = {name: dataclasses.replace(rule, labels=None) for name, rule in columns.items()}
    return dataclasses.replace(columns, rules=rules)


def with_totals(error: LabelError, columns: Columns, rows: Iterable[tuple[str, pa.RecordBatch]]) -> DataError:
    """Return the error on the first row, with the number of such rows in each split.

    Args:
        error: on the first row.
        columns: one of which is the label.
        rows: all rows with their splits, read without the check of labels.
    """
    (column,) = (name for name, rule in columns.items() if rule.labels is not None)
    labels = Labels(column, "", columns[column].labels or ())
    counts: dict[str, LabelCounts] = {}
    try:
        for split, batch in rows:
            counts.setdefault(split, LabelCounts()).add(batch.column(column), labels.values)
    except DataError:
        # The file has other errors too: report the first one.
        return error
    faults = [fault for split, found in counts.items() for fault in label_problems(found, labels, split)]
    return LabelError(
        error.where, "; ".join([error.problem, *faults]), expected=error.expected, received=error.received,
        next_step=error.next_step,
    )  # fmt: skip
