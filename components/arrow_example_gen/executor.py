"""Reads files and writes tf.Examples by record batch, in C++, in place of CsvExampleGen's per-row Python."""

import dataclasses
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import pyarrow as pa
from google.protobuf import struct_pb2
from tfx import types
from tfx.dsl.components.base import base_beam_executor
from tfx.dsl.io import fileio
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils
from tfx.types import standard_component_specs as specs
from tfx.utils import proto_utils

from components.arrow_example_gen import row_totals
from components.arrow_example_gen.checks.columns import ARROW_TYPES, ColumnRule, Columns, Settings
from components.arrow_example_gen.checks.labels import unchecked, with_totals
from components.arrow_example_gen.checks.numbers import LabelError
from components.arrow_example_gen.file_formats import QUARANTINES, Piece, check, pieces, place, read, read_good
from components.arrow_example_gen.formats.row_counts import count_rows
from components.arrow_example_gen.quarantine.bad_rows import BadRows
from components.arrow_example_gen.quarantine.report import check_share, put_aside
from components.arrow_example_gen.source_files import rows_of
from components.arrow_example_gen.splitting.assignment import Splitting, parts
from components.arrow_example_gen.splitting.shuffling import shuffled
from components.compat.tfx.executors import beam_pipeline
from components.examples import SOURCE_ROWS
from components.examples.listing import list_written
from components.examples.parsing import declare
from components.examples.shards import write_shards
from components.support.row_files import kind
from pipeline.errors import DataError

logger = logging.getLogger(__name__)
Artifacts = dict[str, list[types.Artifact]]
QUARANTINE = "quarantine"
# Where the rows of each file are counted, in the artifact.
TALLY = "rows.json"
# Where files are not divided, the name of all of them.
UNDIVIDED = "rows"


@dataclass(frozen=True)
class Work:
    """A part of a file of a split, and its number in it, which is in the names of what is written."""

    split: str
    name: str
    piece: Piece
    label: str


class WriteShards(beam.DoFn):
    """Work to gzipped TFRecords of tf.Example, in the ``folders`` of the splits."""

    def __init__(self, settings: Settings, folders: dict[str, str], quarantine: str) -> None:
        self.settings = settings
        self.folders = folders
        self.quarantine = quarantine

    def process(self, work: Work) -> Iterator[row_totals.Count]:
        """Gives the numbers of rows written and put aside; holds a few blocks of the file at a time."""
        bad = BadRows(work.name)
        batches = ((self.folders[split], rows) for split, rows in divided(work, self.settings, bad))
        rows = write_shards(batches, f"data_tfrecord-{work.label}")
        if quarantined(work, self.settings):
            put_aside(bad, rows, f"{self.quarantine}-{work.label}", work.piece)
        yield (work.name, "written"), rows
        yield (work.name, "aside"), len(bad.all())


def quarantined(work: Work, settings: Settings) -> bool:
    """Whether bad rows are put aside, which is for text: in Parquet a whole column has a type."""
    return settings.on_bad_row == "quarantine" and kind(work.name) in QUARANTINES


def divided(work: Work, settings: Settings, bad: BadRows) -> Iterator[tuple[str, pa.RecordBatch]]:
    """The rows of a part of a file, with the split that they go to."""
    batches = read_rows(work, settings, bad)
    if settings.shuffle_rows:
        batches = shuffled(batches, settings.shuffle_rows, settings.seed, f"{work.split}-{work.label}")
    if settings.splitting is None:
        yield from ((work.split, batch) for batch in batches)
        return
    before = 0
    for batch in batches:
        yield from parts(lambda row: place_of(work, settings, row), batch, settings.splitting, before)
        before += batch.num_rows


def place_of(work: Work, settings: Settings, row: int) -> str:
    """Where a row of a part of a file is; without the bad ones it is not known by its number."""
    return work.name if quarantined(work, settings) else place(work.name, settings.columns, work.piece, row)


def read_rows(work: Work, settings: Settings, bad: BadRows) -> Iterator[pa.RecordBatch]:
    """The rows of a part of a file, with all columns; with quarantine, without the bad ones."""
    if quarantined(work, settings):
        batches = read_good(work.name, settings.columns, work.piece, bad)
    else:
        batches = read(work.name, settings.columns, work.piece)
    return (with_all(batch, settings.columns) for batch in batches)


def with_all(batch: pa.RecordBatch, columns: Columns) -> pa.RecordBatch:
    """The same, with columns of nulls for those that the file does not have."""
    missing = [name for name in columns if name not in batch.schema.names]
    nulls = [pa.nulls(batch.num_rows, ARROW_TYPES[columns[name].type]) for name in missing]
    return pa.RecordBatch.from_arrays([*batch.columns, *nulls], [*batch.schema.names, *missing])


