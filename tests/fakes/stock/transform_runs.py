"""Real rows as examples, stock Transform and ours on both, and how two outputs are compared."""

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import tensorflow as tf
import tensorflow_transform as tft
from fakes.stock import example_gen_runs
from fakes.stock.statistics_runs import taxi_table, write_examples
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.components.transform.executor import Executor as Stock
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.proto import transform_pb2
from tfx.types import standard_artifacts
from tfx.utils import io_utils, proto_utils

from components.batch_transform.executor import Executor as Ours

__all__ = ["taxi_rows", "write_examples"]
EXECUTORS = {"stock": Stock, "ours": Ours}
REQUIRED = ("fare", "trip_miles", "trip_start_hour", "tips", "payment_type")
LISTED = "list"


def taxi_rows() -> pa.Table:
    """All taxi rows."""
    return taxi_table()


def taxi_schema() -> schema_pb2.Schema:
    """The schema of these rows: some columns are in each, the others may be missing."""
    schema = example_gen_runs.taxi_schema()
    for feature in schema.feature:
        if feature.name in REQUIRED:
            feature.presence.min_fraction = 1.0
            feature.shape.dim.add(size=1)
    return schema


class Outputs:
    """The output of an executor."""

    def __init__(self, folder: Path) -> None:
        self.graph = standard_artifacts.TransformGraph()
        self.graph.uri = str(folder / "graph")
        self.examples = standard_artifacts.Examples()
        self.examples.uri = str(folder / "examples")
        for artifact in (self.graph, self.examples):
            os.makedirs(artifact.uri)

    @property
    def transform(self) -> tft.TFTransformOutput:
        return tft.TFTransformOutput(self.graph.uri)

    def files(self) -> dict[str, bytes]:
        """The files of the graph that are equal byte for byte: metadata and vocabularies."""
        folder = Path(self.graph.uri)
        whole = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
        return {name: path.read_bytes() for name, path in whole.items() if "assets/" in name or "metadata/" in name}

    def names(self) -> set[str]:
        """All files of the graph."""
        folder = Path(self.graph.uri)
        return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}

    def rows(self, split: str) -> list[tf.train.Example]:
        """The transformed rows of a split."""
        paths = sorted(map(str, Path(self.examples.uri, f"Split-{split}").glob("transformed_examples-*.gz")))
        records = tf.data.TFRecordDataset(paths, "GZIP").as_numpy_iterator()
        return [tf.train.Example.FromString(record) for record in records]


def run(
    name: str,
    examples: standard_artifacts.Examples,
    out: Path,
    function: str,
    schema: schema_pb2.Schema,
    transform: tuple[str, ...] = ("train", "eval"),
    **properties: Any,
) -> Outputs:
    """Run one of the two executors on some rows; the preprocessing function is named by its dotted path."""
    outputs = Outputs(out / name)
    given = standard_artifacts.Schema()
    given.uri = str(out / name / "schema")
    os.makedirs(given.uri)
    io_utils.write_pbtxt_file(os.path.join(given.uri, "schema.pbtxt"), schema)
    splits = transform_pb2.SplitsConfig(analyze=["train"], transform=transform)
    settings = {
        "preprocessing_fn": function,
        "disable_statistics": 1,
        "splits_config": proto_utils.proto_to_json(splits),
        "custom_config": "null",
        **properties,
    }
    # Beam arguments would make TFX build a package of itself, which takes four seconds.
    context = BaseBeamExecutor.Context(make_beam_pipeline_fn=lambda: beam.Pipeline(argv=example_gen_runs.BEAM_ARGS))
    EXECUTORS[name](context).Do(
        {"examples": [examples], "schema": [given]},
        {"transform_graph": [outputs.graph], "transformed_examples": [outputs.examples]},
        settings,
    )
    return outputs


def run_both(*args: Any, **settings: Any) -> tuple[Outputs, Outputs]:
    """Return the outputs of the stock executor and of ours."""
    return run("stock", *args, **settings), run("ours", *args, **settings)


def check_equal(stock: Outputs, ours: Outputs, splits: tuple[str, ...], rtol: float = 1e-4) -> None:
    """Files byte for byte, rows feature by feature, in the order of the files; numbers up to the rounding of sums."""
    assert ours.names() == stock.names()
    assert ours.files() == stock.files()
    assert ours.examples.split_names == stock.examples.split_names == json.dumps(list(splits))
    for split in splits:
        wanted, found = stock.rows(split), ours.rows(split)
        assert len(found) == len(wanted)
        for before, after in zip(wanted, found, strict=True):
            check_row(before, after, rtol)


def check_row(wanted: tf.train.Example, found: tf.train.Example, rtol: float) -> None:
    """Each feature: kind, and values."""
    assert found.features.feature.keys() == wanted.features.feature.keys()
    for name, feature in wanted.features.feature.items():
        other = found.features.feature[name]
        assert other.WhichOneof("kind") == feature.WhichOneof("kind"), name
        if feature.WhichOneof("kind") == "float_list":
            np.testing.assert_allclose(other.float_list.value, feature.float_list.value, rtol, 1e-5, err_msg=name)
        else:
            assert other == feature, name


def multiset(rows: list[tf.train.Example]) -> Counter[bytes]:
    """Rows in no order."""
    return Counter(row.SerializeToString(deterministic=True) for row in rows)
