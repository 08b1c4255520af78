"""Files of examples to the statistics of a split: counted file by file, put together by Beam."""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import apache_beam as beam
import pyarrow as pa
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from components.batch_statistics.options import generators, read_options
from components.compat.tfdv import arrow_util, merge_util, table_util
from components.examples.parsing import parsed_batches
from components.examples.reading import record_batches
from components.support.remote_files import write_whole
from pipeline.errors import MainlineError

# What tfx_bsl decodes fastest, and what TFDV's generators take in fastest.
DECODED_ROWS = 1024
COUNTED_ROWS = 16384


@dataclass
class Partial:
    """What was counted of some files."""

    files: int = 0
    rows: int = 0
    accumulators: list[Any] = field(default_factory=list)


@dataclass(frozen=True)
class Total:
    """The statistics of a split, as TFDV writes them, and the rows and files that they are of."""

    files: int
    rows: int
    statistics: bytes


def counted_batches(
    path: str, columns: schema_pb2.Schema | None, allowlist: Iterable[str] | None, rows: int
) -> Iterator[pa.RecordBatch]:
    """The rows of a file in batches of at most so many, typed by their values, as stock StatisticsGen reads them."""
    for batch in decoded(path, rows) if columns is None else map(untyped_if_empty, parsed_batches(path, columns, rows)):
        yield batch if allowlist is None else only(batch, allowlist)


def decoded(path: str, rows: int) -> Iterator[pa.RecordBatch]:
    """The rows of a file whose columns nobody knows."""
    batches = record_batches(path, batch_rows=min(rows, DECODED_ROWS))
    while some := list(itertools.islice(batches, max(rows // DECODED_ROWS, 1))):
        yield some[0] if len(some) == 1 else table_util.MergeRecordBatches(some)


def untyped_if_empty(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The same, but columns without a value have no type, as there is none to take it from."""
    columns = [pa.nulls(len(column)) if column.null_count == len(column) else column for column in batch.columns]
    return pa.RecordBatch.from_arrays(columns, batch.schema.names)


def only(batch: pa.RecordBatch, names: Iterable[str]) -> pa.RecordBatch:
    """The columns of some names that a batch has."""
    columns = {name: arrow_util.get_column(batch, name, missing_ok=True) for name in names}
    found = {name: column for name, column in columns.items() if column is not None}
    return pa.RecordBatch.from_arrays(list(found.values()), list(found))


def count_file(path: str, columns: schema_pb2.Schema | None, options: str) -> Partial:
    """What TFDV's generators count of a file, whose columns may be known, for options as JSON."""
    settings = read_options(options)
    allowlist, rows = settings.feature_allowlist, settings.desired_batch_size or COUNTED_ROWS
    partial = empty(options)
    partial.files = 1
    for batch in counted_batches(path, columns, allowlist, rows):
        partial.rows += batch.num_rows
        partial.accumulators = [
            generator.add_input(accumulator, batch)
            for generator, accumulator in zip(generators(options), partial.accumulators, strict=True)
        ]
    return partial


def empty(options: str) -> Partial:
    """Nothing counted."""
    return Partial(accumulators=[generator.create_accumulator() for generator in generators(options)])


class CountFile(beam.DoFn):
    """A file of a split to what was counted of it."""

    def __init__(self, columns: schema_pb2.Schema | None, options: str) -> None:
        self.columns = columns
        self.options = options

    def process(self, work: tuple[str, str]) -> Iterator[tuple[str, Partial]]:
        """Holds a few batches at a time, so that a file larger than memory passes."""
        split, path = work
        yield split, count_file(path, self.columns, self.options)


class MergeFiles(beam.CombineFn):
    """What was counted of the files of a split to its statistics."""

    def __init__(self, options: str) -> None:
        self.options = options

    def create_accumulator(self) -> Partial:
        """Nothing counted."""
        return empty(self.options)

    def add_input(self, whole: Partial, part: Partial) -> Partial:
        """Takes in the counts of a file."""
        return self.merge_accumulators([whole, part])

    def merge_accumulators(self, parts: Iterable[Partial]) -> Partial:
        """The counts of all; the first is changed."""
        whole, *others = parts
        for part in others:
            whole.files += part.files
            whole.rows += part.rows
            whole.accumulators = [
                generator.merge_accumulators([one, other])
                for generator, one, other in zip(
                    generators(self.options), whole.accumulators, part.accumulators, strict=True
                )
            ]
        return whole

    def compact(self, whole: Partial) -> Partial:
        """The same, smaller, before it travels."""
        compacted = zip(generators(self.options), whole.accumulators, strict=True)
        whole.accumulators = [generator.compact(accumulator) for generator, accumulator in compacted]
        return whole

    def extract_output(self, whole: Partial) -> Total:
        """The statistics."""
        counted = zip(generators(self.options), self.compact(whole).accumulators, strict=True)
        merged = merge_util.merge_dataset_feature_statistics(
            generator.extract_output(accumulator) for generator, accumulator in counted
        )
        return Total(whole.files, whole.rows, merged.SerializeToString())


def write_total(total: Total, path: str, files: int) -> None:
    """Writes the statistics of a split; the file gets its name when it is whole.

    Raises:
        MainlineError: a file or a row was not counted, or was counted twice.
    """
    statistics = statistics_pb2.DatasetFeatureStatisticsList.FromString(total.statistics)
    rows = sum(dataset.num_examples for dataset in statistics.datasets)
    if (total.files, rows) != (files, total.rows):
        raise MainlineError(
            path, "not every row was counted once",
            expected=f"{total.rows} rows of {files} files", received=f"{rows} rows of {total.files} files",
        )  # fmt: skip
    write_whole(path, total.statistics)


class WriteSplit(beam.DoFn):
    """The statistics of a split to its file, whose path and number of files of examples are given by split."""

    def __init__(self, paths: dict[str, str], files: dict[str, int]) -> None:
        self.paths = paths
        self.files = files

    def process(self, counted: tuple[str, Total]) -> Iterator[str]:
        """Gives the path."""
        split, total = counted
        write_total(total, self.paths[split], self.files[split])
        yield self.paths[split]
