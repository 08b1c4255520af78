"""The file formats that can be read, by suffix: how each is checked, cut into pieces and read."""

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
from components.arrow_example_gen.formats import parquet, tfrecord
from components.arrow_example_gen.json_lines import pieces as json_pieces
from components.arrow_example_gen.json_lines import reader as json_reader
from components.arrow_example_gen.quarantine.bad_rows import BadRows
from components.support.row_files import kind
from pipeline.errors import DataError

# A byte range, row groups, or () for a whole file.
Piece = tuple[int, ...]


@dataclass(frozen=True)
class FileFormat:
    """The functions of a format; ``check`` and ``read`` raise DataError.

    ``pieces`` gives the units of work in a file. ``locate`` names a row of a piece, by its number from 0.
    """

    check: Callable[[str, BinaryIO, Columns], None]
    pieces: Callable[[BinaryIO], list[Piece]]
    read: Callable[[str, BinaryIO, Columns, Piece], Iterator[pa.RecordBatch]]
    locate: Callable[[BinaryIO, Columns, Piece, int], str]


FORMATS = {
    ".csv": FileFormat(csv_reader.check_header, csv_ranges.ranges, csv_reader.read_batches, csv_blocks.locate),
    ".jsonl": FileFormat(json_reader.check_start, json_pieces.ranges, json_pieces.read, json_pieces.locate),
    ".parquet": FileFormat(parquet.check_types, parquet.row_groups, parquet.read_batches, parquet.locate),
    ".tfrecord": FileFormat(tfrecord.check_not_empty, tfrecord.pieces, tfrecord.read_piece, tfrecord.locate),
}

# The formats of text, in which single rows can be set aside, with their readers that do so.
QUARANTINES = {".csv": csv_good_rows.read_good, ".jsonl": json_pieces.read_good}

# The first bytes of files that are not text.
SIGNATURES = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "ZIP, as Excel writes it",
    b"PAR1\x15": "Parquet",
    b"BZh91AY": "bzip2",
}


def check(name: str, columns: Columns) -> None:
    """Compare the columns of a file with the schema.

    Raises:
        DataError: they differ, or the file is in another format than its name says.
    """
    with FileSystems.open(name) as file:
        if kind(name) in QUARANTINES:
            check_is_text(name, file)
        FORMATS[kind(name)].check(name, file, columns)


def check_is_text(name: str, file: BinaryIO) -> None:
    """Check that a file does not begin as one of a binary format.

    Raises:
        DataError: it does.
    """
    start = file.read(max(map(len, SIGNATURES)))
    file.seek(0)
    found = next((other for signature, other in SIGNATURES.items() if start.startswith(signature)), None)
    if found is not None:
        raise DataError(name, "the file is not what its name says", expected="text", received=found,
                        next_step="Unpack it, or give it the suffix of its format.")  # fmt: skip


def pieces(name: str) -> list[Piece]:
    """Return the units of work in a file."""
    with FileSystems.open(name) as file:
        return FORMATS[kind(name)].pieces(file)


def read_good(name: str, columns: Columns, piece: Piece, bad: BadRows) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a piece of a text file, without the bad ones, which go into ``bad``."""
    with FileSystems.open(name) as file:
        yield from QUARANTINES[kind(name)](name, file, columns, piece, bad)


def read(name: str, columns: Columns, piece: Piece) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a piece.

    Raises:
        DataError: a row cannot be read, or has a number or label that cannot be used.
    """
    with FileSystems.open(name) as file:
        rows = FORMATS[kind(name)].read(name, file, columns, piece)
        yield from numbers.checked(rows, columns, lambda row: locate(name, columns, piece, row))


def locate(name: str, columns: Columns, piece: Piece, row: int) -> str:
    """Return the file and the position in it of a row of a piece, by its number from 0."""
    with FileSystems.open(name) as file:
        return f"{name}, {FORMATS[kind(name)].locate(file, columns, piece, row)}"
