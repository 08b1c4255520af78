"""CSV rows that cannot be used, put aside with the reason while the others are read."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.arrow_example_gen.checks import numbers
from components.arrow_example_gen.checks.columns import ARROW_TYPES, Columns
from components.arrow_example_gen.checks.text_encoding import is_utf8
from components.arrow_example_gen.csv.blocks import Block, Source, source
from components.arrow_example_gen.csv.reader import check_count, is_hexadecimal, parse
from components.arrow_example_gen.csv.record_index import Places
from components.arrow_example_gen.csv.record_parser import Fault, split
from components.arrow_example_gen.formats.byte_ranges import Range
from components.arrow_example_gen.quarantine.bad_rows import BadRow, BadRows, Reason

# Rows of a batch, each with the first column that is wrong, and why.
Wrong = dict[int, tuple[str, Reason]]
QUOTES: dict[str, Reason] = {
    "open": "quote that is not closed",
    "swallowed": "quote that is not closed",
    "behind": "text behind a closing quote",
}


def read_good(name: str, file: BinaryIO, columns: Columns, cut: Range, bad: BadRows) -> Iterator[pa.RecordBatch]:
    """Reads a file, or a range of it, as ``csv_rows.read_batches`` does, without the rows that it puts into ``bad``.

    Raises:
        DataError: there are too many bad rows, or a line is too long.
    """
    rows = source(name, file, cut)
    chosen = columns.among(rows.head.names)
    for block in rows.blocks(columns):
        bad.add(*(_of_fault(block, fault, rows.head.names) for fault in block.found.faults))
        table, starts = _cells(rows, block, chosen, bad)
        for batch in table.combine_chunks().to_batches():
            wrong = _misfits(batch, columns)
            good = _converted(_without(batch, wrong), columns)
            unusable = _unusable(good, columns)
            wrong |= unusable_in_all(unusable, wrong, batch.num_rows)
            bad.add(*(_of_value(block, batch, index, int(starts[index]), *wrong[index]) for index in sorted(wrong)))
            good = _without(good, unusable)
            if good.num_rows:
                yield good


def _cells(rows: Source, block: Block, chosen: list[str], bad: BadRows) -> tuple[pa.Table, Places]:
    """Some columns, as bytes, of the records that are as wide as the header, and where these begin."""
    data, starts, wrong = block.good(), block.starts, list[BadRow]()
    if not is_utf8(data):
        # Arrow cannot hand over a row that is not.
        data, starts = _of_width(block, wrong)
    narrower = len(wrong)

    def skip(row: Any) -> str:
        at = int(starts[row.number - 1])
        wrong.append(_of_number(block, at, row.actual_columns, row.expected_columns))
        skipped.append(row.number - 1)
        return "skip"

    skipped: list[int] = []
    table = parse(data, rows.head.names, dict.fromkeys(chosen, pa.binary()), skip)
    check_count(rows, block, table.num_rows + len(skipped) + narrower)
    bad.add(*wrong)
    return table, np.delete(starts, skipped)


def _of_width(block: Block, wrong: list[BadRow]) -> tuple[bytes, Places]:
    """The records that are as wide as the header, found one by one, and where they begin."""
    parts, starts = [], []
    for start in block.starts.tolist():
        record = block.record(start)
        cells = len(split(record))
        if cells == block.shape.width:
            parts.append(record)
            starts.append(start)
        else:
            wrong.append(_of_number(block, start, cells, block.shape.width))
    return b"".join(parts), np.array(starts, np.int64)


def _without(batch: pa.RecordBatch, wrong: Collection[int]) -> pa.RecordBatch:
    keep = np.ones(batch.num_rows, dtype=bool)
    keep[list(wrong)] = False
    return batch.filter(pa.array(keep)) if wrong else batch


def _converted(batch: pa.RecordBatch, columns: Columns) -> pa.RecordBatch:
    named = zip(batch.schema.names, batch.columns, strict=True)
    return pa.RecordBatch.from_arrays([_typed(values, columns[name].type) for name, values in named],
                                      names=batch.schema.names)  # fmt: skip


def _typed(values: pa.BinaryArray, kind: str) -> pa.Array:
    """As Arrow reads cells of CSV: around a number there may be blanks."""
    text = values.cast(pa.string())
    if kind == "INT" and pc.any(is_hexadecimal(text)).as_py():
        raise pa.ArrowInvalid("not decimal")
    return text if kind == "BYTES" else pc.utf8_trim(text, characters=" \t").cast(ARROW_TYPES[kind])


def _misfits(batch: pa.RecordBatch, columns: Columns) -> Wrong:
    """The rows with a value that cannot be converted: in the first such column, and why."""
    found: Wrong = {}
    for name, values in zip(batch.schema.names, batch.columns, strict=True):
        for index in _failing(values, columns[name].type):
            reason: Reason = "not UTF-8" if _failing(values.slice(index, 1), "BYTES") else "wrong type"
            found.setdefault(index, (name, reason))
    return found


def _unusable(batch: pa.RecordBatch, columns: Columns) -> Wrong:
    """The rows with a number that can be converted, but not used."""
    found: Wrong = {}
    for misfit in numbers.misfits(batch, columns):
        found.setdefault(misfit.row, (misfit.column, misfit.reason))
    return found


def unusable_in_all(unusable: Wrong, wrong: Collection[int], rows: int) -> Wrong:
    """Rows that are counted without the wrong ones, counted among all.

    >>> unusable_in_all({1: ("x", "number not usable")}, wrong=[0, 2], rows=4)
    {3: ('x', 'number not usable')}
    """
    if not unusable:
        return {}
    kept = np.delete(np.arange(rows), list(wrong))
    return {int(kept[row]): reason for row, reason in unusable.items()}


def _failing(values: pa.BinaryArray, kind: str) -> list[int]:
    """The places that cannot be converted, found by halves, since Arrow fails as a whole."""
    failing, parts = [], [(0, len(values))]
    while parts:
        start, count = parts.pop()
        try:
            _typed(values.slice(start, count), kind)
        except pa.ArrowInvalid:
            half = count // 2
            if count == 1:
                failing.append(start)
            else:
                parts += [(start, half), (start + half, count - half)]
    return failing


def _of_fault(block: Block, fault: Fault, names: Sequence[str]) -> BadRow:
    row = shown(block.data[fault.start : fault.end])
    column = names[min(block.column(fault), len(names) - 1)]
    value = shown(block.data[fault.opened : fault.end])
    return BadRow(block.line(fault.opened), QUOTES[fault.problem], column, value, row)


def _of_number(block: Block, start: int, cells: int, expected: int) -> BadRow:
    problem = f"{cells}, expected {expected}"
    return BadRow(block.line(start), "wrong number of columns", "", problem, shown(block.record(start)))


def _of_value(block: Block, batch: pa.RecordBatch, index: int, start: int, column: str, reason: Reason) -> BadRow:
    value = batch.column(column)[index].as_py() or b""
    return BadRow(block.line(start), reason, column, shown(value), shown(block.record(start)))


def shown(content: bytes) -> str:
    """Bytes as text."""
    return content.decode("utf-8", "backslashreplace").rstrip("\r\n")
