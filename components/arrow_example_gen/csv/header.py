"""The first record of a CSV file: the names of its columns."""

import codecs
from dataclasses import dataclass
from typing import BinaryIO

from components.arrow_example_gen.checks.columns import Columns
from components.arrow_example_gen.checks.text_encoding import not_utf8
from components.arrow_example_gen.csv.record_parser import LINE_END, Fault, Shape, line_end, split, walk
from pipeline.errors import DataError

READ_BYTES, MOST_BYTES = 1 << 16, 1 << 24
BLANK = b" \t\r\n"
PROBLEMS = {
    "open": "a quote opens a cell, and none closes it",
    "behind": "there is text behind the quote that closes a cell",
    "swallowed": "a quote opens a cell that goes over lines which look like rows",
}
CLOSE = 'Close the quote; within quotes, one that is text is written twice: "a ""b"" c".'


@dataclass(frozen=True)
class Head:
    """The names of the columns, the line that they are on, and where the rows begin: at a byte, after some lines."""

    names: list[str]
    line: int
    size: int
    lines: int

    def shape(self, columns: Columns) -> Shape:
        """What the quotes of the rows are judged by."""
        numbers = [index for index, name in enumerate(self.names) if name in columns and columns[name].type != "BYTES"]
        return Shape(len(self.names), numbers)


def read_head(name: str, file: BinaryIO) -> Head:
    """The header of a file, which is read from its beginning; empty lines may stand before it.

    Raises:
        DataError: the file is empty, or not UTF-8, or its first record cannot be read.
    """
    file.seek(0)
    data = b""
    while True:
        more = file.read(READ_BYTES)
        data, final = data + more, not more
        _check_encoding(name, data)
        start = _skip_blank_lines(data)
        if final and not data[start:].strip(BLANK):
            raise DataError(name, "the file is empty", expected="a header with the names of the columns",
                            next_step="Write it again.")  # fmt: skip
        end = walk(data, start, None, final)
        line = _lines(data[:start]) + 1
        if isinstance(end, Fault):
            raise quote_error(f"{name}, line {line}", end, data)
        if end is not None and data[start:].strip(BLANK):
            return Head(_names(f"{name}, line {line}", data[start:end]), line, end, _lines(data[:end]))
        if len(data) > MOST_BYTES:
            raise DataError(f"{name}, line {line}", f"the header is longer than {MOST_BYTES >> 20} MiB",
                            received=beginning(data[start:]), next_step="Look at the quotes in it.")  # fmt: skip


def _check_encoding(name: str, data: bytes) -> None:
    """UTF-16 has a mark at the beginning, or zeros between the first letters."""
    marked = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if marked or b"\0" in data[: line_end(data, 0, True)]:
        encoding = "utf-16" if marked else "utf-16be" if data[:1] == b"\0" else "utf-16le"
        raise not_utf8(f"{name}, line 1", "zeros between the letters, as UTF-16 has them", encoding)


def _skip_blank_lines(data: bytes) -> int:
    start = len(codecs.BOM_UTF8) if data.startswith(codecs.BOM_UTF8) else 0
    while data[start : start + 1] in (b"\r", b"\n"):
        start += 1
    return start


def _lines(data: bytes) -> int:
    return len(LINE_END.findall(data))


def _names(line: str, record: bytes) -> list[str]:
    try:
        return [cell.decode() for cell in split(record)]
    except UnicodeDecodeError as error:
        raise not_utf8(line) from error


def quote_error(where: str, fault: Fault, data: bytes) -> DataError:
    """What is wrong with a record of some data."""
    return DataError(where, PROBLEMS[fault.problem], received=beginning(data[fault.opened :]), next_step=CLOSE)


def beginning(data: bytes) -> str:
    """The beginning of some text, of its first line."""
    line = data[: line_end(data, 0, True)].rstrip(b"\r\n").decode("utf-8", "backslashreplace")
    return line if len(line) <= 100 else f"{line[:100]}…"
