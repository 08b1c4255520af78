"""Distances between two columns by their statistics, as shares of all rows; a missing value counts as a value.

Text has a share for each value that its statistics list; an unlisted value is at most as frequent as the last listed.
Numbers have a share for each cell of the two histograms overlaid, with rows spread evenly over a bucket.
"""

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from tensorflow_metadata.proto.v0 import statistics_pb2

Feature: TypeAlias = statistics_pb2.FeatureNameStatistics
Buckets: TypeAlias = "list[statistics_pb2.Histogram.Bucket]"
Shares: TypeAlias = Mapping[Hashable, float]
Floats: TypeAlias = NDArray[np.float64]
MISSING, NAN, BELOW, ABOVE, OTHERS = object(), object(), object(), object(), object()


@dataclass(frozen=True)
class TextShares:
    """Shares by value, and by ``MISSING``; ``rest`` is the share of unlisted values, each at most ``ceiling``."""

    shares: Shares
    rest: float = 0.0
    ceiling: float = 0.0


@dataclass(frozen=True)
class NumberShares:
    """Shares of buckets, (buckets,) with their ends, of single numbers, and of values that are not finite."""

    low: Floats
    high: Floats
    share: Floats
    points: Mapping[float, float]
    others: Shares


def as_text(feature: Feature | None, rows: int) -> TextShares:
    """Return the shares of a text column; without statistics every row is missing."""
    if feature is None:
        return TextShares({MISSING: 1.0})
    values, missing = sizes(feature, rows)
    listed = {bucket.label: bucket.sample_count for bucket in feature.string_stats.rank_histogram.buckets}
    total = max(values, math.fsum(listed.values())) + missing
    shares = {value: count / total for value, count in listed.items()}
    rest = max(1.0 - math.fsum(shares.values()) - missing / total, 0.0)
    # The rest is a rounding error, or at least one value.
    whole = rest * total < 0.5
    ceiling = 0.0 if whole else min(shares.values(), default=1.0)
    return TextShares({**shares, MISSING: missing / total}, 0.0 if whole else rest, ceiling)


def as_numbers(feature: Feature | None, rows: int) -> NumberShares:
    """Return the shares of a column of numbers; without statistics every row is missing."""
    nothing = np.empty(0)
    if feature is None:
        return NumberShares(nothing, nothing, nothing, {}, {MISSING: 1.0})
    values, missing = sizes(feature, rows)
    nan = max((histogram.num_nan for histogram in feature.num_stats.histograms), default=0)
    buckets = [bucket for bucket in histogram_of(feature) if bucket.sample_count > 0]
    unit = (values - nan) / (values + missing) / (math.fsum(bucket.sample_count for bucket in buckets) or 1.0)
    points: dict[float, float] = {}
    others = {MISSING: missing / (values + missing), NAN: nan / (values + missing), BELOW: 0.0, ABOVE: 0.0}
    spread = []
    for bucket in buckets:
        if not (math.isfinite(bucket.low_value) and math.isfinite(bucket.high_value)):
            others[ABOVE if bucket.high_value == math.inf else BELOW] += bucket.sample_count * unit
        elif bucket.low_value == bucket.high_value:
            points[bucket.low_value] = points.get(bucket.low_value, 0.0) + bucket.sample_count * unit
        else:
            spread.append((bucket.low_value, bucket.high_value, bucket.sample_count * unit))
    low, high, share = np.array(spread, float).reshape(-1, 3).T
    return NumberShares(low, high, share, points, others)


def sizes(feature: Feature, rows: int) -> tuple[float, float]:
    """Return the number of values, of which a row may have several, and of rows without one."""
    stats = feature.num_stats if feature.HasField("num_stats") else feature.string_stats
    return float(stats.common_stats.tot_num_values), float(rows - stats.common_stats.num_non_missing)


