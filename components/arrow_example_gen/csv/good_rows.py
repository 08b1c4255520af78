"""Reading the good rows of CSV, while bad ones are set aside with the reason."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.arrow_example_gen.checks import numbers
from components.arrow_example_gen.checks.columns import ARROW_TYPES, Columns
from components.arrow_example_gen.csv.blocks import Block, Source, source
from components.arrow_example_gen.csv.reader import check_count, is_hexadecimal, parse
from components.arrow_example_gen.csv.record_index import Offsets
from components.arrow_example_gen.csv.record_parser import Problem, QuoteError, split_cells
from components.arrow_example_gen.formats.byte_ranges import Range
from components.arrow_example_gen.quarantine.bad_rows import BadRow, BadRows, Reason
from components.support.text import is_utf8

# By index in a batch, the first column of a row that is wrong, and the reason.
Wrong = dict[int, tuple[str, Reason]]
REASONS: dict[Problem, Reason] = {
    "unclosed": "quote that is not closed",
    "swallows rows": "quote that is not closed",
    "text after quote": "text behind a closing quote",
}


def read_good(name: str, file: BinaryIO, columns: Columns, cut: Range, bad: BadRows) -> Iterator[pa.RecordBatch]:
    """Yield what ``reader.read_batches`` does, without the bad rows, which go into ``bad``.

    Raises:
        DataError: there are too many bad rows, or a line is too long.
    """
    rows = source(name, file, cut)
    chosen = columns.among(rows.header.names)
    for block in rows.blocks(columns):
        bad.add(*(_bad_quote(block, error, rows.header.names) for error in block.index.errors))
        table, starts = _cells(rows, block, chosen, bad)
        for batch in table.combine_chunks().to_batches():
            wrong = _unconvertible(batch, columns)
            good = _converted(_without(batch, wrong), columns)
            unusable = _unusable(good, columns)
            wrong |= renumbered(unusable, wrong, batch.num_rows)
            bad.add(*(_bad_value(block, batch, index, int(starts[index]), *wrong[index]) for index in sorted(wrong)))
            good = _without(good, unusable)
            if good.num_rows:
                yield good


def _cells(rows: Source, block: Block, chosen: list[str], bad: BadRows) -> tuple[pa.Table, Offsets]:
    """Return some columns, as bytes, of the records that are as wide as the header, and the offsets of these."""
    data, starts, wrong = block.good(), block.starts, list[BadRow]()
    if not is_utf8(data):
        # Arrow cannot pass a row to ``skip`` that is not UTF-8.
        data, starts = _of_right_width(block, wrong)
    already_wrong = len(wrong)

    def skip(row: Any) -> str:
        start = int(starts[row.number - 1])
        wrong.append(_bad_width(block, start, row.actual_columns, row.expected_columns))
        skipped.append(row.number - 1)
        return "skip"

    skipped: list[int] = []
    table = parse(data, rows.header.names, dict.fromkeys(chosen, pa.binary()), skip)
    check_count(rows, block, table.num_rows + len(skipped) + already_wrong)
    bad.add(*wrong)
    return table, np.delete(starts, skipped)


def _of_right_width(block: Block, wrong: list[BadRow]) -> tuple[bytes, Offsets]:
    """Return the records that are as wide as the header, and their offsets, found one by one."""
    parts, starts = [], []
    for start in block.starts.tolist():
        record = block.record(start)
        cells = len(split_cells(record))
        if cells == block.shape.width:
            parts.append(record)
            starts.append(start)
        else:
            wrong.append(_bad_width(block, start, cells, block.shape.width))
    return b"".join(parts), np.array(starts, np.int64)


def _without(batch: pa.RecordBatch, wrong: Collection[int]) -> pa.RecordBatch:
    keep = np.ones(batch.num_rows, dtype=bool)
    keep[list(wrong)] = False
    return batch.filter(pa.array(keep)) if wrong else batch


def _converted(batch: pa.RecordBatch, columns: Columns) -> pa.RecordBatch:
    named = zip(batch.schema.names, batch.columns, strict=True)
    return pa.RecordBatch.from_arrays([_convert(values, columns[name].type) for name, values in named],
                                      names=batch.schema.names)  # fmt: skip


def _convert(values: pa.BinaryArray, kind: str) -> pa.Array:
    """Convert cells as Arrow's reader does, which ignores blanks around numbers."""
    text = values.cast(pa.string())
    if kind == "INT" and pc.any(is_hexadecimal(text)).as_py():
        raise pa.ArrowInvalid("not decimal")
    return text if kind == "BYTES" else pc.utf8_trim(text, characters=" \t").cast(ARROW_TYPES[kind])


def _unconvertible(batch: pa.RecordBatch, columns: Columns) -> Wrong:
    found: Wrong = {}
    for name, values in zip(batch.schema.names, batch.columns, strict=True):
        for index in _failing(values, columns[name].type):
            reason: Reason = "not UTF-8" if _failing(values.slice(index, 1), "BYTES") else "wrong type"
            found.setdefault(index, (name, reason))
    return found


def _unusable(batch: pa.RecordBatch, columns: Columns) -> Wrong:
    found: Wrong = {}
    for violation in numbers.violations(batch, columns):
        found.setdefault(violation.row, (violation.column, violation.reason))
    return found


def renumbered(unusable: Wrong, wrong: Collection[int], rows: int) -> Wrong:
    """Return rows that are numbered without the wrong ones, by their numbers among all rows.

    >>> renumbered({1: ("x", "number not usable")}, wrong=[0, 2], rows=4)
    {3: ('x', 'number not usable')}
    """
    if not unusable:
        return {}
    kept = np.delete(np.arange(rows), list(wrong))
    return {int(kept[row]): reason for row, reason in unusable.items()}


def _failing(values: pa.BinaryArray, kind: str) -> list[int]:
    """Return the indices that cannot be converted, by bisection, since Arrow converts all or nothing."""
    failing, parts = [], [(0, len(values))]
    while parts:
        start, count = parts.pop()
        try:
            _convert(values.slice(start, count), kind)
        except pa.ArrowInvalid:
            half = count // 2
            if count == 1:
                failing.append(start)
            else:
                parts += [(start, half), (start + half, count - half)]
    return failing


def _bad_quote(block: Block, error: QuoteError, names: Sequence[str]) -> BadRow:
    row = _text(block.data[error.start : error.end])
    column = names[min(block.column(error), len(names) - 1)]
    value = _text(block.data[error.opened : error.end])
    return BadRow(block.line(error.opened), REASONS[error.problem], column, value, row)


def _bad_width(block: Block, start: int, cells: int, expected: int) -> BadRow:
    problem = f"{cells}, expected {expected}"
    return BadRow(block.line(start), "wrong number of columns", "", problem, _text(block.record(start)))


def _bad_value(block: Block, batch: pa.RecordBatch, index: int, start: int, column: str, reason: Reason) -> BadRow:
    value = batch.column(column)[index].as_py() or b""
    return BadRow(block.line(start), reason, column, _text(value), _text(block.record(start)))


def _text(content: bytes) -> str:
    return content.decode("utf-8", "backslashreplace").rstrip("\r\n")