class Executor(base_beam_executor.BaseBeamExecutor):
    """ExampleGen over CSV, JSON Lines, Parquet or TFRecord files, typed and checked by the schema."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Writes the splits.

        Raises:
            DataError: a file is missing, empty or malformed; it says where.
        """
        settings = settings_of(exec_properties)
        files = files_by_split(exec_properties)
        for name in (name for names in files.values() for name in names):
            check(name, settings.columns)
        artifact = artifact_utils.get_single_instance(output_dict[specs.EXAMPLES_KEY])
        written = files_of_written(files, settings)
        artifact.split_names = artifact_utils.encode_split_names(list(written))
        try:
            self._write(files, settings, artifact)
        except Exception as error:
            # Beam reports a worker's error as text, without its type: the bad line is found by reading once more.
            logger.info("writing failed: looking for a bad line", exc_info=True)
            bad = find_bad(files, settings)
            if bad is None:
                raise
            raise bad from error
        counts = row_totals.read(f"{artifact.uri}/{TALLY}")
        row_totals.check(counts)
        artifact.set_string_custom_property(SOURCE_ROWS, json.dumps(row_totals.of_splits(counts, files)))
        for split in files:
            check_share(f"{artifact.uri}/{QUARANTINE}", split, settings.max_bad_share)
        check_not_empty(artifact, written)
        declare(artifact, {name: rule.type for name, rule in settings.columns.items()})
        list_written(artifact)

    def _write(self, files: dict[str, list[str]], settings: Settings, artifact: types.Artifact) -> None:
        splits = artifact_utils.decode_split_names(artifact.split_names)
        folders = {split: artifact_utils.get_split_uri([artifact], split) for split in splits}
        for folder in folders.values():
            fileio.makedirs(folder)
        with beam_pipeline(self) as pipeline:
            counts = []
            for split, names in files.items():
                aside = f"{artifact.uri}/{QUARANTINE}/{split}"
                if settings.on_bad_row == "quarantine":
                    fileio.makedirs(f"{artifact.uri}/{QUARANTINE}")
                parts = pipeline | f"Work[{split}]" >> beam.Create(work_on(split, names))
                spread = parts | f"Spread[{split}]" >> beam.Reshuffle()
                counts.append(spread | f"Write[{split}]" >> beam.ParDo(WriteShards(settings, folders, aside)))
                sources = pipeline | f"Files[{split}]" >> beam.Create(names) | f"Each[{split}]" >> beam.Reshuffle()
                counts.append(sources | f"Count[{split}]" >> beam.Map(row_totals.in_source, settings.columns))
            counts | beam.Flatten() | row_totals.Write(f"{artifact.uri}/{TALLY}")


def work_on(split: str, names: list[str]) -> list[Work]:
    """The units of work in the files of a split."""
    return [
        Work(split, name, piece, f"{index:05d}-{number:05d}" if piece else f"{index:05d}")
        for index, name in enumerate(names)
        for number, piece in enumerate(pieces(name))
    ]


def files_by_split(exec_properties: dict[str, Any]) -> dict[str, list[str]]:
    """The files of each input split.

    Raises:
        DataError: a split without files.
    """
    config = example_gen_pb2.Input()
    proto_utils.json_to_proto(exec_properties[specs.INPUT_CONFIG_KEY], config)
    base = exec_properties[specs.INPUT_BASE_KEY]
    return {split.name: rows_of(base, split.pattern) for split in config.splits}


def files_of_written(files: dict[str, list[str]], settings: Settings) -> dict[str, list[str]]:
    """The files that give rows to each split that is written."""
    return files if settings.splitting is None else dict.fromkeys(settings.splitting.splits, files[UNDIVIDED])


def check_not_empty(artifact: types.Artifact, files: dict[str, list[str]]) -> None:
    """A split without a shard is one without rows.

    Raises:
        DataError: it names the files.
    """
    for split, names in files.items():
        if not fileio.listdir(artifact_utils.get_split_uri([artifact], split)):
            raise DataError(
                ", ".join(names), f"the {split} split has no rows", expected="at least one row below the header",
                next_step="Look at the files, and at data.split_by where it divides them.",
            )  # fmt: skip


def settings_of(exec_properties: dict[str, Any]) -> Settings:
    """The settings that the component was given."""
    custom = example_gen_pb2.CustomConfig()
    proto_utils.json_to_proto(exec_properties[specs.CUSTOM_CONFIG_KEY], custom)
    packed = struct_pb2.Struct()
    custom.custom_config.Unpack(packed)
    settings = json.loads(packed["settings"])
    del settings["layout"]
    columns = settings.pop("columns")
    rules = {name: ColumnRule(**rule) for name, rule in columns["rules"].items()}
    splitting = settings.pop("splitting")
    return Settings(Columns(rules, columns["others"]), **settings, splitting=splitting and Splitting(**splitting))


def find_bad(files: dict[str, list[str]], settings: Settings) -> DataError | None:
    """The first part of a file that cannot be read, if that is what went wrong."""
    # In the order of the file, by which a row is named.
    settings = dataclasses.replace(settings, shuffle_rows=0)
    try:
        for _ in all_rows(files, settings):
            pass
        for name in (name for names in files.values() for name in names):
            count_rows(name, settings.columns)
    except LabelError as error:
        free = dataclasses.replace(settings, columns=unchecked(settings.columns))
        return with_totals(error, settings.columns, all_rows(files, free))
    except DataError as error:
        return error
    return None


def all_rows(files: dict[str, list[str]], settings: Settings) -> Iterator[tuple[str, pa.RecordBatch]]:
    """The rows of all files, one after the other, with the split that they go to."""
    for work in (work for split, names in files.items() for work in work_on(split, names)):
        yield from divided(work, settings, BadRows(work.name))
