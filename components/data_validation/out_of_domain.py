"""Finds values outside their domain that the statistics do not list, by reading the rows.

Statistics list the 1,000 most frequent values of a text, while values outside a domain are mostly rare mistakes. Only
columns whose statistics do not list every value are read.
"""

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from components.artifacts.anomalies import Anomaly
from components.artifacts.feature_statistics import NOT_UTF8, TOO_LONG, column_name, is_estimated
from components.data_validation.domains import UNEXPECTED_STRING, Domain, list_domains
from components.examples.parsing import read_batches

Statistics = Mapping[str, statistics_pb2.DatasetFeatureStatistics]
# TFDV's placeholders for values that are long, or that are not UTF-8.
PLACEHOLDERS = {NOT_UTF8, TOO_LONG}
MAX_EXAMPLES = 10
MAX_TEXT = 100


class OutOfDomainCounter:
    """Counts the values outside a domain by rule, and keeps some of them as examples."""

    def __init__(self, domain: Domain) -> None:
        self.domain = domain
        self.values = 0
        self.counts: Counter[str] = Counter()
        self.examples: dict[str, Counter[bytes | float]] = {}

    def add(self, column: pa.Array) -> None:
        """Count the values of a column of lists."""
        counted = column.flatten().value_counts()
        values, counts = counted.field("values"), counted.field("counts")
        self.values += pc.sum(counts).as_py() or 0
        for rule, mask in self.domain.outside(values).items():
            if mask.any():
                wrong, frequency = values.filter(pa.array(mask)), counts.filter(pa.array(mask))
                self.counts[rule] += pc.sum(frequency).as_py()
                self.keep(self.examples.setdefault(rule, Counter()), wrong.to_pylist(), frequency.to_pylist())

    @staticmethod
    def keep(examples: Counter[bytes | float], values: Sequence[bytes | float], counts: Sequence[int]) -> None:
        """Count the first ``MAX_EXAMPLES`` different values."""
        for value, count in zip(values, counts, strict=True):
            if value in examples or len(examples) < MAX_EXAMPLES:
                examples[value] += count

    def anomalies(self, split: str) -> Iterator[Anomaly]:
        """Yield an anomaly for each rule that more values break than are tolerated."""
        for rule, count in self.counts.items():
            if count > self.domain.tolerated * self.values:
                yield Anomaly(self.domain.feature.name, rule, self.describe(rule), split, "ERROR")

    def describe(self, rule: str) -> str:
        """Say how many values break a rule, with examples."""
        some = ", ".join(f"{format_value(value)} ({count:,})" for value, count in self.examples[rule].items())
        more = self.counts[rule] - self.examples[rule].total()
        others = f", and others ({more:,})" if more else ""
        return f"{self.counts[rule]:,} of {self.values:,} values are outside the domain: {some}{others}"


def format_value(value: bytes | float) -> str:
    r"""Return a value as text on one line.

    >>> format_value(b"a\nb"), format_value(b"\xff"), format_value(0.5)
    ('"a\\nb"', '"\\\\xff"', '0.5')
    """
    if isinstance(value, float):
        return str(np.float32(value))
    if not isinstance(value, bytes):
        return str(value)
    text = value.decode("utf-8", "backslashreplace")
    return json.dumps(text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…", ensure_ascii=False)


def add_out_of_domain(
    anomalies: Iterable[Anomaly], statistics: Statistics, files: Mapping[str, Sequence[str]], schema: schema_pb2.Schema
) -> list[Anomaly]:
    """Add the anomalies of values that the statistics of a split do not list to those that TFDV found.

    An anomaly counted over all rows replaces TFDV's of the same rule. For a text column whose rows are read, TFDV's
    anomaly of unexpected values is dropped even if the rows have none.

    Args:
        anomalies: found by TFDV in the statistics.
        statistics: by split.
        files: of examples, by split.
        schema: of all columns.

    Raises:
        DataError: a file is damaged, or does not match the schema.
    """
    read = {split: incomplete_domains(of_split, schema) for split, of_split in statistics.items()}
    found = [anomaly for split, domains in read.items() for anomaly in scan(domains, files[split], split)]
    counted = {(anomaly.feature, anomaly.rule, anomaly.split) for anomaly in found}
    counted |= {(domain.feature.name, UNEXPECTED_STRING, split) for split, read_ in read.items() for domain in read_}
    kept = [anomaly for anomaly in anomalies if (anomaly.feature, anomaly.rule, anomaly.split) not in counted]
    return sorted([*kept, *found], key=lambda anomaly: anomaly.split) if found else kept


def incomplete_domains(statistics: statistics_pb2.DatasetFeatureStatistics, schema: schema_pb2.Schema) -> list[Domain]:
    """Return the domains of columns whose statistics do not list every value."""
    features = {column_name(feature): feature for feature in statistics.features}
    by_name = {domain.feature.name: domain for domain in list_domains(schema)}
    return [domain for name, domain in by_name.items() if name in features and not lists_all(features[name])]


def lists_all(feature: statistics_pb2.FeatureNameStatistics) -> bool:
    """Whether the statistics of a column list every value; those of numbers list none."""
    if is_estimated(feature) or feature.HasField("num_stats"):
        return False
    stats = feature.string_stats
    if any(bucket.label in PLACEHOLDERS for bucket in stats.rank_histogram.buckets):
        return False
    listed = math.fsum(bucket.sample_count for bucket in stats.rank_histogram.buckets)
    return listed >= float(stats.common_stats.tot_num_values)


def scan(domains: Sequence[Domain], files: Sequence[str], split: str) -> list[Anomaly]:
    """Read the rows of a split and return the anomalies of some domains."""
    if not domains:
        return []
    counters = [OutOfDomainCounter(domain) for domain in domains]
    for batch in read_columns(files, [domain.feature for domain in domains]):
        for counter in counters:
            counter.add(batch.column(counter.domain.feature.name))
    return [anomaly for counter in counters for anomaly in counter.anomalies(split)]


def read_columns(files: Sequence[str], features: Iterable[schema_pb2.Feature]) -> Iterator[pa.RecordBatch]:
    """Yield some columns of all rows in batches; values are lists, null where a row has none.

    Raises:
        DataError: a file is damaged, or does not match the schema.
    """
    schema = schema_pb2.Schema(
        feature=[schema_pb2.Feature(name=feature.name, type=feature.type) for feature in features]
    )
    return read_batches(files, schema)
