"""The kinds of files that can be read, by the ends of their names: how each is checked, divided and read."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import pyarrow as pa
from apache_beam.io.filesystems import FileSystems

from components.arrow_example_gen import (
    bad_rows,
    byte_ranges,
    csv_ranges,
    csv_rows,
    json_rows,
    parquet_rows,
    tfrecord_rows,
)
from components.arrow_example_gen.bad_rows import BadRow, BadRows
from components.arrow_example_gen.columns import Columns
from components.arrow_example_gen.json_faults import Fault
from data.row_files import kind
from pipeline.errors import DataError

Piece = tuple[int, ...]


@dataclass(frozen=True)
class Format:
    """``check`` and ``read`` raise DataError; ``pieces`` are the units of work in a file."""

    check: Callable[[str, BinaryIO, Columns], None]
    pieces: Callable[[BinaryIO], list[Piece]]
    read: Callable[[str, BinaryIO, Columns, Piece], Iterator[pa.RecordBatch]]


def whole(file: BinaryIO) -> list[Piece]:
    """One unit of work: a TFRecord file does not say where its records begin."""
    return [()]


def read_csv(name: str, file: BinaryIO, columns: Columns, piece: Piece) -> Iterator[pa.RecordBatch]:
    """A range of a CSV file, block by block."""
    try:
        names = columns.among(csv_rows.header(file))
        yield from csv_rows.read_batches(csv_ranges.in_range(file, piece), names, columns)
    except pa.ArrowInvalid as error:
        raise explain_csv(name, error, columns, piece) from error


def explain_csv(name: str, error: pa.ArrowInvalid, columns: Columns, piece: Piece) -> DataError:
    """Arrow's message about a range, in the words of the file, which is read once more."""
    with FileSystems.open(name) as file:
        before = csv_ranges.lines_before(file, piece)
        file.seek(0)
        return csv_rows.explain(name, error, csv_ranges.in_range(file, piece), columns, before)


def is_first(piece: Piece) -> bool:
    """Whether a part of a file is its beginning."""
    return not piece or piece[0] == 0


def read_json(name: str, file: BinaryIO, columns: Columns, piece: Piece) -> Iterator[pa.RecordBatch]:
    """A part of a file of JSON Lines block by block."""
    lines = byte_ranges.section(file, piece) if piece else file
    return json_rows.read_batches(name, lines, columns, lambda: json_rows.lines_before(file, piece), is_first(piece))


def read_good_csv(name: str, file: BinaryIO, columns: Columns, piece: Piece, bad: BadRows) -> Iterator[pa.RecordBatch]:
    """The rows of a range of a CSV file that are not put aside."""
    try:
        names = csv_rows.header(file)
        yield from bad_rows.read_good(csv_ranges.in_range(file, piece), names, columns, bad)
    except pa.ArrowInvalid as error:
        raise explain_csv(name, error, columns, piece) from error


def read_good_json(name: str, file: BinaryIO, columns: Columns, piece: Piece, bad: BadRows) -> Iterator[pa.RecordBatch]:
    """The rows of a part of a file of JSON Lines that are not put aside; a record is a line of the part."""

    def put_aside(line: int, row: bytes, fault: Fault) -> None:
        text = row.decode("utf-8", "backslashreplace").rstrip("\r\n")
        bad.misfits.append(BadRow(line, fault.reason, fault.column, fault.received, text))
        bad.check_number()

    lines = byte_ranges.section(file, piece) if piece else file
    return json_rows.read_good(lines, columns, put_aside, is_first(piece))


def read_tfrecord(name: str, file: BinaryIO, columns: Columns, piece: Piece) -> Iterator[pa.RecordBatch]:
    """A TFRecord file batch by batch; TensorFlow opens it itself."""
    return tfrecord_rows.read_batches(name, columns)


FORMATS = {
    ".csv": Format(csv_rows.check_header, csv_ranges.ranges, read_csv),
    ".jsonl": Format(json_rows.check_first, json_rows.ranges, read_json),
    ".parquet": Format(parquet_rows.check_types, parquet_rows.row_groups, parquet_rows.read_batches),
    ".tfrecord": Format(tfrecord_rows.check_first, whole, read_tfrecord),
}


QUARANTINES = {".csv": read_good_csv, ".jsonl": read_good_json}


def check(name: str, columns: Columns) -> None:
    """Compares the columns of a file with the schema."""
    with FileSystems.open(name) as file:
        FORMATS[kind(name)].check(name, file, columns)


def pieces(name: str) -> list[Piece]:
    """The units of work in a file."""
    with FileSystems.open(name) as file:
        return FORMATS[kind(name)].pieces(file)


def read_good(name: str, columns: Columns, piece: Piece, bad: BadRows) -> Iterator[pa.RecordBatch]:
    """The rows of a range of a CSV file, or of one of JSON Lines, without those that it puts into ``bad``."""
    with FileSystems.open(name) as file:
        yield from QUARANTINES[kind(name)](name, file, columns, piece, bad)


def read(name: str, columns: Columns, piece: Piece) -> Iterator[pa.RecordBatch]:
    """The rows of a unit of work."""
    with FileSystems.open(name) as file:
        yield from FORMATS[kind(name)].read(name, file, columns, piece)
