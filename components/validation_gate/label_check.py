"""Checks before training that every row has a label that the task can learn from, and every split has all labels."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from components.artifacts.feature_statistics import column_name
from components.data_validation.labels import MAX_EXAMPLES, LabelCounts, Labels, label_problems
from components.data_validation.out_of_domain import Statistics, lists_all, read_columns
from pipeline.errors import DataError

Feature: TypeAlias = statistics_pb2.FeatureNameStatistics


def check_labels(
    labels: Labels, statistics: Statistics, files: Mapping[str, Sequence[str]], schema: schema_pb2.Schema
) -> None:
    """Check the labels of every split, by its statistics if these suffice, else by its rows.

    Raises:
        DataError: rows have no label or one that the task does not know, or a split lacks a label.
    """
    problems = [
        problem
        for split, of_split in statistics.items()
        for problem in label_problems(count_labels(labels, of_split, files[split], schema), labels, split)
    ]
    if problems:
        raise DataError(
            f"label {labels.column}", f"{'; '.join(problems)}; nothing was trained",
            expected=f"{labels.words} in every row, and each of them in every split, for a {labels.task} label",
            next_step="Correct the labels or remove those rows, and check how rows are assigned to splits.",
        )  # fmt: skip


def count_labels(
    labels: Labels,
    statistics: statistics_pb2.DatasetFeatureStatistics,
    files: Sequence[str],
    schema: schema_pb2.Schema,
) -> LabelCounts:
    known = counts_from_statistics(labels, statistics)
    if known is not None:
        return known
    found = LabelCounts()
    for batch in read_columns(files, [feature for feature in schema.feature if feature.name == labels.column]):
        found.add(batch.column(labels.column), labels.values)
    return found


def counts_from_statistics(labels: Labels, statistics: statistics_pb2.DatasetFeatureStatistics) -> LabelCounts | None:
    """Return the counts of labels that are all 0 or 1, or texts that are all listed; None if the rows must be read."""
    for feature in statistics.features:
        if column_name(feature) != labels.column:
            continue
        if is_listed(feature):
            return listed_counts(feature, labels, int(statistics.num_examples))
        if is_sufficient(feature, labels.values):
            stats = feature.num_stats
            present = int(stats.common_stats.num_non_missing)
            counts: Counter[object] = Counter({0.0: int(stats.num_zeros), 1.0: present - int(stats.num_zeros)})
            rows = int(statistics.num_examples)
            return LabelCounts(rows, rows - present, counts=counts)
    return None


def is_listed(feature: Feature) -> bool:
    """Whether the statistics of a column of texts list every value, one at most in a row."""
    stats = feature.string_stats
    is_single_text = feature.type == Feature.STRING and stats.common_stats.max_num_values == 1
    return is_single_text and lists_all(feature)


def listed_counts(feature: Feature, labels: Labels, rows: int) -> LabelCounts:
    """Return the counts of the texts that the statistics list."""
    listed = {bucket.label: int(bucket.sample_count) for bucket in feature.string_stats.rank_histogram.buckets}
    unknown = {text: count for text, count in listed.items() if text not in labels.values}
    found = LabelCounts(rows, rows - int(feature.string_stats.common_stats.num_non_missing))
    found.counts.update({text: count for text, count in listed.items() if text not in unknown})
    found.unknown = sum(unknown.values())
    found.examples = dict.fromkeys(text.encode() for text in list(unknown)[:MAX_EXAMPLES])
    return found


def is_sufficient(feature: Feature, known: Sequence[int | str]) -> bool:
    """Whether the statistics of a label column determine the count of each label."""
    stats = feature.num_stats
    is_single_int = feature.type == Feature.INT and stats.common_stats.max_num_values == 1
    return is_single_int and tuple(known) == (0, 1) and stats.min >= 0 and stats.max <= 1
