"""TFDV's statistics of splits and columns, as several components read them."""

from collections.abc import Mapping

from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx.dsl.io import fileio

FILE_NAME = "FeatureStats.pb"
# Custom statistic of a feature whose number of unique values and whose top values are estimates.
ESTIMATED = "estimated_top_values_and_unique"
# TFDV writes these in place of bytes that are not UTF-8, and of text over 1024 bytes
# (tensorflow_data_validation/statistics/generators/top_k_uniques_sketch_stats_generator.py).
NOT_UTF8, TOO_LONG = "__BYTES_VALUE__", "__LARGE_BYTES__"


def read_statistics(folders: Mapping[str, str]) -> dict[str, statistics_pb2.DatasetFeatureStatistics]:
    """Read the statistics of each split, whose folders in an ExampleStatistics artifact are given.

    Raises:
        NotFoundError: a split has none.
    """
    found = {}
    for split, folder in folders.items():
        with fileio.open(f"{folder}/{FILE_NAME}", "rb") as file:
            found[split] = statistics_pb2.DatasetFeatureStatisticsList.FromString(file.read()).datasets[0]
    return found


def column_name(feature: statistics_pb2.FeatureNameStatistics) -> str:
    """Return the path of a feature, or in older statistics its name."""
    return ".".join(feature.path.step) or feature.name


def is_estimated(feature: statistics_pb2.FeatureNameStatistics) -> bool:
    """Return True if the values of a column were counted by sketches."""
    return any(custom.name == ESTIMATED for custom in feature.custom_stats)
