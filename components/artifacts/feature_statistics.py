"""Marks of our own in TFDV's statistics."""

from tensorflow_metadata.proto.v0 import statistics_pb2

# Custom statistic of a feature whose number of unique values and whose top values are estimates.
ESTIMATED = "estimated_top_values_and_unique"


def is_estimated(feature: statistics_pb2.FeatureNameStatistics) -> bool:
    """Return True if the values of a column were counted by sketches."""
    return any(custom.name == ESTIMATED for custom in feature.custom_stats)
