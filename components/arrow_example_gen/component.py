"""ExampleGen for CSV, JSON Lines, Parquet and TFRecord files, read through Arrow; its output is a standard artifact."""

from collections.abc import Mapping, Sequence
from typing import Literal

from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.components.example_gen.component import FileBasedExampleGen
from tfx.dsl.components.base import executor_spec
from tfx.proto import example_gen_pb2

from components.arrow_example_gen.checks.columns import Columns
from components.arrow_example_gen.driver import Driver
from components.arrow_example_gen.executor import UNSPLIT, Executor
from components.arrow_example_gen.settings import Settings, column_rules, pack
from components.arrow_example_gen.splitting.assignment import Splitting


class ArrowExampleGen(FileBasedExampleGen):
    """Reads the files in ``<input_base>/<split>/`` of each split, typed and checked by a schema.

    Their format goes by the suffix: ``*.csv``, ``*.jsonl``, ``*.parquet``, and ``*.tfrecord`` or ``*.gz``.

    With ``splitting`` it reads files that lie in ``input_base`` itself, and assigns their rows to splits.

    Args:
        input_base: folder with a folder of files for each split, or with the files themselves.
        schema: the columns; those with ``min_fraction`` 1 must be in every file.
        splits: names of the splits, and of their folders.
        on_bad_row: whether a bad row of CSV or JSON Lines fails the run, or goes to ``quarantine/`` in the artifact.
        max_bad_share: the largest tolerated share of bad rows in a split, or in all files with ``splitting``.
        splitting: how rows are assigned to splits, when the files are not divided yet.
        shuffle_rows: size of the window in which the rows of a file, or of a piece of one, are shuffled; 0 for none.
        seed: of the shuffling.
        other_columns: whether a file with columns that are not in the schema is refused, or read without them.
        above: for number columns, by name, the bound that each number must exceed.
        labels: for the label column, by name, the values of which every row must have one.
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
        labels: Mapping[str, Sequence[int | str]] | None = None,
    ) -> None:
        folders = {UNSPLIT: "*.*"} if splitting else {split: f"{split}/*.*" for split in splits}
        patterns = [example_gen_pb2.Input.Split(name=name, pattern=pattern) for name, pattern in folders.items()]
        super().__init__(
            input_base=input_base,
            input_config=example_gen_pb2.Input(splits=patterns),
            custom_config=pack(
                # A seed that has no effect must not be in the cache key.
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
