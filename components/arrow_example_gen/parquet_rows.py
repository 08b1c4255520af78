"""Parquet files as Arrow record batches, typed by the schema; what is wrong with a file, by row group and column."""

from collections.abc import Callable, Iterator
from typing import BinaryIO

import pyarrow as pa
from pyarrow import parquet

from components.arrow_example_gen.columns import ARROW_TYPES, Columns, check_names
from pipeline.errors import DataError

ROWS_PER_BATCH = 1 << 15
PIECE_BYTES = 128 << 20


def check_types(name: str, file: BinaryIO, columns: Columns) -> None:
    """Compares the columns of a file, and their types, with the schema.

    Raises:
        DataError: the file is not Parquet, or its columns are not those of the schema.
    """
    try:
        found = parquet.ParquetFile(file).schema_arrow
    except (pa.ArrowInvalid, OSError) as error:
        raise unreadable(name, error) from error
    check_names(name, found.names, columns)
    for field in map(found.field, columns.among(found.names)):
        kind = columns[field.name].type
        if not ACCEPTED[kind](field.type):
            raise DataError(
                f"{name}, column {field.name}", "the column has the wrong type", expected=kind,
                received=str(field.type), next_step="Convert the column, or correct the type in schemas/.",
            )  # fmt: skip


def row_groups(file: BinaryIO) -> list[tuple[int, ...]]:
    """The units of work in a file: neighbouring row groups, together up to ``PIECE_BYTES`` before compression."""
    facts = parquet.ParquetFile(file).metadata
    pieces: list[list[int]] = []
    room = 0
    for group in range(facts.num_row_groups):
        size = facts.row_group(group).total_byte_size
        if not pieces or size > room:
            pieces.append([])
            room = PIECE_BYTES
        pieces[-1].append(group)
        room -= size
    return [tuple(piece) for piece in pieces]


def read_batches(name: str, file: BinaryIO, columns: Columns, groups: tuple[int, ...]) -> Iterator[pa.RecordBatch]:
    """Reads some row groups of a file, a part of one at a time.

    Raises:
        DataError: a row group cannot be read, or a value does not fit its type; it names both, and the column.
    """
    rows = parquet.ParquetFile(file)
    names = columns.among(rows.schema_arrow.names)
    for group in groups:
        batches = rows.iter_batches(batch_size=ROWS_PER_BATCH, row_groups=[group], columns=names)
        while (batch := _next(name, rows, batches, group, names)) is not None:
            if batch.num_rows:
                yield _typed(f"{name}, row group {group}", batch, columns)


def _next(
    name: str, rows: parquet.ParquetFile, batches: Iterator[pa.RecordBatch], group: int, names: list[str]
) -> pa.RecordBatch | None:
    try:
        return next(batches, None)
    except (pa.ArrowInvalid, OSError) as error:
        raise unreadable(f"{name}, row group {group}{_bad_column(rows, group, names)}", error) from error


def _bad_column(rows: parquet.ParquetFile, group: int, names: list[str]) -> str:
    """The first column of a row group that cannot be read alone."""
    for column in names:
        try:
            rows.read_row_group(group, columns=[column])
        except (pa.ArrowInvalid, OSError):
            return f", column {column}"
    return ""


def _typed(where: str, batch: pa.RecordBatch, columns: Columns) -> pa.RecordBatch:
    arrays = []
    for column, values in zip(batch.schema.names, batch.columns, strict=True):
        kind = columns[column].type
        try:
            arrays.append(values.cast(_target(kind, values.type), safe=kind == "INT"))
        except pa.ArrowInvalid as error:
            raise DataError(
                f"{where}, column {column}", "a value does not fit the type", expected=kind, received=str(error),
                next_step="Correct the value, or the type in schemas/.",
            ) from error  # fmt: skip
    return pa.RecordBatch.from_arrays(arrays, names=batch.schema.names)


def _target(kind: str, found: pa.DataType) -> pa.DataType:
    """The type of the schema; bytes stay bytes, since they need not be UTF-8."""
    return pa.binary() if pa.types.is_binary(found) or pa.types.is_large_binary(found) else ARROW_TYPES[kind]


def _is_text(found: pa.DataType) -> bool:
    if pa.types.is_dictionary(found):
        return _is_text(found.value_type)
    kinds = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    return any(is_kind(found) for is_kind in kinds) or pa.types.is_null(found)


# A column without any value may have no type.
ACCEPTED: dict[str, Callable[[pa.DataType], bool]] = {
    "INT": lambda found: pa.types.is_integer(found) or pa.types.is_null(found),
    "FLOAT": lambda found: pa.types.is_floating(found) or pa.types.is_integer(found) or pa.types.is_null(found),
    "BYTES": _is_text,
}


def unreadable(where: str, error: Exception) -> DataError:
    """What is no Parquet, or is damaged."""
    return DataError(where, "it cannot be read as Parquet", received=str(error)[:200], next_step="Write it again.")
