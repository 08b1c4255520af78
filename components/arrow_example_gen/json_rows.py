"""JSON Lines as Arrow record batches, typed by the schema; what is wrong with a file, in its own line numbers."""

import io
import json
from collections.abc import Callable, Iterator
from typing import BinaryIO

import pyarrow as pa
from pyarrow import json as arrow_json

from components.arrow_example_gen import byte_ranges
from components.arrow_example_gen.byte_ranges import Range, between, scan
from components.arrow_example_gen.columns import ARROW_TYPES, Columns
from pipeline.errors import DataError

BLOCK_BYTES = 4 << 20
OTHERS = {"fail": "error", "ignore": "ignore"}


def check_first(name: str, file: BinaryIO, columns: Columns) -> None:
    """Looks whether there is anything in a file; a row need not have every column, so that none tells them all.

    Raises:
        DataError: the file is empty.
    """
    if not file.read(1):
        raise DataError(name, "the file is empty", expected="one JSON object a line", next_step="Write it again.")


def ranges(file: BinaryIO, size: int | None = None) -> list[Range]:
    """The parts of a file, each of whole lines, and of ``size`` bytes at least: ``byte_ranges.RANGE_BYTES`` by default.

    >>> ranges(io.BytesIO(b'{"a": 1}\\n{"a": 2}\\n{}\\n'), size=9)
    [(0, 9), (9, 18), (18, 21)]
    """
    size = size or byte_ranges.RANGE_BYTES
    end, starts, due = file.seek(0, io.SEEK_END), [], size
    while due < end:
        # From the byte before: it may end a line.
        file.seek(due - 1)
        file.readline()
        starts.append(file.tell())
        due = starts[-1] + size
    return between(starts, end)


def lines_before(file: BinaryIO, cut: Range) -> int:
    """How many lines stand before a part."""
    file.seek(0)
    return sum(block.count(b"\n") for block in scan(file, cut[0])) if cut else 0


def read_batches(
    name: str, file: BinaryIO, columns: Columns, lines_before: Callable[[], int] = lambda: 0
) -> Iterator[pa.RecordBatch]:
    """Reads a file block by block; a column that a row does not have is null.

    ``lines_before`` are asked for if a line is bad: those that it lacks of the file with this name.

    Raises:
        DataError: a line is not JSON, has a column that is not in the schema, or a value of the wrong type.
    """
    before = 0
    for lines in _blocks(file):
        try:
            table = _parse(lines, columns)
        except pa.ArrowInvalid as error:
            number = _first_bad(lines, columns)
            where = f"{name}, line {lines_before() + before + number + 1}"
            raise _explain(where, lines[number], columns, error) from error
        before += len(lines)
        yield from table.combine_chunks().to_batches()


def _blocks(file: BinaryIO) -> Iterator[list[bytes]]:
    """Lines, about as many as ``BLOCK_BYTES`` hold."""
    while lines := file.readlines(BLOCK_BYTES):
        yield lines


def _parse(lines: list[bytes], columns: Columns) -> pa.Table:
    """The rows of some lines."""
    content = b"".join(lines)
    schema = pa.schema([(name, ARROW_TYPES[rule.type]) for name, rule in columns.items()])
    if not content.strip():
        return schema.empty_table()
    return arrow_json.read_json(
        io.BytesIO(content),
        # As one block: Arrow cannot take a record that is longer than a block.
        read_options=arrow_json.ReadOptions(use_threads=False, block_size=len(content) + 1),
        parse_options=arrow_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior=OTHERS[columns.others]),
    )


def _first_bad(lines: list[bytes], columns: Columns) -> int:
    """The number of the first line that cannot be read, from 0, found by halves."""
    start, end = 0, len(lines)
    while end - start > 1:
        middle = (start + end) // 2
        if _fails(lines[start:middle], columns):
            end = middle
        else:
            start = middle
    return start


def _fails(lines: list[bytes], columns: Columns) -> bool:
    try:
        _parse(lines, columns)
    except pa.ArrowInvalid:
        return True
    return False


def _explain(where: str, line: bytes, columns: Columns, error: pa.ArrowInvalid) -> DataError:
    """Arrow's message about a line in words."""
    try:
        row = json.loads(line)
    except ValueError as reason:
        return DataError(where, "the line is not JSON", received=str(reason), next_step="Correct the line.")
    if not isinstance(row, dict):
        return DataError(where, "the line is not a JSON object", received=_short(row), next_step="Correct the line.")
    extra = columns.refused(row)
    if extra:
        return DataError(where, "a column is not in the schema", received=", ".join(extra),
                         next_step="Correct the line, declare the columns in schemas/, or leave others out with "
                         "data.other_columns.")  # fmt: skip
    wrong = next(
        (column for column in columns.among(row) if _fails([json.dumps({column: row[column]}).encode()], columns)), None
    )
    if wrong is None:
        return DataError(where, "the line cannot be read", received=str(error)[:200], next_step="Correct the line.")
    return DataError(f"{where}, column {wrong}", "the value has the wrong type", expected=columns[wrong].type,
                     received=_short(row[wrong]), next_step="Correct the value, or the type in schemas/.")  # fmt: skip


def _short(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)[:200]
