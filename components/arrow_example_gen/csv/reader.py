"""CSV files as Arrow record batches, typed by the schema; errors name the line of the file."""

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
from components.arrow_example_gen.csv.header import check_delimiter, quote_error, read_header
from components.arrow_example_gen.formats.byte_ranges import Range
from components.support.text import shorten
from pipeline.errors import DataError

MESSAGE_CHARACTERS = 200


def check_header(name: str, file: BinaryIO, columns: Columns) -> None:
    """Compare the header of a file with the schema.

    Raises:
        DataError: the file is empty or not UTF-8, its cells are not separated by commas, or its columns are not those
            of the schema.
    """
    header = read_header(name, file)
    check_delimiter(f"{name}, line {header.line}", header.names, columns)
    check_names(f"{name}, line {header.line}", header.names, columns)


def read_batches(name: str, file: BinaryIO, columns: Columns, cut: Range = ()) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a file, or of a range of it, in blocks, with the columns of the schema; empty cells are null.

    Raises:
        DataError: a value or a line cannot be read.
    """
    rows = source(name, file, cut)
    types = {name: ARROW_TYPES[columns[name].type] for name in columns.among(rows.header.names)}
    for block in rows.blocks(columns):
        error = next(iter(block.index.errors), None)
        data = block.good(error.start if error else None)
        try:
            table = parse(data, rows.header.names, types)
        except pa.ArrowInvalid as invalid:
            raise _explain(rows, block, invalid, columns) from invalid
        _check_decimal(rows, block, data, [name for name in types if columns[name].type == "INT"])
        if error:
            column = rows.header.names[min(block.column(error), len(rows.header.names) - 1)]
            raise quote_error(f"{rows.line(block.line(error.opened))}, column {column}", error, block.data)
        check_count(rows, block, table.num_rows)
        yield from table.combine_chunks().to_batches()


def parse(
    data: bytes,
    names: Sequence[str],
    types: Mapping[str, pa.DataType],
    skip: Callable[[Any], str] | None = None,
) -> pa.Table:
    """Return some columns of whole records; ``skip`` decides about those with another number of cells.

    All in one block, from memory. Arrow's stream reader, given a Python file, reads ahead on a thread that needs the
    GIL, and may deadlock when a bad row ends the reading meanwhile. It also loses the LF of a CRLF within a cell when
    the two bytes are in different blocks.

    Raises:
        pa.ArrowInvalid: a value or a record cannot be read.
    """
    if not data.strip(b"\r\n"):
        return pa.schema(list(types.items())).empty_table()
    memory = pa.py_buffer(data)
    reader = arrow_csv.open_csv(
        pa.BufferReader(memory),
        # With several threads, Arrow's messages do not name the record.
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
        # Before ``memory``, so that no thread of the reader holds the last reference to it.
        del reader


def is_hexadecimal(texts: pa.Array) -> pa.Array:
    """Return which texts only Arrow would read as integers: 0x1F, and 0xFFFFFFFFFFFFFFFF as -1.

    >>> is_hexadecimal(pa.array(["0x1F", "10", None])).to_pylist()
    [True, False, None]
    """
    return pc.match_substring_regex(texts, "^[ \t]*0[xX]")


def _check_decimal(rows: Source, block: Block, data: bytes, integers: Sequence[str]) -> None:
    if not integers or (b"0x" not in data and b"0X" not in data):
        return
    table = parse(data, rows.header.names, dict.fromkeys(integers, pa.binary()))
    for column in integers:
        cells = table[column]
        found = np.flatnonzero(pc.fill_null(is_hexadecimal(cells), False).to_numpy())
        if len(found):
            where = f"{rows.line(block.line(int(block.starts[found[0]])))}, column {column}"
            received = shorten(repr(cells[int(found[0])].as_py().decode()), MESSAGE_CHARACTERS)
            raise DataError(where, "the value has the wrong type", expected="INT", received=received,
                            next_step="Write it as a decimal number.")  # fmt: skip


def check_count(rows: Source, block: Block, parsed: int) -> None:
    """Compare the number of records that were parsed from a block with that of its index.

    Raises:
        DataError: they differ.
    """
    if parsed != block.index.records:
        raise DataError(
            rows.line(block.lines + 1), "rows would be lost", expected=f"{block.index.records:,} rows from here on",
            received=f"{parsed:,} of them were read", next_step="Write the file again, for example as Parquet.",
        )  # fmt: skip


def _explain(rows: Source, block: Block, error: pa.ArrowInvalid, columns: Columns) -> DataError:
    """Turn Arrow's message into one with the line of the file, the column, and what was expected and received."""
    found = re.search(r"(?:In CSV column #(\d+): )?Row #(\d+): (.*)", str(error), re.DOTALL)
    if found is None:
        received = shorten(str(error), MESSAGE_CHARACTERS)
        return DataError(rows.line(block.lines + 1), "the lines from here on cannot be read", received=received,
                         next_step="Correct the line.")  # fmt: skip
    index, record, problem = found.groups()
    where = rows.line(block.line(int(block.starts[int(record) - 1])))
    if index is None:
        received = shorten(problem, MESSAGE_CHARACTERS)
        return DataError(where, "the line cannot be read", received=received, next_step="Correct the line.")
    column = rows.header.names[int(index)]
    where = f"{where}, column {column}"
    if "UTF8" in problem:
        return not_utf8(where)
    received = shorten(problem.rpartition("invalid value ")[2], MESSAGE_CHARACTERS)
    return DataError(where, "the value has the wrong type", expected=columns[column].type, received=received,
                     next_step="Correct the value, or the type in schemas/.")  # fmt: skip
