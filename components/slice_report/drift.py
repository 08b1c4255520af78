"""How far the training rows are from those of the baseline, as TFDV measures it."""

import math
from collections.abc import Mapping
from typing import TypeAlias

import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2

from components.slice_report.facts import Drift
from components.slice_report.statistics import column_name

Statistics: TypeAlias = statistics_pb2.DatasetFeatureStatistics
Measurement = anomalies_pb2.DriftSkewInfo.Measurement
MEASURES = {Measurement.L_INFTY: "L-infinity", Measurement.JENSEN_SHANNON_DIVERGENCE: "Jensen-Shannon"}
TEXT, NUMBER = "string_stats", "num_stats"


def drift(
    statistics: Statistics,
    baseline_statistics: Statistics,
    schema: schema_pb2.Schema,
    bound_categorical: float,
    bound_numeric: float,
) -> tuple[Drift, ...]:
    """The distance of each column of the schema that has values of one kind in both; the nearest to its bound first.

    Text is measured by the L-infinity distance, the largest difference of the share of a value; numbers by the
    Jensen-Shannon divergence of TFDV's histograms, in bits; text by the latter too, where the schema bounds that.
    TFDV counts as one value all text that is not UTF-8, and all that it finds too long to keep.

    Args:
        statistics: of this run.
        baseline_statistics: of the run compared with.
        schema: whose ``drift_comparator`` thresholds come before the bounds.
        bound_categorical: for the L-infinity distance, in [0, 1].
        bound_numeric: for the Jensen-Shannon divergence, in [0, 1].
    """
    kinds, before = kinds_with_values(statistics), kinds_with_values(baseline_statistics)
    comparable = {name: kind for name, kind in kinds.items() if before.get(name) == kind}
    anomalies = tfdv.validate_statistics(
        statistics_pb2.DatasetFeatureStatisticsList(datasets=[statistics]),
        with_comparators(schema, comparable, bound_categorical, bound_numeric),
        previous_statistics=statistics_pb2.DatasetFeatureStatisticsList(datasets=[baseline_statistics]),
    )
    return tuple(sorted(read_distances(anomalies), key=lambda row: (-over_bound(row), row.column, row.measure)))


def kinds_with_values(statistics: Statistics) -> dict[str, str]:
    """``string_stats`` or ``num_stats`` by column, for columns with a value other than nan."""
    kinds = {column_name(feature): (feature, feature.WhichOneof("stats")) for feature in statistics.features}
    return {name: kind for name, (feature, kind) in kinds.items() if kind in (TEXT, NUMBER) and has_values(feature)}


def has_values(feature: statistics_pb2.FeatureNameStatistics) -> bool:
    """Whether there is anything to compare."""
    if feature.HasField(TEXT):
        return bool(feature.string_stats.common_stats.tot_num_values > 0)
    return any(bucket.sample_count > 0 for item in feature.num_stats.histograms for bucket in item.buckets)


def with_comparators(
    schema: schema_pb2.Schema, kinds: Mapping[str, str], bound_categorical: float, bound_numeric: float
) -> schema_pb2.Schema:
    """A schema of the columns that can be compared and no others, each with a comparator that TFDV answers to.

    Of a deprecated column TFDV measures nothing, and of the L-infinity distance of numbers it says 0: hence only name,
    type and thresholds are taken over, and no L-infinity for numbers.
    """
    copied = schema_pb2.Schema()
    for feature in (feature for feature in schema.feature if feature.name in kinds):
        copy = copied.feature.add(name=feature.name, type=feature.type)
        own, to = feature.drift_comparator, copy.drift_comparator
        if own.jensen_shannon_divergence.HasField("threshold"):
            to.jensen_shannon_divergence.CopyFrom(own.jensen_shannon_divergence)
        if kinds[feature.name] == NUMBER and not to.HasField("jensen_shannon_divergence"):
            to.jensen_shannon_divergence.threshold = bound_numeric
        if kinds[feature.name] == TEXT:
            has_own = own.infinity_norm.HasField("threshold")
            to.infinity_norm.threshold = own.infinity_norm.threshold if has_own else bound_categorical
    return copied


def read_distances(anomalies: anomalies_pb2.Anomalies) -> list[Drift]:
    """TFDV's measurements, those within their bounds too. Both measures end at 1; TFDV's sums go a little over."""
    return [
        Drift(".".join(info.path.step), MEASURES[measured.type], min(max(measured.value, 0.0), 1.0), measured.threshold)
        for info in anomalies.drift_skew_info
        for measured in info.drift_measurements
        if measured.type in MEASURES
    ]


def over_bound(row: Drift) -> float:
    """The distance in units of its bound."""
    if row.bound:
        return row.distance / row.bound
    return math.inf if row.distance else 0.0
