"""Reading the user's files: CSV, JSON Lines and Parquet, gzipped or not, one or several, or a folder of them."""

import csv
import gzip
import io
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import csv as arrow_csv
from pyarrow import json as arrow_json

from components.compat.pyarrow import parquet
from components.support.text import shorten
from pipeline.errors import DataError, refused
from pipeline.scaffold.rows.dialect import decode, delimiter_of

SUFFIXES = (".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".parquet")
INDEX = "index"
JSON = (".jsonl", ".ndjson")


@dataclass(frozen=True)
class Source:
    """The rows of some files, as they were read: the cells of CSV are text, those of other files have a type.

    ``lines`` are the facts that people should know about how the files are written.
    """

    table: pa.Table
    files: tuple[Path, ...]
    lines: tuple[str, ...] = ()


def read_files(paths: Sequence[Path], encoding: str | None = None, delimiter: str | None = None) -> Source:
    """Read files that have the same columns, in the order given.

    Raises:
        DataError: a file is missing or cannot be read, or files have other columns than the first.
    """
    files = tuple(file for path in paths for file in _files_of(path))
    tables: list[pa.Table] = []
    notes = []
    for file in files:
        table, note = _read(file, encoding, delimiter)
        _check_columns(files[0], tables[0].column_names if tables else table.column_names, file, table.column_names)
        tables.append(table.select(tables[0].column_names) if tables else table)
        notes.append(note)
    try:
        schema = pa.unify_schemas([table.schema for table in tables])
        whole = pa.concat_tables([table.cast(schema) for table in tables])
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise DataError(", ".join(map(str, files)), "a column has another type in one of the files",
                        received=shorten(str(error))) from error  # fmt: skip
    if not whole.num_rows:
        raise DataError(", ".join(map(str, files)), "there are no rows", expected="a header and rows",
                        received=f"the columns {shorten(', '.join(whole.column_names))}")  # fmt: skip
    return Source(whole, files, tuple(dict.fromkeys(filter(None, notes))))


def _files_of(path: Path) -> list[Path]:
    if path.is_dir():
        found = sorted(file for file in path.iterdir() if _suffix(file) in SUFFIXES)
        if not found:
            raise DataError(str(path), "no file of rows in the folder", expected=", ".join(SUFFIXES))
        return found
    if not path.exists():
        raise DataError(str(path), "no such file", expected=f"a file that ends with {', '.join(SUFFIXES)}, or .gz")
    if _suffix(path) not in SUFFIXES:
        raise DataError(str(path), "no such format", expected=", ".join(SUFFIXES), received=path.suffix or "no suffix")
    return [path]


def _suffix(path: Path) -> str:
    return Path(path.stem if path.suffix == ".gz" else path.name).suffix.lower()


def _read(path: Path, encoding: str | None, delimiter: str | None) -> tuple[pa.Table, str]:
    try:
        data = path.read_bytes()
        data = gzip.decompress(data) if path.suffix == ".gz" else data
    except (OSError, EOFError, zlib.error) as error:
        kind = refused(error, DataError) if isinstance(error, OSError) else DataError
        raise kind(str(path), "it cannot be read", received=shorten(str(error))) from error
    if not data.strip():
        raise DataError(str(path), "the file is empty", expected="a header and rows")
    if _suffix(path) == ".parquet":
        return _read_parquet(path, data), ""
    if _suffix(path) in JSON:
        return _read_json(path, data), ""
    return read_csv(str(path), decode(str(path), data, encoding), delimiter)


def _read_parquet(path: Path, data: bytes) -> pa.Table:
    try:
        return parquet.read_table(pa.BufferReader(data))
    except (pa.ArrowException, OSError, RuntimeError) as error:
        raise DataError(str(path), "it cannot be read as Parquet", received=shorten(str(error))) from error


def _read_json(path: Path, data: bytes) -> pa.Table:
    try:
        return arrow_json.read_json(pa.BufferReader(data))
    except pa.ArrowException as error:
        raise DataError(str(path), "it cannot be read as JSON Lines", expected="an object a line",
                        received=shorten(str(error))) from error  # fmt: skip


def read_csv(name: str, text: str, delimiter: str | None = None) -> tuple[pa.Table, str]:
    """Return the cells of a CSV file as text, and what is not plain about how it is written.

    Raises:
        DataError: the header is not one, or a row has another number of cells.
    """
    text = (text if "\n" in text else text.replace("\r", "\n")).strip("\r\n") + "\n"
    sign = delimiter or delimiter_of(text)
    names = _header(name, text, sign)
    wrong: list[Any] = []

    def keep(row: Any) -> str:
        wrong.append(row)
        return "skip"

    data = text.encode()
    try:
        table = arrow_csv.read_csv(
            io.BytesIO(data),
            read_options=arrow_csv.ReadOptions(
                use_threads=False, block_size=len(data) + 1, column_names=names, skip_rows_after_names=1
            ),
            parse_options=arrow_csv.ParseOptions(delimiter=sign, newlines_in_values=True, invalid_row_handler=keep),
            convert_options=arrow_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
        )
    except pa.ArrowException as error:
        raise DataError(name, "it cannot be read as CSV", received=shorten(str(error), 200)) from error
    if wrong:
        raise DataError(
            f"{name}, row {wrong[0].number}", "the row has another number of cells than the header",
            expected=f"{wrong[0].expected_columns}, cut at {sign!r}",
            received=f"{wrong[0].actual_columns}: {shorten(wrong[0].text)}",
            next_step="Quote cells that hold the delimiter, or name it: --delimiter ';', for example.",
        )  # fmt: skip
    return table.rename_columns([each.strip() for each in names]), "" if sign == "," else f"delimiter {sign!r}"


def _header(name: str, text: str, delimiter: str) -> list[str]:
    """Return the names in the first line.

    Raises:
        DataError: the line cannot be read, or a name is empty, occurs twice, or is a number.
    """
    try:
        names = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise DataError(f"{name}, line 1", "the header cannot be read", received=str(error)) from error
    # As pandas writes the numbers of the rows.
    names = [INDEX, *names[1:]] if not names[0].strip() and INDEX not in names else names
    for number, cell in enumerate(names, 1):
        known = [other.strip() for other in names]
        problem = "is empty" if not cell.strip() else "is there twice" if known.count(cell.strip()) > 1 else ""
        if problem or cell.strip().lstrip("+-").replace(".", "", 1).isdigit():
            raise DataError(
                f"{name}, line 1, cell {number}", f"a name of a column {problem or 'is a number'}", received=repr(cell),
                expected="a header with one name a column", next_step="Add or correct the header.",
            )  # fmt: skip
    return names


def _check_columns(first: Path, expected: Sequence[str], file: Path, found: Sequence[str]) -> None:
    missing = [name for name in expected if name not in found]
    extra = [name for name in found if name not in expected]
    if missing or extra:
        parts = [f"no {', '.join(missing[:10])}" if missing else "", f"{', '.join(extra[:10])} more" if extra else ""]
        raise DataError(
            str(file), f"its columns are not those of {first}", expected=", ".join(expected[:20]),
            received="; ".join(filter(None, parts)), next_step="Give files with the same header.",
        )  # fmt: skip
