"""CSV files as Arrow record batches, typed by the schema; what is wrong with a file, in its own line numbers."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import pyarrow as pa
from pyarrow import csv as arrow_csv

from components.arrow_example_gen.columns import ARROW_TYPES, Columns, check_names
from pipeline.errors import DataError

BLOCK_BYTES = 4 << 20


def check_header(name: str, file: BinaryIO, columns: Columns) -> None:
    """Compares the first line of a file with the schema.

    Raises:
        DataError: the file is empty, is not UTF-8, or its columns are not those of the schema.
    """
    first = file.readline()
    if not first.strip():
        raise DataError(
            name, "the file is empty", expected=f"a header: {','.join(columns)}", next_step="Write it again."
        )
    try:
        names = _cells(first)
    except UnicodeDecodeError as error:
        raise not_utf8(f"{name}, line 1") from error
    check_names(f"{name}, line 1", names, columns)


def header(file: BinaryIO) -> list[str]:
    """The names of the columns of a file, which is then at its beginning again."""
    names = _cells(file.readline())
    file.seek(0)
    return names


def _cells(line: bytes) -> list[str]:
    return next(csv.reader([line.decode("utf-8-sig")]))


def read_batches(file: BinaryIO, names: list[str], columns: Columns) -> Iterator[pa.RecordBatch]:
    """Reads some columns of a file block by block; an empty cell is null.

    Raises:
        pa.ArrowInvalid: a value or a line that cannot be read; `explain` says it in words.
    """
    types = {name: ARROW_TYPES[columns[name].type] for name in names}
    yield from open_reader(file, types, arrow_csv.ParseOptions(newlines_in_values=True), names)


def open_reader(
    file: BinaryIO, types: dict[str, pa.DataType], parse_options: arrow_csv.ParseOptions, names: Sequence[str] = ()
) -> arrow_csv.CSVStreamingReader:
    """Arrow's reader of a file, or of its columns with some ``names``, by blocks; an empty cell is null."""
    return arrow_csv.open_csv(
        file,
        # One thread, since only then Arrow's messages carry the line.
        read_options=arrow_csv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES),
        parse_options=parse_options,
        convert_options=arrow_csv.ConvertOptions(
            column_types=types,
            include_columns=names,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
        ),
    )


def explain(name: str, error: pa.ArrowInvalid, file: BinaryIO, columns: Columns, lines_before: int = 0) -> DataError:
    """Arrow's message in the words of the file: line, column, what was expected, what came.

    Arrow counts records, in which a quoted newline or an empty line goes uncounted, so ``file`` is read once more.
    ``lines_before`` are those that it lacks of the file with this name.
    """
    text = str(error)
    found = re.search(r"(?:In CSV column #(\d+): )?Row #(\d+): (.*)", text, re.DOTALL)
    if found is None:
        return DataError(name, "the line cannot be read", received=_short(text), next_step="Correct the line.")
    index, record, problem = found.groups()
    header, line = locate(file, int(record))
    where = f"{name}, line {line + lines_before}"
    if index is None:
        return DataError(where, "the line cannot be read", received=_short(problem), next_step="Correct the line.")
    column = header[int(index)]
    where = f"{where}, column {column}"
    if "UTF8" in problem:
        return not_utf8(where)
    received = _short(problem.rpartition("invalid value ")[2])
    return DataError(where, "the value has the wrong type", expected=columns[column].type, received=received,
                     next_step="Correct the value, or the type in schemas/.")  # fmt: skip


def locate(file: BinaryIO, record: int) -> tuple[list[str], int]:
    """The header of a file, and the line on which a record begins; the header is record 1, empty lines are none.

    >>> locate(io.BytesIO(b'a,b\\n1,"x\\ny"\\n\\n2,z\\n'), 3)
    (['a', 'b'], 5)
    """
    reader = csv.reader(io.TextIOWrapper(file, encoding="utf-8-sig", errors="replace", newline=""))
    header, line, seen = next(reader), 1, 1
    while seen < record:
        line = reader.line_num + 1
        row = next(reader, None)
        if row is None:
            break
        seen += bool(row)
    return header, line


def not_utf8(where: str) -> DataError:
    """A byte that is not UTF-8."""
    return DataError(where, "a byte that is not UTF-8", expected="UTF-8 text",
                     next_step="Convert the file, for example: iconv -f latin1 -t utf-8.")  # fmt: skip


def _short(text: Any, limit: int = 200) -> str:
    line = str(text).replace("\n", "\\n")
    return line if len(line) <= limit else f"{line[:limit]}… ({len(line)} characters)"
