"""The kinds of files that can be read, by the ends of their names: how each is checked, divided and read."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import pyarrow as pa
from apache_beam.io.filesystems import FileSystems

from components.arrow_example_gen.checks import numbers
from components.arrow_example_gen.checks.columns import Columns
from components.arrow_example_gen.csv import blocks as csv_blocks
from components.arrow_example_gen.csv import good_rows as csv_good_rows
from components.arrow_example_gen.csv import ranges as csv_ranges
from components.arrow_example_gen.csv import reader as csv_reader
from components.arrow_example_gen.formats import byte_ranges, parquet, tfrecord
from components.arrow_example_gen.json_lines import reader as json_reader
from components.arrow_example_gen.json_lines.line_errors import Fault
from components.arrow_example_gen.quarantine.bad_rows import BadRow, BadRows
from components.compat.pyarrow import parquet as parquet_files
from components.support.row_files import kind
from pipeline.errors import DataError

Piece = tuple[int, ...]


@dataclass(frozen=True)
class Format:
    """``check`` and ``read`` raise DataError; ``pieces`` are the units of work in a file.

    ``place`` says where in the file a row of a piece is, by its number from 0.
    """

    check: Callable[[str, BinaryIO, Columns], None]
    pieces: Callable[[BinaryIO], list[Piece]]
    read: Callable[[str, BinaryIO, Columns, Piece], Iterator[pa.RecordBatch]]
    place: Callable[[BinaryIO, Columns, Piece, int], str]


def whole(file: BinaryIO) -> list[Piece]:
    """One unit of work: a TFRecord file does not say where its records begin."""
    return [()]


def is_first(piece: Piece) -> bool:
    """Whether a part of a file is its beginning."""
    return not piece or piece[0] == 0


def read_json(name: str, file: BinaryIO, columns: Columns, piece: Piece) -> Iterator[pa.RecordBatch]:
    """A part of a file of JSON Lines block by block."""
    lines = byte_ranges.section(file, piece) if piece else file
    return json_reader.read_batches(
        name, lines, columns, lambda: json_reader.lines_before(file, piece), is_first(piece)
    )


def read_good_json(name: str, file: BinaryIO, columns: Columns, piece: Piece, bad: BadRows) -> Iterator[pa.RecordBatch]:
    """The rows of a part of a file of JSON Lines that are not put aside; a record is a line of the part."""

    def put_aside(line: int, row: bytes, fault: Fault) -> None:
        text = row.decode("utf-8", "backslashreplace").rstrip("\r\n")
        bad.add(BadRow(line, fault.reason, fault.column, fault.received, text))

    lines = byte_ranges.section(file, piece) if piece else file
    return json_reader.read_good(lines, columns, put_aside, is_first(piece))


def read_tfrecord(name: str, file: BinaryIO, columns: Columns, piece: Piece) -> Iterator[pa.RecordBatch]:
    """A TFRecord file batch by batch; TensorFlow opens it itself."""
    return tfrecord.read_batches(name, columns)


def place_json(file: BinaryIO, columns: Columns, piece: Piece, row: int) -> str:
    """The line of a row of a part of a file of JSON Lines; lines without anything are no rows."""
    before = json_reader.lines_before(file, piece)
    file.seek(0)
    lines = byte_ranges.section(file, piece) if piece else file
    filled = (number for number, line in enumerate(lines, start=1) if line.strip())
    return f"line {next(itertools.islice(filled, row, None)) + before}"


def place_parquet(file: BinaryIO, columns: Columns, piece: Piece, row: int) -> str:
    """The number of a row of some row groups in the whole file, and its row group."""
    facts = parquet_files.ParquetFile(file).metadata
    before = 0
    for group in piece:
        rows = facts.row_group(group).num_rows
        if row < before + rows:
            break
        before += rows
    above = sum(facts.row_group(number).num_rows for number in range(group))
    return f"row {above + row - before + 1} (row group {group})"


def place_record(file: BinaryIO, columns: Columns, piece: Piece, row: int) -> str:
    """The number of a record."""
    return f"record {row + 1}"


FORMATS = {
    ".csv": Format(csv_reader.check_header, csv_ranges.ranges, csv_reader.read_batches, csv_blocks.place),
    ".jsonl": Format(json_reader.check_first, json_reader.ranges, read_json, place_json),
    ".parquet": Format(parquet.check_types, parquet.row_groups, parquet.read_batches, place_parquet),
    ".tfrecord": Format(tfrecord.check_first, whole, read_tfrecord, place_record),
}


QUARANTINES = {".csv": csv_good_rows.read_good, ".jsonl": read_good_json}


# How files of other kinds begin, which can be no text.
OTHERS = {b"\x1f\x8b": "gzip", b"PK\x03\x04": "ZIP, as Excel writes it", b"PAR1\x15": "Parquet", b"BZh91AY": "bzip2"}


def check(name: str, columns: Columns) -> None:
    """Compares the columns of a file with the schema.

    Raises:
        DataError: they differ, or the file is of another kind than its name says.
    """
    with FileSystems.open(name) as file:
        if kind(name) in QUARANTINES:
            check_is_text(name, file)
        FORMATS[kind(name)].check(name, file, columns)


def check_is_text(name: str, file: BinaryIO) -> None:
    """Looks at the beginning of a file.

    Raises:
        DataError: it is of a kind that is no text.
    """
    beginning = file.read(max(map(len, OTHERS)))
    file.seek(0)
    found = next((other for start, other in OTHERS.items() if beginning.startswith(start)), None)
    if found is not None:
        raise DataError(name, "the file is not what its name says", expected="text", received=found,
                        next_step="Unpack it, or give it the name of its kind.")  # fmt: skip


def pieces(name: str) -> list[Piece]:
    """The units of work in a file."""
    with FileSystems.open(name) as file:
        return FORMATS[kind(name)].pieces(file)


def read_good(name: str, columns: Columns, piece: Piece, bad: BadRows) -> Iterator[pa.RecordBatch]:
    """The rows of a range of a CSV file, or of one of JSON Lines, without those that it puts into ``bad``."""
    with FileSystems.open(name) as file:
        yield from QUARANTINES[kind(name)](name, file, columns, piece, bad)


def read(name: str, columns: Columns, piece: Piece) -> Iterator[pa.RecordBatch]:
    """The rows of a unit of work.

    Raises:
        DataError: a row cannot be read, or has a number that is not usable.
    """
    with FileSystems.open(name) as file:
        rows = FORMATS[kind(name)].read(name, file, columns, piece)
        yield from numbers.checked(rows, columns, lambda row: place(name, columns, piece, row))


def place(name: str, columns: Columns, piece: Piece, row: int) -> str:
    """A file, and where in it a row of a unit of work is."""
    with FileSystems.open(name) as file:
        return f"{name}, {FORMATS[kind(name)].place(file, columns, piece, row)}"
