"""ExampleGen for CSV, JSON Lines, Parquet and TFRecord files through Arrow; it writes an ordinary Examples artifact."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Literal

from google.protobuf import struct_pb2
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.components.example_gen.component import FileBasedExampleGen
from tfx.dsl.components.base import executor_spec
from tfx.proto import example_gen_pb2

from components.arrow_example_gen.checks.columns import ColumnRule, Columns, Settings
from components.arrow_example_gen.driver import Driver
from components.arrow_example_gen.executor import UNDIVIDED, Executor
from components.arrow_example_gen.splitting.assignment import Splitting

# What an artifact of ours has beside its files: an earlier one, which has less, does not answer from the cache.
LAYOUT = 2


class ArrowExampleGen(FileBasedExampleGen):
    """Reads files of rows in ``<input_base>/<split>/`` for each split, typed by a schema.

    They are CSV, JSON Lines, Parquet or TFRecord (``*.csv``, ``*.jsonl``, ``*.parquet``, ``*.tfrecord``, ``*.gz``).

    With ``splitting`` it reads such files in ``input_base`` itself, and divides their rows.

    Args:
        input_base: folder with one folder per split, or of the files that are divided.
        schema: the columns; those with presence 1 must be in every file.
        splits: names of the splits, which are also the names of their folders.
        on_bad_row: whether a bad row of CSV or JSON Lines ends a run, or is written to ``quarantine/`` in the artifact.
        max_bad_share: the greatest share of such rows in a split, or in all that is divided, with which a run goes on.
        splitting: which split a row goes to, where files are not divided.
        shuffle_rows: how many rows of a file, or of a part of one, are put into a random order at a time; 0 for none.
        seed: decides that order.
        other_columns: whether a file with columns that are not in the schema is refused, or read without them.
        above: by the names of columns of numbers, what each number must be greater than.
        labels: by the name of the column of the label, the values of which every row has one.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)
    DRIVER_CLASS = Driver

    def __init__(
        self,
        input_base: str,
        schema: schema_pb2.Schema,
        splits: tuple[str, ...],
        on_bad_row: Literal["fail", "quarantine"] = "fail",
        max_bad_share: float = 0.01,
        splitting: Splitting | None = None,
        shuffle_rows: int = 0,
        seed: int = 0,
        other_columns: Literal["fail", "ignore"] = "fail",
        above: Mapping[str, float] | None = None,
        labels: Mapping[str, Sequence[int]] | None = None,
    ) -> None:
        places = {UNDIVIDED: "*.*"} if splitting else {split: f"{split}/*.*" for split in splits}
        patterns = [example_gen_pb2.Input.Split(name=name, pattern=pattern) for name, pattern in places.items()]
        super().__init__(
            input_base=input_base,
            input_config=example_gen_pb2.Input(splits=patterns),
            custom_config=pack(
                # A seed without an effect must not be in the cache key.
                Settings(
                    Columns(column_rules(schema, above or {}, labels or {}), other_columns),
                    on_bad_row,
                    max_bad_share,
                    splitting,
                    shuffle_rows,
                    shuffle_rows and seed,
                )
            ),
        )


def column_rules(
    schema: schema_pb2.Schema, above: Mapping[str, float], labels: Mapping[str, Sequence[int]]
) -> dict[str, ColumnRule]:
    """The type of every column, whether it must be there, and what its numbers must be."""
    return {
        feature.name: ColumnRule(
            schema_pb2.FeatureType.Name(feature.type),
            required=feature.presence.min_fraction == 1.0 or feature.name in labels,
            above=above.get(feature.name),
            labels=labels.get(feature.name),
        )
        for feature in schema.feature
    }


def pack(settings: Settings) -> example_gen_pb2.CustomConfig:
    """The settings as TFX carries them to the executor, and into the cache key."""
    packed = struct_pb2.Struct()
    packed["settings"] = json.dumps({**dataclasses.asdict(settings), "layout": LAYOUT})
    custom = example_gen_pb2.CustomConfig()
    custom.custom_config.Pack(packed)
    return custom
