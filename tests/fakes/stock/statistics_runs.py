"""Real rows as examples, and stock StatisticsGen and ours on both."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
from fakes.stock import example_gen_runs
from pyarrow import csv as arrow_csv
from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx.components.statistics_gen.executor import Executor as Stock
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import artifact_utils, standard_artifacts

from components.batch_statistics.executor import Executor as Ours
from components.examples.shards import write_shards
from data.fetch import DEFAULT_CACHE
from data.prepare import prepare

Statistics = statistics_pb2.DatasetFeatureStatistics
EPSILON = 0.01
EXECUTORS = {"stock": Stock, "ours": Ours}


def taxi_table() -> pa.Table:
    """All 15,002 taxi rows."""
    return read_csv(example_gen_runs.TAXI)


def census_table() -> pa.Table:
    """The training rows of census."""
    return read_csv(prepare("census", "given", 0, DEFAULT_CACHE).path / "train" / "rows.csv")


def read_csv(path: Path) -> pa.Table:
    table = arrow_csv.read_csv(path, convert_options=arrow_csv.ConvertOptions(strings_can_be_null=True))
    kinds = {pa.float64(): pa.float32(), pa.null(): pa.float32()}
    fields = [pa.field(field.name, kinds.get(field.type, field.type)) for field in table.schema]
    return table.cast(pa.schema(fields)).combine_chunks()


def write_examples(folder: Path, splits: Mapping[str, pa.Table], files: int = 1) -> standard_artifacts.Examples:
    """An artifact with the rows of each split in several files."""
    for split, table in splits.items():
        (folder / f"Split-{split}").mkdir(parents=True)
        rows = -(-table.num_rows // files) or 1
        for number in range(files):
            batches = table.slice(number * rows, rows).to_batches(max_chunksize=5000)
            empty = pa.RecordBatch.from_pylist([], schema=table.schema)
            target = str(folder / f"Split-{split}")
            write_shards(((target, batch) for batch in batches or [empty]), f"data_tfrecord-{number:05d}")
    examples = standard_artifacts.Examples()
    examples.uri = str(folder)
    examples.span = 7
    examples.split_names = artifact_utils.encode_split_names(list(splits))
    return examples


def count(
    name: str, examples: standard_artifacts.Examples, out: Path, schema: Path | None = None, **properties: Any
) -> standard_artifacts.ExampleStatistics:
    """The artifact that one of the two executors makes."""
    statistics = standard_artifacts.ExampleStatistics()
    statistics.uri = str(out / name)
    os.makedirs(statistics.uri)
    inputs = {"examples": [examples]}
    if schema is not None:
        inputs["schema"] = [standard_artifacts.Schema()]
        inputs["schema"][0].uri = str(schema)
    # Beam arguments would make TFX build a package of itself, which takes four seconds.
    context = BaseBeamExecutor.Context(make_beam_pipeline_fn=lambda: beam.Pipeline(argv=example_gen_runs.BEAM_ARGS))
    EXECUTORS[name](context).Do(inputs, {"statistics": [statistics]}, properties)
    return statistics


def load(statistics: standard_artifacts.ExampleStatistics, split: str) -> Statistics:
    """The statistics of a split."""
    content = Path(statistics.uri, f"Split-{split}", "FeatureStats.pb").read_bytes()
    (dataset,) = statistics_pb2.DatasetFeatureStatisticsList.FromString(content).datasets
    return dataset


def by_path(dataset: Statistics) -> dict[tuple[str, ...], statistics_pb2.FeatureNameStatistics]:
    return {tuple(feature.path.step): feature for feature in dataset.features}


def exact_part(feature: statistics_pb2.FeatureNameStatistics) -> statistics_pb2.FeatureNameStatistics:
    """Return the statistics that TFDV computes exactly: without those from quantile sketches, and rounded sums."""
    left = statistics_pb2.FeatureNameStatistics()
    left.CopyFrom(feature)
    if left.HasField("num_stats"):
        for numbers in (left.num_stats, left.num_stats.weighted_numeric_stats):
            for name in ("mean", "std_dev", "median", "histograms"):
                numbers.ClearField(name)
    return left


def quantile_errors(numbers: statistics_pb2.NumericStatistics, values: np.ndarray) -> list[float]:
    """Return the rank error of each quantile boundary and each histogram bucket, as a share of the values."""
    ordered = np.sort(values[~np.isnan(values)])
    standard, quantiles = numbers.histograms
    bounds = [bucket.high_value for bucket in quantiles.buckets]
    wanted = [(place + 1) / len(bounds) for place in range(len(bounds))]
    errors = [rank_error(ordered, bound, rank) for bound, rank in zip(bounds, wanted, strict=True)]
    errors.append(rank_error(ordered, numbers.median, 0.5))
    total = np.cumsum([bucket.sample_count for bucket in standard.buckets]) / len(ordered)
    ends = [bucket.high_value for bucket in standard.buckets]
    return errors + [rank_error(ordered, end, rank) for end, rank in zip(ends, total, strict=True)]


def rank_error(ordered: np.ndarray, value: float, rank: float) -> float:
    """The distance of a rank in [0, 1] from those that a value has among the ordered values."""
    low = np.searchsorted(ordered, value, "left") / len(ordered)
    high = np.searchsorted(ordered, value, "right") / len(ordered)
    return float(max(low - rank, rank - high, 0.0))
