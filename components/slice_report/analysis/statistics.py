"""TFDV's statistics and the gate's verdict as facts."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from tensorflow_metadata.proto.v0 import statistics_pb2

from components.artifacts.anomalies import Anomaly, covers
from components.artifacts.feature_statistics import NOT_UTF8, TOO_LONG, column_name, is_estimated
from components.evaluation.slice_values import shortest
from components.slice_report.facts import OTHER, Bar, ColumnStats, GateEntry
from pipeline.criteria import Acceptance

Feature: TypeAlias = statistics_pb2.FeatureNameStatistics
Bucket: TypeAlias = statistics_pb2.Histogram.Bucket
BARS = 10
LENGTH = 100
NUMBERS = {"mean": "mean", "std_dev": "std_dev", "minimum": "min", "median": "median", "maximum": "max"}
PLACEHOLDERS = {"": "(empty)", NOT_UTF8: "(not UTF-8)", TOO_LONG: "(too long)"}


def readable(value: str | bytes) -> str:
    r"""Return a value as text that fits a label: at most 100 characters, with escapes for bytes that are not UTF-8.

    >>> readable(b"caf\xc3\xa9 \xff")
    'café \\xff'
    >>> readable("")
    '(empty)'
    """
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value
    return PLACEHOLDERS.get(text) or (text if len(text) <= LENGTH else text[: LENGTH - 1] + "…")


def expected_count(value: float) -> str:
    """Format how many rows there should be, with two significant digits where that is less than one.

    >>> [expected_count(value) for value in (1234.56, 21.3, 0.0189, 0.0)]
    ['1,234.6', '21.3', '0.019', '0']
    """
    return (f"{value:,.1f}" if value >= 1 else f"{value:.2g}").replace("-", "−")


def column_stats(
    statistics: Mapping[str, statistics_pb2.DatasetFeatureStatistics],
) -> tuple[ColumnStats, ...]:
    """Return a row for each column and split, columns in the order of the statistics.

    If a column has several values in a row, bars and ``zeros`` count values, not rows. A column that a split lacks is
    missing in all its rows. Statistics of an empty split or column are nan. ``distinct`` counts all values that are not
    UTF-8 as one, and likewise all values that are too long for TFDV.

    Args:
        statistics: by split, as TFDV writes them, unweighted.
    """
    by_split = {
        split: {column_name(feature): feature for feature in found.features} for split, found in statistics.items()
    }
    first = {name: feature for found in reversed(by_split.values()) for name, feature in found.items()}
    names = dict.fromkeys(name for found in by_split.values() for name in found)
    return tuple(
        describe(by_split[split].get(name) or without_values(first[name]), split, int(found.num_examples))
        for name in names
        for split, found in statistics.items()
    )


def without_values(like: Feature) -> Feature:
    """Return the statistics of a column without values, of the same type."""
    absent = Feature(name=column_name(like), type=like.type)
    kind = like.WhichOneof("stats")
    if kind:
        getattr(absent, kind).SetInParent()
    return absent


def describe(feature: Feature, split: str, rows: int) -> ColumnStats:
    """Return the facts about one column in one split."""
    numeric = feature.HasField("num_stats")
    stats = feature.num_stats if numeric else getattr(feature, feature.WhichOneof("stats") or "string_stats")
    return ColumnStats(
        column=column_name(feature),
        split=split,
        type=Feature.Type.Name(feature.type),
        rows=rows,
        missing=(rows - stats.common_stats.num_non_missing) / rows if rows else math.nan,
        distinct=None if numeric else int(getattr(stats, "unique", 0)),
        histogram=number_bars(stats) if numeric else text_bars(stats),
        estimated=is_estimated(feature),
        **(number_facts(stats, feature.type) if numeric else dict.fromkeys((*NUMBERS, "zeros"))),
    )


def number_facts(stats: statistics_pb2.NumericStatistics, kind: int) -> dict[str, float | None]:
    """Return moments and quantiles of the values that are numbers; nan without any, where TFDV says 0."""
    values = stats.common_stats.tot_num_values
    numbers = values - max((histogram.num_nan for histogram in stats.histograms), default=0)
    facts = {name: getattr(stats, source) if numbers > 0 else math.nan for name, source in NUMBERS.items()}
    if kind == Feature.FLOAT:
        facts |= {name: shortest(facts[name]) for name in ("minimum", "maximum")}
    return {**facts, "zeros": stats.num_zeros / values if values else math.nan}


def number_bars(stats: statistics_pb2.NumericStatistics) -> tuple[Bar, ...]:
    """Return at most ten bars, of equal width unless TFDV has only quantiles; then a bar for each non-finite value."""
    by_type = {histogram.type: histogram for histogram in reversed(stats.histograms) if histogram.buckets}
    kinds = statistics_pb2.Histogram.STANDARD, statistics_pb2.Histogram.QUANTILES
    buckets = next((list(by_type[kind].buckets) for kind in kinds if kind in by_type), [])
    finite = [bucket for bucket in buckets if math.isfinite(bucket.low_value) and math.isfinite(bucket.high_value)]
    bars = [Bar(bar_label(low, high), rows) for low, high, rows in merge(finite)]
    bars += [
        Bar(bar_label(bucket.low_value, bucket.high_value), bucket.sample_count)
        for bucket in buckets
        if bucket not in finite
    ]
    nan = max((histogram.num_nan for histogram in stats.histograms), default=0)
    return (*bars, *([Bar("NaN", float(nan))] if nan else []))


def merge(buckets: Sequence[Bucket]) -> list[tuple[float, float, float]]:
    """Return buckets as (low, high, rows), joined to at most ten."""
    size = math.ceil(len(buckets) / BARS) or 1
    groups = [buckets[start : start + size] for start in range(0, len(buckets), size)]
    return [
        (group[0].low_value, group[-1].high_value, math.fsum(bucket.sample_count for bucket in group))
        for group in groups
    ]


def bar_label(low: float, high: float) -> str:
    """Return a range, to a hundredth of its width.

    >>> bar_label(17.0, 24.3), bar_label(0.0, 9999.9), bar_label(3.0, 3.0), bar_label(1921.999, 1929.5)
    ('17 … 24.3', '0 … 10000', '3', '1922 … 1929.5')
    """
    width = high - low
    decimals = 2 - math.floor(math.log10(width)) if 0 < width < math.inf else 6
    decimals = max(decimals, 0)
    ends = [edge(low, decimals), edge(high, decimals)]
    return ends[0] if low == high else " … ".join(ends)


def edge(value: float, decimals: int) -> str:
    """Return a number without trailing zeros, with an exponent if it is long."""
    if not math.isfinite(value) or abs(value) >= 1e15 or decimals > 12:
        return f"{value:.6g}"
    text = f"{value:.{decimals}f}"
    text = text.rstrip("0").rstrip(".") if decimals else text
    return "0" if text == "-0" else text


def text_bars(stats: Any) -> tuple[Bar, ...]:
    """Return the ten most frequent values, and one bar for all others."""
    top = list(getattr(stats, "top_values", ()))[:BARS]
    bars = [Bar(readable(value.value), value.frequency) for value in top]
    others = stats.common_stats.tot_num_values - math.fsum(bar.rows for bar in bars)
    return (*bars, *([Bar(OTHER, others)] if others > 0 else []))


def gate_entries(verdict: Mapping[str, Any], acceptances: Sequence[Acceptance]) -> tuple[GateEntry, ...]:
    """Return the anomalies that block, then the accepted ones, then those below the level that blocks.

    Args:
        verdict: the content of ``verdict.json``: lists of anomalies, ``blocking``, ``accepted`` and ``below_level``.
        acceptances: of the config; the first that covers an anomaly gives the reason.
    """
    outcomes = {"blocking": "blocked", "accepted": "accepted", "below_level": "below level"}
    found = [(outcomes[key], Anomaly(**entry)) for key in outcomes for entry in verdict.get(key, ())]
    return tuple(
        GateEntry(
            outcome=outcome,
            feature=anomaly.feature,
            rule=anomaly.rule,
            seen=anomaly.seen,
            split=anomaly.split,
            severity=anomaly.severity,
            reason=reason_for(anomaly, acceptances) if outcome == "accepted" else "",
        )
        for outcome, anomaly in found
    )


def reason_for(anomaly: Anomaly, acceptances: Sequence[Acceptance]) -> str:
    """Return why an anomaly was accepted; empty if the config no longer accepts it."""
    return next((acceptance.reason for acceptance in acceptances if covers(acceptance, anomaly)), "")
