"""The executor of ExampleGen: it reads files and writes tf.Examples batch by batch, in C++, instead of row by row."""

import dataclasses
import json
import logging
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import pyarrow as pa
from tfx import types
from tfx.dsl.components.base import base_beam_executor
from tfx.dsl.io import fileio
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils
from tfx.types import standard_component_specs as specs
from tfx.utils import proto_utils

from components.arrow_example_gen import row_totals
from components.arrow_example_gen.checks.labels import unchecked, with_totals
from components.arrow_example_gen.checks.numbers import LabelError
from components.arrow_example_gen.file_formats import check
from components.arrow_example_gen.file_pieces import FilePiece, file_pieces, read_by_split, uses_quarantine
from components.arrow_example_gen.formats.row_counts import count_rows
from components.arrow_example_gen.quarantine.bad_rows import BadRows
from components.arrow_example_gen.quarantine.report import check_share, write_report
from components.arrow_example_gen.settings import Settings, unpack
from components.arrow_example_gen.source_files import row_files
from components.compat.tfx.executors import beam_pipeline
from components.examples import SOURCE_ROWS
from components.examples.file_rows import record_rows
from components.examples.listing import list_written
from components.examples.parsing import declare
from components.examples.shards import write_shards
from pipeline.errors import DataError

logger = logging.getLogger(__name__)
Artifacts = dict[str, list[types.Artifact]]
QUARANTINE_FOLDER = "quarantine"
ROW_TOTALS_FILE = "rows.json"
# The name under which all files go when their rows are yet to be assigned to splits.
UNSPLIT = "rows"


class WriteShards(beam.DoFn):
    """Writes the rows of a piece as gzipped TFRecords of tf.Example into the folder of each split."""

    def __init__(self, settings: Settings, folders: dict[str, str], quarantine: str) -> None:
        self.settings = settings
        self.folders = folders
        self.quarantine = quarantine

    def process(self, work: FilePiece) -> Iterator[row_totals.Count]:
        """Yield the numbers of rows written and set aside; a few blocks of the file are in memory at a time."""
        bad = BadRows(work.name)
        batches = ((self.folders[split], rows) for split, rows in read_by_split(work, self.settings, bad))
        shards = write_shards(batches, f"data_tfrecord-{work.label}")
        rows = sum(shards.values())
        if uses_quarantine(work, self.settings):
            write_report(bad, rows, f"{self.quarantine}-{work.label}", work.piece)
        yield (work.name, "written"), rows
        yield (work.name, "aside"), len(bad.all())
        yield from (((path, row_totals.SHARD), number) for path, number in shards.items())


class Executor(base_beam_executor.BaseBeamExecutor):
    """ExampleGen for CSV, JSON Lines, Parquet and TFRecord files, typed and checked by a schema."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Write the Examples artifact.

        Raises:
            DataError: a file is missing, empty or malformed; it says where.
        """
        settings = unpack(exec_properties)
        files = files_by_split(exec_properties)
        for name in (name for names in files.values() for name in names):
            check(name, settings.columns)
        artifact = artifact_utils.get_single_instance(output_dict[specs.EXAMPLES_KEY])
        sources = files_by_output_split(files, settings)
        artifact.split_names = artifact_utils.encode_split_names(list(sources))
        try:
            self._write(files, settings, artifact)
        except Exception as error:
            # Beam passes on a worker's error as text, without its type: read once more to find the bad row.
            logger.info("writing failed: looking for a bad row", exc_info=True)
            bad = first_error(files, settings)
            if bad is None:
                raise
            raise bad from error
        totals, shards = row_totals.read(f"{artifact.uri}/{ROW_TOTALS_FILE}")
        row_totals.check(totals)
        artifact.set_string_custom_property(SOURCE_ROWS, json.dumps(row_totals.by_split(totals, files)))
        for split in files:
            check_share(f"{artifact.uri}/{QUARANTINE_FOLDER}", split, settings.max_bad_share)
        check_not_empty(artifact, sources)
        declare(artifact, {name: rule.type for name, rule in settings.columns.items()})
        list_written(artifact)
        record_rows(artifact, shards)

    def _write(self, files: dict[str, list[str]], settings: Settings, artifact: types.Artifact) -> None:
        splits = artifact_utils.decode_split_names(artifact.split_names)
        folders = {split: artifact_utils.get_split_uri([artifact], split) for split in splits}
        quarantine = f"{artifact.uri}/{QUARANTINE_FOLDER}"
        for folder in [*folders.values(), *([quarantine] if settings.on_bad_row == "quarantine" else [])]:
            fileio.makedirs(folder)
        with beam_pipeline(self) as pipeline:
            counts = []
            for split, names in files.items():
                pieces = pipeline | f"Pieces[{split}]" >> beam.Create(file_pieces(split, names))
                spread = pieces | f"Spread[{split}]" >> beam.Reshuffle()
                write = WriteShards(settings, folders, f"{quarantine}/{split}")
                counts.append(spread | f"Write[{split}]" >> beam.ParDo(write))
                sources = pipeline | f"Files[{split}]" >> beam.Create(names) | f"Each[{split}]" >> beam.Reshuffle()
                counts.append(sources | f"Count[{split}]" >> beam.Map(row_totals.count_source, settings.columns))
            counts | beam.Flatten() | row_totals.Write(f"{artifact.uri}/{ROW_TOTALS_FILE}")


def files_by_split(exec_properties: dict[str, Any]) -> dict[str, list[str]]:
    """Return the files of each input split.

    Raises:
        DataError: a split has no files.
    """
    config = example_gen_pb2.Input()
    proto_utils.json_to_proto(exec_properties[specs.INPUT_CONFIG_KEY], config)
    base = exec_properties[specs.INPUT_BASE_KEY]
    return {split.name: row_files(base, split.pattern) for split in config.splits}


def files_by_output_split(files: dict[str, list[str]], settings: Settings) -> dict[str, list[str]]:
    """Return the files from which each output split gets its rows."""
    return files if settings.splitting is None else dict.fromkeys(settings.splitting.splits, files[UNSPLIT])


def check_not_empty(artifact: types.Artifact, files: dict[str, list[str]]) -> None:
    """Check that each split has a shard, and so at least one row.

    Raises:
        DataError: a split has none; it names the files of the split.
    """
    for split, names in files.items():
        if not fileio.listdir(artifact_utils.get_split_uri([artifact], split)):
            raise DataError(
                ", ".join(names), f"the {split} split has no rows", expected="at least one row below the header",
                next_step="Look at the files, and at data.split_by where it divides them.",
            )  # fmt: skip


def first_error(files: dict[str, list[str]], settings: Settings) -> DataError | None:
    """Return the error on the first row or file that cannot be read, or None when all can be."""
    # Without shuffling, so that rows are numbered as in the file.
    settings = dataclasses.replace(settings, shuffle_rows=0)
    try:
        for _ in _all_rows(files, settings):
            pass
        for name in (name for names in files.values() for name in names):
            count_rows(name, settings.columns)
    except LabelError as error:
        any_label = dataclasses.replace(settings, columns=unchecked(settings.columns))
        return with_totals(error, settings.columns, _all_rows(files, any_label))
    except DataError as error:
        return error
    return None


def _all_rows(files: dict[str, list[str]], settings: Settings) -> Iterator[tuple[str, pa.RecordBatch]]:
    for work in (work for split, names in files.items() for work in file_pieces(split, names)):
        yield from read_by_split(work, settings, BadRows(work.name))
