"""The files of an ExampleStatistics artifact."""

from collections.abc import Mapping

from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx.dsl.io import fileio

FILE_NAME = "FeatureStats.pb"


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
