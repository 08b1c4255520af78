"""Reads CSV by record batch in C++ and writes tf.Examples, in place of CsvExampleGen's per-row Python."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.io.filesystems import FileSystems
from google.protobuf import struct_pb2
from tfx import types
from tfx.components.example_gen import base_example_gen_executor
from tfx.dsl.io import fileio
from tfx.proto import example_gen_pb2
from tfx.types import standard_component_specs as specs
from tfx.utils import proto_utils
from tfx_bsl.coders import example_coder

from components.arrow_example_gen.csv_rows import ColumnRule, Columns, as_lists, check_header, explain, read_batches
from pipeline.errors import DataError

logger = logging.getLogger(__name__)
Artifacts = dict[str, list[types.Artifact]]


class EncodeFile(beam.DoFn):
    """A file name to its rows as serialized tf.Examples; a null cell is an absent feature."""

    def __init__(self, columns: Columns) -> None:
        self.columns = columns

    def process(self, name: str) -> Iterator[bytes]:
        """Reads block by block, so that a file larger than memory passes."""
        encoder = example_coder.RecordBatchToExamplesEncoder()
        with FileSystems.open(name) as file:
            for batch in read_batches(file, self.columns):
                yield from encoder.encode(as_lists(batch))


class CsvToExample(beam.PTransform):
    """The files of one split to serialized tf.Examples."""

    def __init__(self, exec_properties: dict[str, Any], split_pattern: str) -> None:
        super().__init__()
        self.files = split_files(exec_properties, split_pattern)
        self.columns = columns_of(exec_properties)

    def expand(self, pipeline: beam.Pipeline) -> beam.PCollection:
        """Files in, examples out; files are read side by side."""
        return pipeline | beam.Create(self.files) | beam.Reshuffle() | beam.ParDo(EncodeFile(self.columns))


class Executor(base_example_gen_executor.BaseExampleGenExecutor):
    """ExampleGen over CSV files, typed and checked by the schema."""

    def GetInputSourceToExamplePTransform(self) -> type[beam.PTransform]:  # noqa: N802
        """The transform that TFX applies to each split."""
        return CsvToExample

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:  # noqa: N802
        """Writes the splits.

        Raises:
            DataError: a file is missing, empty or malformed; it says where.
        """
        columns = columns_of(exec_properties)
        files = [name for pattern in split_patterns(exec_properties) for name in split_files(exec_properties, pattern)]
        for name in files:
            with FileSystems.open(name) as file:
                check_header(name, file, columns)
        try:
            super().Do(input_dict, output_dict, exec_properties)
        except Exception as error:
            # Beam reports a worker's error as text, without its type: the bad line is found by reading once more.
            logger.info("reading failed: looking for the line", exc_info=True)
            raise find_bad_line(files, columns) or error from error


def split_patterns(exec_properties: dict[str, Any]) -> list[str]:
    """The file patterns of the input splits."""
    config = example_gen_pb2.Input()
    proto_utils.json_to_proto(exec_properties[specs.INPUT_CONFIG_KEY], config)
    return [split.pattern for split in config.splits]


def split_files(exec_properties: dict[str, Any], pattern: str) -> list[str]:
    """The files of a pattern below the input folder; none is an error."""
    full = f"{exec_properties[specs.INPUT_BASE_KEY]}/{pattern}"
    files = sorted(fileio.glob(full))
    if not files:
        raise DataError(full, "no file matches", expected="at least one CSV file", next_step="Check data.path.")
    return files


def columns_of(exec_properties: dict[str, Any]) -> Columns:
    """The column rules that the component was given."""
    custom = example_gen_pb2.CustomConfig()
    proto_utils.json_to_proto(exec_properties[specs.CUSTOM_CONFIG_KEY], custom)
    packed = struct_pb2.Struct()
    custom.custom_config.Unpack(packed)
    return {name: ColumnRule(**rule) for name, rule in json.loads(packed["columns"]).items()}


def find_bad_line(files: list[str], columns: Columns) -> DataError | None:
    """The first line that cannot be read, if that is what went wrong."""
    for name in files:
        with FileSystems.open(name) as file:
            header = file.readline().decode("utf-8-sig").strip().replace('"', "").split(",")
        try:
            with FileSystems.open(name) as file:
                for _ in read_batches(file, columns):
                    pass
        except pa.ArrowInvalid as error:
            return explain(name, error, header, columns)
    return None
