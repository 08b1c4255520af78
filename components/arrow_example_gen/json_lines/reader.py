"""JSON Lines as Arrow record batches, typed by the schema; what is wrong with a file, in its own line numbers."""

import codecs
import io
import json
import re
import secrets
from collections.abc import Callable, Iterator
from typing import BinaryIO

import numpy as np
import pyarrow as pa
from pyarrow import json as arrow_json

from components.arrow_example_gen.checks import numbers
from components.arrow_example_gen.checks.columns import ARROW_TYPES, Columns
from components.arrow_example_gen.checks.text_encoding import is_utf8
from components.arrow_example_gen.formats import byte_ranges
from components.arrow_example_gen.formats.byte_ranges import Range, between, scan
from components.arrow_example_gen.json_lines.line_errors import Fault, fault_of
from pipeline.errors import DataError

BLOCK_BYTES = 4 << 20
OTHERS = {"fail": "error", "ignore": "ignore"}
BLANK = b" \t\r\n"
# Arrow dies of a null that is not within an object.
NULL_BEHIND = re.compile(rb"\}[ \t\r]*null")


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
    name: str, file: BinaryIO, columns: Columns, lines_before: Callable[[], int] = lambda: 0, first: bool = True
) -> Iterator[pa.RecordBatch]:
    """Reads a file block by block; a column that a row does not have is null, and a blank line is no row.

    ``lines_before`` are asked for if a line is bad: those that it lacks of the file with this name. ``first`` is
    whether it begins as that file does, perhaps with a byte order mark.

    Raises:
        DataError: a line is not one JSON object, has a column that is not in the schema, or a value of the wrong type.
    """
    before = 0
    for block in blocks(file, first):
        table = parsed(block, columns)
        if table is None:
            number, fault = next(_bad_lines(lines_of(block), columns))
            raise fault.as_error(f"{name}, line {lines_before() + before + number + 1}")
        before += block.count(b"\n")
        yield from table.combine_chunks().to_batches()


def read_good(
    file: BinaryIO, columns: Columns, put_aside: Callable[[int, bytes, Fault], None], first: bool = True
) -> Iterator[pa.RecordBatch]:
    """The same without the bad lines, which are put aside with their numbers, from 1, and what is wrong with each."""
    before = 0
    for block in blocks(file, first):
        table = parsed(block, columns)
        wrong = {} if table is not None and usable(table, columns) else wrong_lines(lines_of(block), columns)
        if wrong:
            lines = lines_of(block)
            for number in sorted(wrong):
                put_aside(before + number + 1, lines[number], wrong[number])
            table = parsed(b"".join(line for number, line in enumerate(lines) if number not in wrong), columns)
        before += block.count(b"\n")
        yield from table.combine_chunks().to_batches() if table is not None else ()


def usable(table: pa.Table, columns: Columns) -> bool:
    """Whether all numbers are."""
    return not any(True for batch in table.to_batches() for _ in numbers.misfits(batch, columns))


def wrong_lines(lines: list[bytes], columns: Columns) -> dict[int, Fault]:
    """The lines that cannot be read, or have a number that is not usable, by their numbers, from 0."""
    wrong = dict(_bad_lines(lines, columns))
    rows = [number for number, line in enumerate(lines) if number not in wrong and line.strip(BLANK)]
    table = parsed(b"".join(lines[number] for number in rows), columns)
    for batch in table.combine_chunks().to_batches() if table is not None else ():
        for misfit in numbers.misfits(batch, columns):
            fault = Fault(misfit.problem, misfit.reason, misfit.column, misfit.expected, misfit.value)
            wrong.setdefault(rows[misfit.row], fault)
    return wrong


def blocks(file: BinaryIO, first: bool) -> Iterator[bytes]:
    """Whole lines, about as many as ``BLOCK_BYTES`` hold; the last one of a file may have no end."""
    while block := file.read(BLOCK_BYTES):
        block += b"" if block.endswith(b"\n") else file.readline()
        yield block.removeprefix(codecs.BOM_UTF8) if first else block
        first = False


def lines_of(block: bytes) -> list[bytes]:
    r"""The lines of a block with their ends.

    >>> lines_of(b"{}\n\r\n{}")
    [b'{}\n', b'\r\n', b'{}']
    """
    return io.BytesIO(block).readlines()


def parsed(block: bytes, columns: Columns) -> pa.Table | None:
    """The rows of some lines, one a line that is not blank; None if there is anything else in them.

    Arrow takes what follows an object for the next one, wherever the lines end, and for the end of all if it is one of
    ``, ] } :``. So each line must begin and end with a brace, a last object of ours must be read, and the number of all
    must be that of the lines: then no object spans lines, and none has anything behind it.
    """
    schema = pa.schema([(name, ARROW_TYPES[rule.type]) for name, rule in columns.items()])
    rows = _objects(block)
    if not rows:
        return schema.empty_table() if rows == 0 else None
    column, last = next(iter(columns)), secrets.randbits(24)
    mark = str(last) if columns[column].type == "BYTES" else last
    content = b"%b\n%b\n" % (block, json.dumps({column: mark}).encode())
    try:
        table = arrow_json.read_json(
            io.BytesIO(content),
            # As one block: Arrow cannot take a record that is longer than a block.
            read_options=arrow_json.ReadOptions(use_threads=False, block_size=len(content) + 1),
            parse_options=arrow_json.ParseOptions(
                explicit_schema=schema, unexpected_field_behavior=OTHERS[columns.others]
            ),
        )
    except (pa.ArrowInvalid, UnicodeDecodeError):
        return None
    if table.num_rows != rows + 1 or table[column][rows].as_py() != mark:
        return None
    return table.slice(0, rows)


def _objects(block: bytes) -> int | None:
    """How many lines begin and end as an object does; None if there is one of another kind that is not blank."""
    if not block:
        return 0
    if not is_utf8(block) or _has_null_behind(block):
        return None
    data = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero(data == ord("\n"))
    ends = ends if block.endswith(b"\n") else np.append(ends, len(data))
    starts = np.concatenate([[0], ends[:-1] + 1])
    objects = (
        (ends - starts >= 2) & (data[np.minimum(starts, len(data) - 1)] == ord("{")) & (data[ends - 1] == ord("}"))
    )
    rows = int(objects.sum())
    for line in np.flatnonzero(~objects).tolist():
        text = block[starts[line] : ends[line]].strip(BLANK)
        if text and not (text.startswith(b"{") and text.endswith(b"}")):
            return None
        rows += bool(text)
    return rows


def _has_null_behind(block: bytes) -> bool:
    """Whether a line has a null behind an object; one within a text is none."""
    for found in NULL_BEHIND.finditer(block):
        start, end = block.rfind(b"\n", 0, found.start()) + 1, block.find(b"\n", found.end())
        try:
            json.loads(block[start : end if end >= 0 else len(block)])
        except (ValueError, RecursionError):
            return True
    return False


def _bad_lines(lines: list[bytes], columns: Columns) -> Iterator[tuple[int, Fault]]:
    """The lines that cannot be read, in order, with their numbers, from 0, found by halves."""
    parts = [(0, len(lines))]
    while parts:
        start, end = parts.pop()
        if parsed(b"".join(lines[start:end]), columns) is not None:
            continue
        if end - start == 1:
            yield start, fault_of(lines[start], columns, lambda line: parsed(line, columns) is not None)
            continue
        middle = (start + end) // 2
        parts += [(middle, end), (start, middle)]
