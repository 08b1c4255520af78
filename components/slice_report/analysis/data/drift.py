"""The drift of the training rows since the baseline."""

import math
from collections.abc import Iterator
from typing import TypeAlias

from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from components.artifacts.feature_statistics import column_name
from components.slice_report.analysis.data.distances import (
    as_numbers,
    as_text,
    divergence_of_numbers,
    divergence_of_text,
    l_infinity,
    sizes,
)
from components.slice_report.facts import Drift

Statistics: TypeAlias = statistics_pb2.DatasetFeatureStatistics
Features: TypeAlias = dict[str, statistics_pb2.FeatureNameStatistics]
TEXT, NUMBER = "string_stats", "num_stats"
L_INFINITY, JENSEN_SHANNON = "L-infinity", "Jensen-Shannon"


def drift(
    statistics: Statistics,
    baseline_statistics: Statistics,
    schema: schema_pb2.Schema,
    bound_categorical: float,
    bound_numeric: float,
) -> tuple[Drift, ...]:
    """Return the distances of columns, the nearest to its bound first.

    Only columns of the schema that have values in either run, of the same kind, are compared. The distance of text is
    L-infinity, the largest difference of the share of a value; that of numbers is the Jensen-Shannon divergence of
    TFDV's histograms, in bits. Text has a Jensen-Shannon divergence, too, if the schema bounds it. A missing value
    counts as a value, so a column that becomes empty, or is new, has the largest distance. TFDV counts all text that is
    not UTF-8 as one value, and likewise all text that is too long for it.

    Args:
        statistics: of this run.
        baseline_statistics: of the baseline's run.
        schema: its ``drift_comparator`` thresholds take precedence over the bounds.
        bound_categorical: for the L-infinity distance, in [0, 1].
        bound_numeric: for the Jensen-Shannon divergence, in [0, 1].
    """
    rows = int(statistics.num_examples), int(baseline_statistics.num_examples)
    if not all(rows):
        return ()
    sides = with_values(statistics), with_values(baseline_statistics)
    found = [
        row for feature in schema.feature for row in distances(feature, sides, rows, bound_categorical, bound_numeric)
    ]
    return tuple(sorted(found, key=lambda row: (-over_bound(row), row.column, row.measure)))


def with_values(statistics: Statistics) -> Features:
    """Return the columns of text and of numbers that have any values."""
    found = {column_name(feature): feature for feature in statistics.features}
    kinds = {name: feature.WhichOneof("stats") for name, feature in found.items()}
    return {
        name: feature
        for name, feature in found.items()
        if kinds[name] in (TEXT, NUMBER) and getattr(feature, kinds[name]).common_stats.tot_num_values > 0
    }


def distances(
    feature: schema_pb2.Feature,
    sides: tuple[Features, Features],
    rows: tuple[int, int],
    bound_categorical: float,
    bound_numeric: float,
) -> Iterator[Drift]:
    """Yield the distances of one column; none if it has no values, or is text in one run and numbers in the other."""
    found = [of_side.get(feature.name) for of_side in sides]
    kinds = {side.WhichOneof("stats") for side in found if side is not None}
    own = feature.drift_comparator
    divergence = own.jensen_shannon_divergence
    missing = [share_missing(side, count) for side, count in zip(found, rows, strict=True)]
    if kinds == {NUMBER}:
        bound = divergence.threshold if divergence.HasField("threshold") else bound_numeric
        numbers = [as_numbers(side, count) for side, count in zip(found, rows, strict=True)]
        yield Drift(feature.name, JENSEN_SHANNON, divergence_of_numbers(*numbers), bound, *missing)
    elif kinds == {TEXT}:
        texts = [as_text(side, count) for side, count in zip(found, rows, strict=True)]
        bound = own.infinity_norm.threshold if own.infinity_norm.HasField("threshold") else bound_categorical
        yield Drift(feature.name, L_INFINITY, l_infinity(*texts), bound, *missing)
        if divergence.HasField("threshold"):
            yield Drift(feature.name, JENSEN_SHANNON, divergence_of_text(*texts), divergence.threshold, *missing)


def share_missing(feature: statistics_pb2.FeatureNameStatistics | None, rows: int) -> float:
    """Return the share of the rows without a value."""
    return sizes(feature, rows)[1] / rows if feature is not None else 1.0


def over_bound(row: Drift) -> float:
    """Return the distance in units of its bound."""
    if row.bound:
        return row.distance / row.bound
    return math.inf if row.distance else 0.0
