"""Parquet files as Arrow record batches, typed by the schema; errors name row group, row and column."""

from collections.abc import Callable, Iterator
from typing import BinaryIO

import pyarrow as pa

from components.arrow_example_gen.checks.columns import ARROW_TYPES, Columns, check_names
from components.arrow_example_gen.checks.text_encoding import first_failing, first_not_utf8, not_utf8
from components.compat.pyarrow import parquet
from components.support.text import shorten
from pipeline.errors import DataError, MachineError, MainlineError, is_machines

ROWS_PER_BATCH = 1 << 15
PIECE_BYTES = 128 << 20
# UnicodeDecodeError: a column name in another encoding.
UNREADABLE = (pa.ArrowException, OSError, UnicodeDecodeError)


def check_types(name: str, file: BinaryIO, columns: Columns) -> None:
    """Compare the columns of a file, and their types, with the schema.

    Raises:
        DataError: the file is not Parquet, or its columns are not those of the schema.
    """
    try:
        found = parquet.ParquetFile(file).schema_arrow
    except UNREADABLE as error:
        raise unreadable(name, error) from error
    except RuntimeError as error:
        raise DataError(
            name, "a column has a pickled Python type, which could run any code when it is loaded",
            expected="types of Arrow and Parquet", next_step="Write the file without such a type.",
        ) from error  # fmt: skip
    check_names(name, found.names, columns)
    for field in map(found.field, columns.among(found.names)):
        kind = columns[field.name].type
        if not ACCEPTED[kind](field.type):
            raise DataError(
                f"{name}, column {field.name}", "the column has the wrong type", expected=kind,
                received=str(field.type), next_step="Convert the column, or correct the type in schemas/.",
            )  # fmt: skip


def row_groups(file: BinaryIO) -> list[tuple[int, ...]]:
    """Return the units of work in a file: runs of row groups of up to ``PIECE_BYTES`` before compression."""
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
    """Yield the rows of some row groups of a file, ``ROWS_PER_BATCH`` at a time.

    Raises:
        DataError: a row group cannot be read, or a value does not fit its type.
    """
    rows = parquet.ParquetFile(file)
    names = columns.among(rows.schema_arrow.names)
    for group in groups:
        before = sum(rows.metadata.row_group(earlier).num_rows for earlier in range(group))
        batches = rows.iter_batches(batch_size=ROWS_PER_BATCH, row_groups=[group], columns=names)
        while (batch := _next(name, rows, batches, group, names)) is not None:
            if batch.num_rows:
                yield _typed(f"{name}, row group {group}", before, batch, columns)
            before += batch.num_rows


def locate(file: BinaryIO, columns: Columns, groups: tuple[int, ...], row: int) -> str:
    """Return the row of the file and its row group, for a row of some row groups by its number from 0."""
    metadata = parquet.ParquetFile(file).metadata
    for group in groups:
        rows = metadata.row_group(group).num_rows
        if row < rows:
            break
        row -= rows
    before = sum(metadata.row_group(earlier).num_rows for earlier in range(group))
    return f"row {before + row + 1} (row group {group})"


def _next(
    name: str, rows: parquet.ParquetFile, batches: Iterator[pa.RecordBatch], group: int, names: list[str]
) -> pa.RecordBatch | None:
    try:
        return next(batches, None)
    except UNREADABLE as error:
        raise unreadable(f"{name}, row group {group}{_bad_column(rows, group, names)}", error) from error


def _bad_column(rows: parquet.ParquetFile, group: int, names: list[str]) -> str:
    """Name the first column of a row group that cannot be read by itself."""
    for column in names:
        try:
            rows.read_row_group(group, columns=[column])
        except UNREADABLE:
            return f", column {column}"
    return ""


def _typed(where: str, before: int, batch: pa.RecordBatch, columns: Columns) -> pa.RecordBatch:
    arrays = []
    for column, values in zip(batch.schema.names, batch.columns, strict=True):
        kind = columns[column].type
        index = first_not_utf8(values) if kind == "BYTES" else None
        if index is not None:
            received = shorten(values.slice(index, 1).cast(pa.binary())[0].as_py())
            raise not_utf8(f"{where}, row {before + index + 1}, column {column}", received)
        arrays.append(_cast(where, before, column, values, kind))
    return pa.RecordBatch.from_arrays(arrays, names=batch.schema.names)


def _cast(where: str, before: int, column: str, values: pa.Array, kind: str) -> pa.Array:
    def cast(some: pa.Array) -> pa.Array:
        return some.cast(ARROW_TYPES[kind], safe=kind == "INT")

    def fits(some: pa.Array) -> bool:
        try:
            cast(some)
        except pa.ArrowInvalid:
            return False
        return True

    try:
        return cast(values.dictionary_decode() if pa.types.is_dictionary(values.type) else values)
    except pa.ArrowInvalid as error:
        index = first_failing(values, fits)
        raise DataError(
            f"{where}, row {before + index + 1}, column {column}", "a value does not fit the type", expected=kind,
            received=str(values[index].as_py())[:200], next_step="Correct the value, or the type in schemas/.",
        ) from error  # fmt: skip


def _is_text(found: pa.DataType) -> bool:
    if pa.types.is_dictionary(found):
        return _is_text(found.value_type)
    kinds = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    return any(is_kind(found) for is_kind in kinds) or pa.types.is_null(found)


# A column of nulls alone may have no type.
ACCEPTED: dict[str, Callable[[pa.DataType], bool]] = {
    "INT": lambda found: pa.types.is_integer(found) or pa.types.is_null(found),
    "FLOAT": lambda found: pa.types.is_floating(found) or pa.types.is_integer(found) or pa.types.is_null(found),
    "BYTES": _is_text,
}


def unreadable(where: str, error: Exception) -> MainlineError:
    """Return the error for a file that is damaged or not Parquet, or that the machine refuses to read."""
    if isinstance(error, OSError) and is_machines(error):
        return MachineError(where, "it cannot be read", received=str(error)[:200])
    return DataError(where, "it cannot be read as Parquet", received=str(error)[:200], next_step="Write it again.")
