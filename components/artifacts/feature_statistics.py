"""TFDV's statistics of a column, as several components read them."""

from tensorflow_metadata.proto.v0 import statistics_pb2

# Custom statistic of a feature whose number of unique values and whose top values are estimates.
ESTIMATED = "estimated_top_values_and_unique"
# TFDV writes these in place of bytes that are not UTF-8, and of text over 1024 bytes
# (tensorflow_data_validation/statistics/generators/top_k_uniques_sketch_stats_generator.py).
NOT_UTF8, TOO_LONG = "__BYTES_VALUE__", "__LARGE_BYTES__"


def column_name(feature: statistics_pb2.FeatureNameStatistics) -> str:
    """Return the path of a feature, or in older statistics its name."""
    return ".".join(feature.path.step) or feature.name


def is_estimated(feature: statistics_pb2.FeatureNameStatistics) -> bool:
    """Return True if the values of a column were counted by sketches."""
    return any(custom.name == ESTIMATED for custom in feature.custom_stats)
