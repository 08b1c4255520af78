"""JSON Lines as Arrow record batches, typed by the schema; errors name the line of the file."""

import codecs
import io
import json
from collections.abc import Callable, Iterator
from typing import BinaryIO

import pyarrow as pa

from components.arrow_example_gen.checks import numbers
from components.arrow_example_gen.checks.columns import Columns
from components.arrow_example_gen.json_lines.line_errors import LineError, explain
from components.arrow_example_gen.json_lines.parser import BLANK, parse
from pipeline.errors import DataError

BLOCK_BYTES = 4 << 20


def check_start(name: str, file: BinaryIO, columns: Columns) -> None:
    """Check that a file is not empty, and if other columns are ignored, the spelling of its first keys.

    Which columns a file has no single row tells, since a row may lack some.

    Raises:
        DataError: the file is empty, or a key would be ignored that differs from a column by spaces, case or
            punctuation.
    """
    line = file.readline(BLOCK_BYTES)
    if not line:
        raise DataError(name, "the file is empty", expected="one JSON object a line", next_step="Write it again.")
    if columns.others != "ignore":
        return
    try:
        keys = json.loads(line)
    except (ValueError, RecursionError):
        return
    for key, column in columns.respelled(keys).items() if isinstance(keys, dict) else ():
        raise DataError(f"{name}, line 1", "a key differs from a column by spaces, case or punctuation",
                        expected=repr(column), received=repr(key), next_step="Rename the key.")  # fmt: skip


def read_batches(
    name: str, file: BinaryIO, columns: Columns, lines_before: Callable[[], int] = lambda: 0, at_file_start: bool = True
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a file in blocks; a column that a row lacks is null, and a blank line is not a row.

    ``lines_before`` is called for an error message, when ``file`` is a range of the file called ``name``.
    ``at_file_start`` says whether it begins where that file does, perhaps with a byte order mark.

    Raises:
        DataError: a line is not one JSON object, has an unknown column, or a value of the wrong type.
    """
    before = 0
    for block in blocks(file, at_file_start):
        table = parse(block, columns)
        if table is None:
            index, error = next(_bad_lines(lines_of(block), columns))
            raise error.as_data_error(f"{name}, line {lines_before() + before + index + 1}")
        before += block.count(b"\n")
        yield from table.combine_chunks().to_batches()


def read_good(
    file: BinaryIO, columns: Columns, set_aside: Callable[[int, bytes, LineError], None], at_file_start: bool = True
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of good lines; call ``set_aside`` with the number (from 1), bytes and error of each other line."""
    before = 0
    for block in blocks(file, at_file_start):
        table = parse(block, columns)
        bad = {} if table is not None and _is_usable(table, columns) else bad_lines(lines_of(block), columns)
        if bad:
            lines = lines_of(block)
            for index in sorted(bad):
                set_aside(before + index + 1, lines[index], bad[index])
            table = parse(b"".join(line for index, line in enumerate(lines) if index not in bad), columns)
        before += block.count(b"\n")
        yield from table.combine_chunks().to_batches() if table is not None else ()


def _is_usable(table: pa.Table, columns: Columns) -> bool:
    return not any(True for batch in table.to_batches() for _ in numbers.violations(batch, columns))


def bad_lines(lines: list[bytes], columns: Columns) -> dict[int, LineError]:
    """Return, by index from 0, the lines that cannot be read or have a number or label that cannot be used."""
    bad = dict(_bad_lines(lines, columns))
    rows = [index for index, line in enumerate(lines) if index not in bad and line.strip(BLANK)]
    table = parse(b"".join(lines[index] for index in rows), columns)
    for batch in table.combine_chunks().to_batches() if table is not None else ():
        for found in numbers.violations(batch, columns):
            error = LineError(found.problem, found.reason, found.column, found.expected, found.value)
            bad.setdefault(rows[found.row], error)
    return bad


def blocks(file: BinaryIO, at_file_start: bool) -> Iterator[bytes]:
    """Yield blocks of whole lines, of about ``BLOCK_BYTES``; the last line of a file may have no end."""
    while block := file.read(BLOCK_BYTES):
        block += b"" if block.endswith(b"\n") else file.readline()
        yield block.removeprefix(codecs.BOM_UTF8) if at_file_start else block
        at_file_start = False


def lines_of(block: bytes) -> list[bytes]:
    r"""Return the lines of a block with their line ends.

    >>> lines_of(b"{}\n\r\n{}")
    [b'{}\n', b'\r\n', b'{}']
    """
    return io.BytesIO(block).readlines()


def _bad_lines(lines: list[bytes], columns: Columns) -> Iterator[tuple[int, LineError]]:
    """Yield the lines that cannot be parsed, in order, found by bisection."""
    parts = [(0, len(lines))]
    while parts:
        start, end = parts.pop()
        if parse(b"".join(lines[start:end]), columns) is not None:
            continue
        if end - start == 1:
            yield start, explain(lines[start], columns, lambda line: parse(line, columns) is not None)
            continue
        middle = (start + end) // 2
        parts += [(middle, end), (start, middle)]
