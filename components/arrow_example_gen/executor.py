"""Reads CSV and writes tf.Examples by record batch, in C++, in place of CsvExampleGen's per-row Python."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.io.filesystems import FileSystems
from google.protobuf import struct_pb2
from tfx import types
from tfx.dsl.components.base import base_beam_executor
from tfx.dsl.io import fileio
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils
from tfx.types import standard_component_specs as specs
from tfx.utils import proto_utils

from components.arrow_example_gen.csv_rows import ColumnRule, Columns, check_header, explain, read_batches
from components.arrow_example_gen.shards import write_shards
from pipeline.errors import DataError

logger = logging.getLogger(__name__)
Artifacts = dict[str, list[types.Artifact]]


class WriteShards(beam.DoFn):
    """(index, name) of a CSV file to gzipped TFRecords of tf.Example."""

    def __init__(self, columns: Columns, folder: str) -> None:
        self.columns = columns
        self.folder = folder

    def process(self, indexed_name: tuple[int, str]) -> Iterator[int]:
        """Gives the number of rows written; holds a few blocks of the file at a time."""
        index, name = indexed_name
        with FileSystems.open(name) as file:
            yield write_shards(read_batches(file, self.columns), self.folder, f"data_tfrecord-{index:05d}")


class Executor(base_beam_executor.BaseBeamExecutor):
    """ExampleGen over CSV files, typed and checked by the schema."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Writes the splits.

        Raises:
            DataError: a file is missing, empty or malformed; it says where.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        columns = columns_of(exec_properties)
        files = files_by_split(exec_properties)
        for name in (name for names in files.values() for name in names):
            with FileSystems.open(name) as file:
                check_header(name, file, columns)
        artifact = artifact_utils.get_single_instance(output_dict[specs.EXAMPLES_KEY])
        artifact.split_names = artifact_utils.encode_split_names(list(files))
        try:
            self._write(files, columns, artifact)
        except Exception as error:
            # Beam reports a worker's error as text, without its type: the bad line is found by reading once more.
            logger.info("writing failed: looking for a bad line", exc_info=True)
            raise find_bad_line(files, columns) or error from error
        check_not_empty(artifact, files)

    def _write(self, files: dict[str, list[str]], columns: Columns, artifact: types.Artifact) -> None:
        with self._make_beam_pipeline() as pipeline:
            for split, names in files.items():
                folder = artifact_utils.get_split_uri([artifact], split)
                fileio.makedirs(folder)
                indexed = pipeline | f"Files[{split}]" >> beam.Create(list(enumerate(names)))
                spread = indexed | f"Spread[{split}]" >> beam.Reshuffle()
                spread | f"Write[{split}]" >> beam.ParDo(WriteShards(columns, folder))


def files_by_split(exec_properties: dict[str, Any]) -> dict[str, list[str]]:
    """The files of each input split.

    Raises:
        DataError: a split without files.
    """
    config = example_gen_pb2.Input()
    proto_utils.json_to_proto(exec_properties[specs.INPUT_CONFIG_KEY], config)
    files = {}
    for split in config.splits:
        pattern = f"{exec_properties[specs.INPUT_BASE_KEY]}/{split.pattern}"
        files[split.name] = sorted(fileio.glob(pattern))
        if not files[split.name]:
            raise DataError(pattern, "no file matches", expected="at least one CSV file", next_step="Check data.path.")
    return files


def check_not_empty(artifact: types.Artifact, files: dict[str, list[str]]) -> None:
    """A split without a shard is one without rows.

    Raises:
        DataError: it names the files.
    """
    for split, names in files.items():
        if not fileio.listdir(artifact_utils.get_split_uri([artifact], split)):
            raise DataError(
                ", ".join(names), f"the {split} split has no rows", expected="at least one row below the header"
            )


def columns_of(exec_properties: dict[str, Any]) -> Columns:
    """The column rules that the component was given."""
    custom = example_gen_pb2.CustomConfig()
    proto_utils.json_to_proto(exec_properties[specs.CUSTOM_CONFIG_KEY], custom)
    packed = struct_pb2.Struct()
    custom.custom_config.Unpack(packed)
    return {name: ColumnRule(**rule) for name, rule in json.loads(packed["columns"]).items()}


def find_bad_line(files: dict[str, list[str]], columns: Columns) -> DataError | None:
    """The first line that cannot be read, if that is what went wrong."""
    for name in (name for names in files.values() for name in names):
        try:
            with FileSystems.open(name) as file:
                for _ in read_batches(file, columns):
                    pass
        except pa.ArrowInvalid as error:
            with FileSystems.open(name) as file:
                return explain(name, error, file, columns)
    return None
