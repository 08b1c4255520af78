"""ExampleGen for CSV and Parquet files through Arrow; its output is an ordinary Examples artifact."""

import dataclasses
import json

from google.protobuf import struct_pb2
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.components.example_gen.component import FileBasedExampleGen
from tfx.dsl.components.base import executor_spec
from tfx.proto import example_gen_pb2

from components.arrow_example_gen.columns import ColumnRule, Columns
from components.arrow_example_gen.executor import Executor


class ArrowExampleGen(FileBasedExampleGen):
    """Reads ``<input_base>/<split>/*.csv`` or ``*.parquet`` for each split, typed by a schema.

    Args:
        input_base: folder with one folder per split.
        schema: the columns; those with presence 1 must be in every file.
        splits: names of the splits, which are also the names of their folders.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(self, input_base: str, schema: schema_pb2.Schema, splits: tuple[str, ...]) -> None:
        patterns = [example_gen_pb2.Input.Split(name=split, pattern=f"{split}/*.*") for split in splits]
        super().__init__(
            input_base=input_base,
            input_config=example_gen_pb2.Input(splits=patterns),
            custom_config=pack_columns(column_rules(schema)),
        )


def column_rules(schema: schema_pb2.Schema) -> Columns:
    """The type of every column, and whether it must be there."""
    return {
        feature.name: ColumnRule(
            schema_pb2.FeatureType.Name(feature.type),
            required=feature.presence.min_fraction == 1.0,
        )
        for feature in schema.feature
    }


def pack_columns(columns: Columns) -> example_gen_pb2.CustomConfig:
    """The column rules as TFX carries them to the executor, and into the cache key."""
    packed = struct_pb2.Struct()
    packed["columns"] = json.dumps({name: dataclasses.asdict(rule) for name, rule in columns.items()})
    custom = example_gen_pb2.CustomConfig()
    custom.custom_config.Pack(packed)
    return custom
