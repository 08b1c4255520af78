"""Real taxi rows, and what ArrowExampleGen and stock components make of files."""

import csv
from collections import Counter
from pathlib import Path
from typing import Any

import tensorflow as tf
import tfx
from ml_metadata.proto import metadata_store_pb2
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.dsl.components.base.base_node import BaseNode
from tfx.orchestration import metadata
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.orchestration.pipeline import Pipeline

from components.arrow_example_gen.component import ArrowExampleGen

BEAM_ARGS = [
    "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner",
    "--sdk_container_image=in-process",
]
TAXI = Path(tfx.__file__).parent / "examples" / "chicago_taxi_pipeline" / "data" / "simple" / "data.csv"
TEXTS = ("payment_type", "company")
WHOLE = (
    "pickup_community_area",
    "dropoff_community_area",
    "trip_start_month",
    "trip_start_hour",
    "trip_start_day",
    "trip_start_timestamp",
    "trip_seconds",
    "dropoff_census_tract",
)


def taxi_lines(rows: int | None = None) -> list[str]:
    """The header and the first rows, or all, with line ends."""
    lines = TAXI.read_text(encoding="utf-8").splitlines(keepends=True)
    return lines if rows is None else lines[: rows + 1]


def taxi_schema() -> schema_pb2.Schema:
    """The types that TFX finds in these rows."""
    schema = schema_pb2.Schema()
    for name in next(csv.reader(taxi_lines(0))):
        kind = "BYTES" if name in TEXTS else "INT" if name in WHOLE else "FLOAT"
        schema.feature.add(name=name, type=schema_pb2.FeatureType.Value(kind))
    return schema


def taxi_gen(rows: Path, **settings: Any) -> ArrowExampleGen:
    """The component on ``train/`` of a folder."""
    return ArrowExampleGen(input_base=str(rows), schema=taxi_schema(), splits=("train",), **settings)


def run_nodes(root: Path, *nodes: BaseNode) -> None:
    """Runs nodes as a pipeline."""
    LocalDagRunner().run(
        Pipeline(
            pipeline_name="ingest",
            pipeline_root=str(root / "root"),
            components=list(nodes),
            metadata_connection_config=store(root),
            beam_pipeline_args=BEAM_ARGS,
        )
    )


def store(root: Path) -> metadata_store_pb2.ConnectionConfig:
    return metadata.sqlite_metadata_connection_config(str(root / "metadata.db"))


def output(node: BaseNode, root: Path) -> Path:
    """The latest Examples artifact that a node wrote."""
    return max((root / "root" / node.id / "examples").iterdir(), key=lambda path: int(path.name))


def examples(folder: Path) -> Counter[bytes]:
    """All examples below a folder, as a multiset, by the values of their features.

    Where a cell is empty, stock writes a list without values, and ours no list: both have no value.
    """
    files = [str(path) for path in folder.glob("Split-*/*.gz")]
    records = tf.data.TFRecordDataset(files, compression_type="GZIP").as_numpy_iterator()
    return Counter(_canonical(tf.train.Example.FromString(record)) for record in records)


def _canonical(example: tf.train.Example) -> bytes:
    for feature in example.features.feature.values():
        kind = feature.WhichOneof("kind")
        if kind and not getattr(feature, kind).value:
            feature.ClearField(kind)
    return bytes(example.SerializeToString(deterministic=True))
