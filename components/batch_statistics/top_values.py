"""The most frequent values of text and category columns: exact up to a bound, TFDV's estimates beyond it.

Stock StatisticsGen sends a record for each value of each batch through Beam. Here the counts of a file are an Arrow
table, and only tables are sent.
"""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import tensorflow_data_validation as tfdv
from numpy.typing import NDArray
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.artifacts.feature_statistics import ESTIMATED
from components.batch_statistics.counts import Estimate, FeatureCounts
from components.compat.tfdv import (
    CombinerStatsGenerator,
    FeaturePath,
    array_util,
    arrow_util,
    schema_util,
    stats_util,
    top_k_uniques,
)
from components.support.value_counts import group_values

Accumulator = dict[FeaturePath, FeatureCounts]


class TopValues(CombinerStatsGenerator):
    """TFDV's TopKUniquesStatsGenerator as a combiner, with the same output."""

    def __init__(self, options: tfdv.StatsOptions) -> None:
        super().__init__("TopValues", options.schema)
        self.options = options
        self.kept = max(options.num_top_values, options.num_rank_histogram_buckets)
        self.raw = frozenset(schema_util.get_bytes_features(options.schema) if options.schema else ())
        self.categories = schema_util.get_categorical_numeric_feature_types(options.schema) if options.schema else {}

    def create_accumulator(self) -> Accumulator:
        """Return counts of no values."""
        return {}

    def add_input(self, accumulator: Accumulator, batch: pa.RecordBatch) -> Accumulator:
        leaves = arrow_util.enumerate_arrays(
            batch, example_weight_map=self.options.example_weight_map, enumerate_leaves_only=True
        )
        for path, array, weights in leaves:
            if self.is_counted(path, array.type):
                accumulator.setdefault(path, FeatureCounts()).add(count_values(array, weights))
        return accumulator

    def is_counted(self, path: FeaturePath, kind: pa.DataType) -> bool:
        """Whether the values of a feature are counted: it is text, or integers that are categories."""
        feature = stats_util.get_feature_type_from_arrow_type(path, kind)
        if feature == statistics_pb2.FeatureNameStatistics.STRING:
            return path not in self.raw
        return feature == statistics_pb2.FeatureNameStatistics.INT and top_k_uniques.output_categorical_numeric(
            self.categories, path, feature
        )

    def merge_accumulators(self, accumulators: Iterable[Accumulator]) -> Accumulator:
        """Merge the counts of several files into the first, which is changed."""
        first, *others = accumulators
        for other in others:
            for path, counts in other.items():
                first.setdefault(path, FeatureCounts()).merge(counts)
        return first

    def compact(self, accumulator: Accumulator) -> Accumulator:
        """Merge the rows of equal values."""
        for counts in accumulator.values():
            counts.compact()
        return accumulator

    def extract_output(self, accumulator: Accumulator) -> statistics_pb2.DatasetFeatureStatistics:
        """Return the top values, the rank histogram and the number of unique values of each feature."""
        result = statistics_pb2.DatasetFeatureStatistics()
        for path, counts in accumulator.items():
            estimate = counts.estimate(self.kept)
            if estimate.unique:
                result.features.append(self.feature(path, estimate))
        return result

    def feature(self, path: FeaturePath, estimate: Estimate) -> statistics_pb2.FeatureNameStatistics:
        feature = top_k_uniques.make_feature_stats_proto_topk_uniques(
            feature_path=path,
            num_top_values=self.options.num_top_values,
            num_rank_histogram_buckets=self.options.num_rank_histogram_buckets,
            num_unique=estimate.unique,
            value_count_list=[top_k_uniques.FeatureValueCount(*pair) for pair in estimate.top],
            weighted_value_count_list=[top_k_uniques.FeatureValueCount(*pair) for pair in estimate.weighted],
            frequency_threshold=self.options.frequency_threshold,
            weighted_frequency_threshold=self.options.weighted_frequency_threshold,
        )
        if not estimate.exact:
            feature.custom_stats.add(name=ESTIMATED, num=1.0)
        return feature


def count_values(array: pa.Array, weights: NDArray[np.generic] | None) -> pa.Table:
    """Count the values in a column of lists.

    Args:
        array: (rows,) lists of values.
        weights: (rows,) or None.
    """
    values, rows = array_util.flatten_nested(array, weights is not None)
    if weights is None:
        counted = values.value_counts()
        return pa.table({"value": counted.field("values"), "count": counted.field("counts")})
    table = pa.table({"value": values, "count": np.ones(len(values), np.int64), "weight": weights[rows].astype(float)})
    return group_values(table)
