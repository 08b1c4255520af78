"""CSV files as Arrow record batches, typed by the schema; what is wrong with a file, in its own line numbers."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from components.arrow_example_gen.checks.columns import ARROW_TYPES, Columns, check_names
from components.arrow_example_gen.checks.text_encoding import not_utf8
from components.arrow_example_gen.csv.blocks import Block, Source, source
from components.arrow_example_gen.csv.header import quote_error, read_head
from components.arrow_example_gen.formats.byte_ranges import Range
from pipeline.errors import DataError


def check_header(name: str, file: BinaryIO, columns: Columns) -> None:
    """Compares the header of a file with the schema.

    Raises:
        DataError: the file is empty, is not UTF-8, or its columns are not those of the schema.
    """
    head = read_head(name, file)
    check_names(f"{name}, line {head.line}", head.names, columns)


def read_batches(name: str, file: BinaryIO, columns: Columns, cut: Range = ()) -> Iterator[pa.RecordBatch]:
    """Reads the columns of the schema in a file, or a range of it, block by block; an empty cell is null.

    Raises:
        DataError: a value or a line cannot be read.
    """
    rows = source(name, file, cut)
    types = {name: ARROW_TYPES[columns[name].type] for name in columns.among(rows.head.names)}
    for block in rows.blocks(columns):
        fault = next(iter(block.found.faults), None)
        data = block.good(fault.start if fault else None)
        try:
            table = parse(data, rows.head.names, types)
        except pa.ArrowInvalid as error:
            raise _explain(rows, block, error, columns) from error
        _check_decimal(rows, block, data, [name for name in types if columns[name].type == "INT"])
        if fault:
            column = rows.head.names[min(block.column(fault), len(rows.head.names) - 1)]
            raise quote_error(f"{rows.line(block.line(fault.opened))}, column {column}", fault, block.data)
        check_count(rows, block, table.num_rows)
        yield from table.combine_chunks().to_batches()


def parse(
    data: bytes,
    names: Sequence[str],
    types: Mapping[str, pa.DataType],
    skip: Callable[[Any], str] | None = None,
) -> pa.Table:
    """Some columns of whole records; ``skip`` is asked about those with another number of cells.

    All in one block from memory. Arrow's reader of streams, given a Python file, reads ahead by a thread that wants
    Python's lock, and can wait for it for ever if a bad row ends the reading meanwhile; and it loses the LF of a line
    end within a cell which two of its blocks share.

    Raises:
        pa.ArrowInvalid: a value or a record cannot be read.
    """
    if not data.strip(b"\r\n"):
        return pa.schema(list(types.items())).empty_table()
    memory = pa.py_buffer(data)
    reader = arrow_csv.open_csv(
        pa.BufferReader(memory),
        # One thread, since only then Arrow's messages carry the record.
        read_options=arrow_csv.ReadOptions(use_threads=False, block_size=len(data) + 1, column_names=names),
        parse_options=arrow_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=skip),
        convert_options=arrow_csv.ConvertOptions(
            column_types=types,
            include_columns=list(types),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
        ),
    )
    try:
        return reader.read_all()
    finally:
        # Before the memory, so that no thread of its own is the last to have that.
        del reader


def is_hexadecimal(texts: pa.Array) -> pa.Array:
    """Which texts Arrow would read as whole numbers though only it does: 0x1F, and 0xFFFFFFFFFFFFFFFF as -1.

    >>> is_hexadecimal(pa.array(["0x1F", "10", None])).to_pylist()
    [True, False, None]
    """
    return pc.match_substring_regex(texts, "^[ \t]*0[xX]")


def _check_decimal(rows: Source, block: Block, data: bytes, wholes: Sequence[str]) -> None:
    if not wholes or (b"0x" not in data and b"0X" not in data):
        return
    table = parse(data, rows.head.names, dict.fromkeys(wholes, pa.binary()))
    for column in wholes:
        cells = table[column]
        found = np.flatnonzero(pc.fill_null(is_hexadecimal(cells), False).to_numpy())
        if len(found):
            where = f"{rows.line(block.line(int(block.starts[found[0]])))}, column {column}"
            received = _short(repr(cells[int(found[0])].as_py().decode()))
            raise DataError(where, "the value has the wrong type", expected="INT", received=received,
                            next_step="Write it as a decimal number.")  # fmt: skip


def check_count(rows: Source, block: Block, read: int) -> None:
    """Compares the records that were read of a block with those that are in it.

    Raises:
        DataError: they are not as many.
    """
    if read != block.found.records:
        raise DataError(
            rows.line(block.lines + 1), "rows would be lost", expected=f"{block.found.records:,} rows from here on",
            received=f"{read:,} of them were read", next_step="Write the file again, for example as Parquet.",
        )  # fmt: skip


def _explain(rows: Source, block: Block, error: pa.ArrowInvalid, columns: Columns) -> DataError:
    """Arrow's message in the words of the file: line, column, what was expected, what came."""
    found = re.search(r"(?:In CSV column #(\d+): )?Row #(\d+): (.*)", str(error), re.DOTALL)
    if found is None:
        return DataError(rows.line(block.lines + 1), "the lines from here on cannot be read", received=_short(error),
                         next_step="Correct the line.")  # fmt: skip
    index, record, problem = found.groups()
    where = rows.line(block.line(int(block.starts[int(record) - 1])))
    if index is None:
        return DataError(where, "the line cannot be read", received=_short(problem), next_step="Correct the line.")
    column = rows.head.names[int(index)]
    where = f"{where}, column {column}"
    if "UTF8" in problem:
        return not_utf8(where)
    received = _short(problem.rpartition("invalid value ")[2])
    return DataError(where, "the value has the wrong type", expected=columns[column].type, received=received,
                     next_step="Correct the value, or the type in schemas/.")  # fmt: skip


def _short(text: Any, limit: int = 200) -> str:
    line = str(text).replace("\n", "\\n")
    return line if len(line) <= limit else f"{line[:limit]}… ({len(line)} characters)"
