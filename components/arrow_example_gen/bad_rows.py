"""CSV rows that cannot be used, put aside with the reason while the others are read."""

import csv
import io
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from components.arrow_example_gen import csv_rows, numbers
from components.arrow_example_gen.columns import ARROW_TYPES, Columns
from pipeline.errors import DataError

Reason = Literal["wrong type", "not UTF-8", "wrong number of columns", "not JSON", "wrong columns", "number not usable"]
# Rows of a batch, each with the first column that is wrong, and why.
Wrong = dict[int, tuple[str, Reason]]
# They are kept in memory until the file is read.
MOST = 100_000


@dataclass(frozen=True)
class BadRow:
    """A row, the first thing that is wrong with it, and which record of the file it is; the header is record 1."""

    record: int
    reason: Reason
    column: str
    value: str
    row: str


class BadRows:
    """What was put aside of a file, in the order of its records."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.misread: list[BadRow] = []
        self.misfits: list[BadRow] = []

    def skip(self, row: Any) -> str:
        """Arrow's handler of a row of another length."""
        problem = f"{row.actual_columns}, expected {row.expected_columns}"
        self.misread.append(BadRow(row.number, "wrong number of columns", "", problem, row.text))
        return "skip"

    def check_number(self) -> None:
        """Stops a file that is not worth reading on.

        Raises:
            DataError: there are more than ``MOST``.
        """
        if len(self.misread) + len(self.misfits) > MOST:
            raise DataError(self.name, f"more than {MOST:,} bad rows", next_step="Correct the file.")

    def all(self) -> list[BadRow]:
        """Every one; Arrow's count of records goes on over those that it skipped."""
        return sorted([*self.misread, *self.misfits], key=lambda row: row.record)


def read_good(file: BinaryIO, names: list[str], columns: Columns, bad: BadRows) -> Iterator[pa.RecordBatch]:
    """Reads a file block by block as ``csv_rows.read_batches`` does, without the rows that it puts into ``bad``.

    ``names`` are all columns of the file, so that a bad row is put aside whole.

    Raises:
        pa.ArrowInvalid: the file cannot be divided into rows.
        DataError: there are too many bad rows.
    """
    cells, chosen = dict.fromkeys(names, pa.binary()), columns.among(names)
    reader = csv_rows.open_reader(file, cells, arrow_csv.ParseOptions(newlines_in_values=True,
                                                                      invalid_row_handler=bad.skip))  # fmt: skip
    before = 0
    for batch in reader:
        wrong = _misfits(_only(batch, chosen), columns)
        good = _converted(_only(_without(batch, wrong), chosen), columns)
        unusable = _unusable(good, columns)
        wrong |= unusable_in_all(unusable, wrong, batch.num_rows)
        bad.misfits += [_bad_row(batch, index, before, *wrong[index]) for index in sorted(wrong)]
        bad.check_number()
        before += batch.num_rows
        good = _without(good, unusable)
        if good.num_rows:
            yield good
    bad.misfits = renumbered(bad.misfits, [row.record for row in bad.misread])


def renumbered(rows: Sequence[BadRow], skipped: Sequence[int]) -> list[BadRow]:
    """The rows that were counted without the skipped records, counted with them."""
    waiting, passed, found = sorted(skipped), 0, []
    for row in rows:
        while passed < len(waiting) and waiting[passed] <= row.record + passed:
            passed += 1
        found.append(BadRow(row.record + passed, row.reason, row.column, row.value, row.row))
    return found


def lines_of(file: BinaryIO, records: Sequence[int]) -> list[int]:
    """The lines on which some records begin, in rising order; the header is record 1, empty lines are none.

    >>> lines_of(io.BytesIO(b'a,b\\n1,"x\\ny"\\n\\n2,z\\n'), [2, 3])
    [2, 5]
    """
    reader = csv.reader(io.TextIOWrapper(file, encoding="utf-8-sig", errors="replace", newline=""))
    wanted, lines, seen, line = set(records), [], 0, 1
    for row in reader:
        seen += bool(row)
        if row and seen in wanted:
            lines.append(line)
        line = reader.line_num + 1
    return lines


def _only(batch: pa.RecordBatch, names: list[str]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([batch.column(name) for name in names], names)


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
        found.setdefault(misfit.row, (misfit.column, "number not usable"))
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


def _bad_row(batch: pa.RecordBatch, index: int, before: int, column: str, reason: Reason) -> BadRow:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(_shown(values[index]) for values in batch.columns)
    return BadRow(before + index + 2, reason, column, _shown(batch.column(column)[index]), line.getvalue())


def _shown(cell: pa.Scalar) -> str:
    return bytes(cell.as_py() or b"").decode("utf-8", errors="backslashreplace")
