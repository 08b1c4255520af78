"""From files of examples to the statistics of a split: each file is counted, then Beam merges the counts."""

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

# The batch sizes at which tfx_bsl decodes, and TFDV's generators count, the fastest.
DECODED_ROWS = 1024
COUNTED_ROWS = 16384


@dataclass
class PartialCounts:
    """The accumulators of TFDV's generators for some files, with the numbers of files and rows."""

    files: int = 0
    rows: int = 0
    accumulators: list[Any] = field(default_factory=list)


@dataclass(frozen=True)
class SplitStatistics:
    """The serialized statistics of a split, and the numbers of files and rows behind them."""

    files: int
    rows: int
    statistics: bytes


def counted_batches(
    path: str, columns: schema_pb2.Schema | None, allowlist: Iterable[str] | None, rows: int
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a file in batches typed by their values, as stock StatisticsGen reads them.

    Args:
        path: of the file.
        columns: the columns of the file, if known, which makes decoding faster.
        allowlist: the columns to keep; all by default.
        rows: at most in a batch.
    """
    known = columns is not None
    batches = map(untype_empty_columns, parsed_batches(path, columns, rows)) if known else decode_batches(path, rows)
    for batch in batches:
        yield batch if allowlist is None else select_columns(batch, allowlist)


def decode_batches(path: str, rows: int) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a file whose columns are unknown."""
    batches = record_batches(path, batch_rows=min(rows, DECODED_ROWS))
    while some := list(itertools.islice(batches, max(rows // DECODED_ROWS, 1))):
        yield some[0] if len(some) == 1 else table_util.MergeRecordBatches(some)


def untype_empty_columns(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Give columns without values the null type, as when types are inferred from values."""
    columns = [pa.nulls(len(column)) if column.null_count == len(column) else column for column in batch.columns]
    return pa.RecordBatch.from_arrays(columns, batch.schema.names)


def select_columns(batch: pa.RecordBatch, names: Iterable[str]) -> pa.RecordBatch:
    """Return the named columns, as far as the batch has them."""
    columns = {name: arrow_util.get_column(batch, name, missing_ok=True) for name in names}
    found = {name: column for name, column in columns.items() if column is not None}
    return pa.RecordBatch.from_arrays(list(found.values()), list(found))


def count_file(path: str, columns: schema_pb2.Schema | None, options: str) -> PartialCounts:
    """Feed a file to TFDV's generators.

    Args:
        path: of the file.
        columns: of the file, if known.
        options: TFDV's StatsOptions as JSON.
    """
    settings = read_options(options)
    allowlist, rows = settings.feature_allowlist, settings.desired_batch_size or COUNTED_ROWS
    partial = make_partial(options)
    partial.files = 1
    for batch in counted_batches(path, columns, allowlist, rows):
        partial.rows += batch.num_rows
        partial.accumulators = [
            generator.add_input(accumulator, batch)
            for generator, accumulator in zip(generators(options), partial.accumulators, strict=True)
        ]
    return partial


def make_partial(options: str) -> PartialCounts:
    """Return counts of no files."""
    return PartialCounts(accumulators=[generator.create_accumulator() for generator in generators(options)])


class CountFile(beam.DoFn):
    """Maps a file of a split to its counts."""

    def __init__(self, columns: schema_pb2.Schema | None, options: str) -> None:
        self.columns = columns
        self.options = options

    def process(self, work: tuple[str, str]) -> Iterator[tuple[str, PartialCounts]]:
        """Yield the split and the counts; memory holds a few batches, so a file may be larger than memory."""
        split, path = work
        yield split, count_file(path, self.columns, self.options)


class MergeFiles(beam.CombineFn):
    """Merges the counts of files into the statistics of a split."""

    def __init__(self, options: str) -> None:
        self.options = options

    def create_accumulator(self) -> PartialCounts:
        """Return counts of no files."""
        return make_partial(self.options)

    def add_input(self, whole: PartialCounts, part: PartialCounts) -> PartialCounts:
        return self.merge_accumulators([whole, part])

    def merge_accumulators(self, parts: Iterable[PartialCounts]) -> PartialCounts:
        """Merge all into the first, which is changed."""
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

    def compact(self, whole: PartialCounts) -> PartialCounts:
        """Compact the accumulators before they are sent to another worker."""
        compacted = zip(generators(self.options), whole.accumulators, strict=True)
        whole.accumulators = [generator.compact(accumulator) for generator, accumulator in compacted]
        return whole

    def extract_output(self, whole: PartialCounts) -> SplitStatistics:
        counted = zip(generators(self.options), self.compact(whole).accumulators, strict=True)
        merged = merge_util.merge_dataset_feature_statistics(
            generator.extract_output(accumulator) for generator, accumulator in counted
        )
        return SplitStatistics(whole.files, whole.rows, merged.SerializeToString())


def write_statistics(total: SplitStatistics, path: str, files: int) -> None:
    """Write the statistics of a split atomically.

    Args:
        total: the statistics.
        path: of the new file.
        files: the number of files of examples in the split.

    Raises:
        MainlineError: a file or a row was missed, or was counted twice.
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
    """Writes the statistics of each split; the paths and the numbers of files of examples are given by split."""

    def __init__(self, paths: dict[str, str], files: dict[str, int]) -> None:
        self.paths = paths
        self.files = files

    def process(self, counted: tuple[str, SplitStatistics]) -> Iterator[str]:
        """Yield the path."""
        split, total = counted
        write_statistics(total, self.paths[split], self.files[split])
        yield self.paths[split]
