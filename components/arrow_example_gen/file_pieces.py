"""The units of work of ExampleGen: pieces of files, read as batches of rows with the split that each belongs to."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from components.arrow_example_gen import file_formats
from components.arrow_example_gen.checks.columns import ARROW_TYPES, Columns
from components.arrow_example_gen.file_formats import QUARANTINES, Piece
from components.arrow_example_gen.quarantine.bad_rows import BadRows
from components.arrow_example_gen.settings import Settings
from components.arrow_example_gen.splitting.assignment import rows_by_split
from components.arrow_example_gen.splitting.shuffling import shuffled
from components.support.row_files import kind


@dataclass(frozen=True)
class FilePiece:
    """A piece of a file of a split; ``label`` numbers it in the names of the files that are written."""

    split: str
    name: str
    piece: Piece
    label: str


def file_pieces(split: str, names: Sequence[str]) -> list[FilePiece]:
    return [
        FilePiece(split, name, piece, f"{index:05d}-{number:05d}" if piece else f"{index:05d}")
        for index, name in enumerate(names)
        for number, piece in enumerate(file_formats.pieces(name))
    ]


def uses_quarantine(work: FilePiece, settings: Settings) -> bool:
    """Return whether bad rows are set aside; only text has them, since in Parquet a whole column has one type."""
    return settings.on_bad_row == "quarantine" and kind(work.name) in QUARANTINES


def read_by_split(work: FilePiece, settings: Settings, bad: BadRows) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Yield the rows of a piece with their split; with quarantine, bad rows go into ``bad``.

    Raises:
        DataError: a row cannot be read or has no split.
    """
    batches = _read(work, settings, bad)
    if settings.shuffle_rows:
        batches = shuffled(batches, settings.shuffle_rows, settings.seed, f"{work.split}-{work.label}")
    if settings.splitting is None:
        yield from ((work.split, batch) for batch in batches)
        return
    rows_before = 0
    for batch in batches:
        yield from rows_by_split(lambda row: _locate(work, settings, row), batch, settings.splitting, rows_before)
        rows_before += batch.num_rows


def _locate(work: FilePiece, settings: Settings, row: int) -> str:
    """Name a row; once bad rows are left out, its number in the piece is no longer known."""
    if uses_quarantine(work, settings):
        return work.name
    return file_formats.locate(work.name, settings.columns, work.piece, row)


def _read(work: FilePiece, settings: Settings, bad: BadRows) -> Iterator[pa.RecordBatch]:
    if uses_quarantine(work, settings):
        batches = file_formats.read_good(work.name, settings.columns, work.piece, bad)
    else:
        batches = file_formats.read(work.name, settings.columns, work.piece)
    return (_with_all_columns(batch, settings.columns) for batch in batches)


def _with_all_columns(batch: pa.RecordBatch, columns: Columns) -> pa.RecordBatch:
    """Add a column of nulls for each column that the file does not have."""
    missing = [name for name in columns if name not in batch.schema.names]
    nulls = [pa.nulls(batch.num_rows, ARROW_TYPES[columns[name].type]) for name in missing]
    return pa.RecordBatch.from_arrays([*batch.columns, *nulls], [*batch.schema.names, *missing])