def histogram_of(feature: Feature) -> Buckets:
    """Return the buckets of equal width, or of the quantiles if TFDV has only those."""
    by_type = {histogram.type: list(histogram.buckets) for histogram in reversed(feature.num_stats.histograms)}
    kinds = statistics_pb2.Histogram.STANDARD, statistics_pb2.Histogram.QUANTILES
    return next((by_type[kind] for kind in kinds if by_type.get(kind)), [])


def l_infinity(now: TextShares, before: TextShares) -> float:
    """Return the largest difference of a share, missing values included; a lower bound if values are unlisted.

    >>> l_infinity(TextShares({"a": 0.5, MISSING: 0.5}), TextShares({"a": 1.0}))
    0.5
    """
    differences = [
        max(abs(now.shares[value] - before.shares[value]), 0.0)
        if value in now.shares and value in before.shares
        else max(now.shares.get(value, 0.0) - before.ceiling, before.shares.get(value, 0.0) - now.ceiling, 0.0)
        for value in {**now.shares, **before.shares}
    ]
    return min(max(differences, default=0.0), 1.0)


def divergence_of_text(now: TextShares, before: TextShares) -> float:
    """Return the Jensen-Shannon divergence in bits; a lower bound if values are unlisted.

    A value that one side does not list is merged with all unlisted values; merging cannot increase the divergence.
    """
    alone = {
        value
        for value in {**now.shares, **before.shares}
        if (value not in now.shares and now.rest) or (value not in before.shares and before.rest)
    }
    together = [of_those(side, alone) for side in (now, before)]
    keys = list({**together[0], **together[1]})
    return jensen_shannon(*(np.array([side.get(key, 0.0) for key in keys]) for side in together))


def of_those(side: TextShares, alone: set[Hashable]) -> dict[Hashable, float]:
    """Return the shares of a side, some of them merged with the unlisted values."""
    kept: dict[Hashable, float] = {value: share for value, share in side.shares.items() if value not in alone}
    return {**kept, OTHERS: side.rest + math.fsum(side.shares.get(value, 0.0) for value in alone)}


def divergence_of_numbers(now: NumberShares, before: NumberShares) -> float:
    """Return the Jensen-Shannon divergence in bits, over cells that end where a bucket of either side does."""
    edges = np.unique(np.concatenate([now.low, now.high, before.low, before.high]))
    cells = [spread_over(side, edges) for side in (now, before)]
    keys = list({**cells[0][1], **cells[1][1]})
    return jensen_shannon(
        *(np.concatenate([shares, [single.get(key, 0.0) for key in keys]]) for shares, single in cells)
    )


def spread_over(side: NumberShares, edges: Floats) -> tuple[Floats, dict[Hashable, float]]:
    """Return the shares of the cells between edges, (edges - 1,), and of the values outside of any cell."""
    width = side.high - side.low
    overlap = np.minimum(edges[1:, None], side.high) - np.maximum(edges[:-1, None], side.low)
    shares = (
        (np.clip(overlap, 0.0, None) / width * side.share).sum(axis=1) if len(width) else np.zeros(overlap.shape[0])
    )
    single: dict[Hashable, float] = dict(side.others)
    for point, share in side.points.items():
        cell = int(np.searchsorted(edges, point, "right")) - 1
        if len(edges) and edges[0] <= point <= edges[-1]:
            shares[min(cell, len(shares) - 1)] += share
        else:
            single[point] = share
    return shares, single


def jensen_shannon(p: Floats, q: Floats) -> float:
    """Return the divergence of two distributions in bits, in [0, 1].

    >>> jensen_shannon(np.array([1.0, 0.0]), np.array([0.0, 1.0])), jensen_shannon(np.array([1.0]), np.array([1.0]))
    (1.0, 0.0)
    """
    middle = (p + q) / 2
    parts = [side[side > 0] * np.log2(side[side > 0] / middle[side > 0]) for side in (p, q)]
    # Sums of many shares have rounding errors.
    return min(max(round(float(sum(part.sum() for part in parts)) / 2, 12), 0.0), 1.0)
