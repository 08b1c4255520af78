"""The predictions of an evaluation: one Parquet file for each file of examples."""

import json
import os
import re
from collections.abc import Iterable, Sequence
from functools import cached_property

import pyarrow as pa
from apache_beam.io.filesystems import FileSystems
from tfx.dsl.io import fileio

from components.compat.pyarrow import parquet
from components.examples.listing import files_in, mark, visible
from components.support.remote_files import write_whole
from pipeline.errors import DataError, MainlineError

FOLDER, LISTED = "predictions", "parts.json"
PART = re.compile(r"part-[0-9]{5,}\.parquet")


class Predictions:
    """The predictions of an evaluation on disk, read a column at a time, so that only used columns take memory.

    The columns are those of ``read_predictions``.

    Args:
        evaluation_dir: the folder of the ModelEvaluation artifact.

    Raises:
        DataError: there are no predictions.
    """

    def __init__(self, evaluation_dir: str) -> None:
        self._parts = required_parts(evaluation_dir)

    @cached_property
    def column_names(self) -> list[str]:
        """The names of the columns, in order."""
        return list(self._metadata[0].schema.to_arrow_schema().names)

    @cached_property
    def num_rows(self) -> int:
        """The number of rows."""
        return sum(metadata.num_rows for metadata in self._metadata)

    def __getitem__(self, name: str) -> pa.ChunkedArray:
        """Read one column; it is not cached."""
        return read_parts(self._parts, [name])[name]

    @cached_property
    def _metadata(self) -> list[parquet.FileMetaData]:
        return [read_metadata(path) for path in self._parts]


def part_path(evaluation_dir: str, number: int) -> str:
    """Return the path of one file."""
    return os.path.join(evaluation_dir, FOLDER, f"part-{number:05d}.parquet")


def list_parts(evaluation_dir: str) -> list[str]:
    """Return the files of an evaluation, in order: the listed ones, once the list is written.

    Raises:
        DataError: a listed file is missing or was replaced.
    """
    folder = os.path.join(evaluation_dir, FOLDER)
    if not fileio.exists(os.path.join(folder, LISTED)):
        return [os.path.join(folder, name) for name in visible(folder) if PART.fullmatch(name)]
    with fileio.open(os.path.join(folder, LISTED)) as file:
        return files_in(folder, json.loads(file.read()))


def list_scored(evaluation_dir: str) -> None:
    """Write the list of an evaluation's files, once all are written."""
    folder = os.path.join(evaluation_dir, FOLDER)
    found = {os.path.basename(path): mark(path) for path in list_parts(evaluation_dir)}
    write_whole(os.path.join(folder, LISTED), json.dumps(found, indent=1).encode())


def read_predictions(evaluation_dir: str, columns: Sequence[str] | None = None) -> pa.Table:
    """Read the predictions of an evaluation, in the order of the examples.

    Columns are those of the schema (BYTES as string, INT as int64, FLOAT as float32, several values as lists), the
    label among them, then ``score`` and, if there was a baseline, ``baseline_score``, as the models returned them.

    Args:
        evaluation_dir: the folder of the ModelEvaluation artifact.
        columns: the columns to read; all by default.

    Raises:
        DataError: there are no predictions.
    """
    return read_parts(required_parts(evaluation_dir), columns)


def required_parts(evaluation_dir: str) -> list[str]:
    """Return the files of an evaluation, in order.

    Raises:
        DataError: there are no predictions.
    """
    parts = list_parts(evaluation_dir)
    if not parts:
        raise DataError(evaluation_dir, "no predictions", expected=f"{FOLDER}/part-*.parquet")
    return parts


def read_metadata(path: str) -> parquet.FileMetaData:
    """Read the footer of a Parquet file."""
    with FileSystems.open(path) as file:
        return parquet.ParquetFile(file).metadata


def read_parts(paths: Sequence[str], columns: Sequence[str] | None) -> pa.Table:
    """Read at least one file as one table."""
    tables = [read_part(path, columns) for path in paths]
    # The type of the scores is not known from a file without rows.
    return pa.concat_tables([table for table in tables if table.num_rows] or tables[:1])


def read_part(path: str, columns: Sequence[str] | None) -> pa.Table:
    with FileSystems.open(path) as file:
        return parquet.read_table(file, columns=None if columns is None else list(columns))


def write_part(path: str, tables: Iterable[pa.Table], schema: pa.Schema) -> int:
    """Write one file, which appears whole or not at all, and return its number of rows.

    Raises:
        MainlineError: the file does not have all rows.
    """
    fileio.makedirs(os.path.dirname(path))
    # Beam may run a bundle twice at the same time; the two must not share a file.
    partial = f"{path}.{os.getpid()}.partial"
    came = 0
    with FileSystems.create(partial) as file, parquet.ParquetWriter(file, schema) as writer:
        for table in tables:
            writer.write_table(table)
            came += table.num_rows
    written = read_metadata(partial).num_rows
    if written != came:
        raise MainlineError(path, "rows were lost", expected=f"{came} rows", received=f"{written} rows")
    fileio.rename(partial, path, overwrite=True)
    return written
