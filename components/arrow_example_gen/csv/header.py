"""The header of a CSV file: the names of its columns."""

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

from components.arrow_example_gen.checks.columns import Columns
from components.arrow_example_gen.checks.text_encoding import not_utf8
from components.arrow_example_gen.csv.record_parser import (
    LINE_END,
    QuoteError,
    RowShape,
    line_end,
    parse_record,
    split_cells,
)
from components.support.text import shorten
from pipeline.errors import DataError

READ_BYTES, MAX_HEADER_BYTES = 1 << 16, 1 << 24
BLANK = b" \t\r\n"
BETWEEN_QUOTES = re.compile(rb'"[^"]*"[ ]*([;\t|])')
DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}
PROBLEMS = {
    "unclosed": "a cell begins with a quote that is never closed",
    "text after quote": "there is text after the closing quote of a cell",
    "swallows rows": "a quoted cell spans lines that look like rows",
}
CLOSE = 'Close the quote; double it where it is part of the text: "a ""b"" c".'


@dataclass(frozen=True)
class Header:
    """The names of the columns and their line, and the ``size`` in bytes and number of ``lines`` before the rows."""

    names: list[str]
    line: int
    size: int
    lines: int

    def shape(self, columns: Columns) -> RowShape:
        """Return the shape of a row, by which doubtful quotes are judged."""
        numbers = [index for index, name in enumerate(self.names) if name in columns and columns[name].type != "BYTES"]
        return RowShape(len(self.names), numbers)


def read_header(name: str, file: BinaryIO) -> Header:
    """Return the header of a file, read from its beginning; empty lines may come before it.

    Raises:
        DataError: the file is empty or not UTF-8, or its first record cannot be read.
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
        end = parse_record(data, start, None, final)
        line = _lines(data[:start]) + 1
        if isinstance(end, QuoteError):
            if between := BETWEEN_QUOTES.match(data, start):
                raise _wrong_delimiter(f"{name}, line {line}", between[1].decode(), first_line(data[start:]))
            raise quote_error(f"{name}, line {line}", end, data)
        if end is not None and data[start:].strip(BLANK):
            return Header(_names(f"{name}, line {line}", data[start:end]), line, end, _lines(data[:end]))
        if len(data) > MAX_HEADER_BYTES:
            raise DataError(f"{name}, line {line}", f"the header is longer than {MAX_HEADER_BYTES >> 20} MiB",
                            received=first_line(data[start:]), next_step="Check its quotes.")  # fmt: skip


def _check_encoding(name: str, data: bytes) -> None:
    """Refuse UTF-16, which has a byte order mark or zeros between the first letters."""
    marked = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if marked or b"\0" in data[: line_end(data, 0, True)]:
        encoding = "utf-16" if marked else "utf-16be" if data[:1] == b"\0" else "utf-16le"
        raise not_utf8(f"{name}, line 1", "zeros between the letters, as in UTF-16", encoding)


def _skip_blank_lines(data: bytes) -> int:
    start = len(codecs.BOM_UTF8) if data.startswith(codecs.BOM_UTF8) else 0
    while data[start : start + 1] in (b"\r", b"\n"):
        start += 1
    return start


def _lines(data: bytes) -> int:
    return len(LINE_END.findall(data))


def _names(line: str, record: bytes) -> list[str]:
    try:
        return [cell.decode() for cell in split_cells(record)]
    except UnicodeDecodeError as error:
        raise not_utf8(line) from error


def check_delimiter(where: str, names: Sequence[str], columns: Columns) -> None:
    """Check that the cells of a header are separated by commas.

    Raises:
        DataError: another delimiter gives more columns of the schema, or the only name has one in it.
    """
    known = len(columns.among(names))
    for delimiter in DELIMITERS:
        cells = [cell.strip('" ') for cell in ",".join(names).split(delimiter)]
        alone = len(names) == 1 < len(cells) and not known
        if alone or len(columns.among(cells)) > known:
            raise _wrong_delimiter(where, delimiter, shorten(",".join(names)))


def _wrong_delimiter(where: str, delimiter: str, line: str) -> DataError:
    return DataError(where, f"the cells are separated by {DELIMITERS[delimiter]}", expected="a comma between cells",
                     received=line, next_step="Write the file with commas, or as Parquet.")  # fmt: skip


def quote_error(where: str, error: QuoteError, data: bytes) -> DataError:
    """Return the error for a record of ``data``."""
    return DataError(where, PROBLEMS[error.problem], received=first_line(data[error.opened :]), next_step=CLOSE)


def first_line(data: bytes) -> str:
    """Return the first line of some text, shortened."""
    return shorten(data[: line_end(data, 0, True)].rstrip(b"\r\n"))
