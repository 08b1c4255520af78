"""The predictions of an evaluation: one Parquet file for each file of examples."""

import os
from collections.abc import Iterable, Sequence

import pyarrow as pa
from apache_beam.io.filesystems import FileSystems
from pyarrow import parquet
from tfx.dsl.io import fileio

from pipeline.errors import DataError, MainlineError

FOLDER = "predictions"


def part_path(evaluation_dir: str, number: int) -> str:
    """The file of one part."""
    return os.path.join(evaluation_dir, FOLDER, f"part-{number:05d}.parquet")


def list_parts(evaluation_dir: str) -> list[str]:
    """The files of an evaluation, in order."""
    return sorted(fileio.glob(os.path.join(evaluation_dir, FOLDER, "part-*.parquet")))


def read_predictions(evaluation_dir: str, columns: Sequence[str] | None = None) -> pa.Table:
    """Reads the predictions that an evaluation left, in the order of the examples.

    Columns are those of the schema (BYTES as string, INT as int64, FLOAT as float32, several values as lists), the
    label among them, then ``score`` and, if there was a baseline, ``baseline_score``, as the models returned them.

    Args:
        evaluation_dir: the folder of the ModelEvaluation artifact.
        columns: the columns to read; all by default.

    Raises:
        DataError: there are none.
    """
    parts = list_parts(evaluation_dir)
    if not parts:
        raise DataError(evaluation_dir, "no predictions", expected=f"{FOLDER}/part-*.parquet")
    tables = [read_part(path, columns) for path in parts]
    # A file without rows cannot tell the type of the scores.
    return pa.concat_tables([table for table in tables if table.num_rows] or tables[:1])


def read_part(path: str, columns: Sequence[str] | None) -> pa.Table:
    """Reads one file."""
    with FileSystems.open(path) as file:
        return parquet.read_table(file, columns=None if columns is None else list(columns))


def write_part(path: str, tables: Iterable[pa.Table], schema: pa.Schema) -> int:
    """Writes one file, which appears whole or not at all; returns its rows.

    Raises:
        MainlineError: the file does not hold the rows that came.
    """
    fileio.makedirs(os.path.dirname(path))
    # A worker that is run twice at the same time must not write into the other's file.
    partial = f"{path}.{os.getpid()}.partial"
    came = 0
    with FileSystems.create(partial) as file, parquet.ParquetWriter(file, schema) as writer:
        for table in tables:
            writer.write_table(table)
            came += table.num_rows
    with FileSystems.open(partial) as file:
        written = parquet.ParquetFile(file).metadata.num_rows
    if written != came:
        raise MainlineError(path, "rows were lost", expected=f"{came} rows", received=f"{written} rows")
    fileio.rename(partial, path, overwrite=True)
    return written
