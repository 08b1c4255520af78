"""Values outside of a domain that statistics do not list, found in the rows.

Of a text, statistics list the 1,000 most frequent values; what is outside of a domain is mostly a mistake, and rare.
Rows are read for those columns alone of which the statistics do not list every value.
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
from components.artifacts.feature_statistics import is_estimated
from components.examples.parsing import read_batches
from components.validation_gate.domains import UNEXPECTED_STRING, Domain, domains

Statistics = Mapping[str, statistics_pb2.DatasetFeatureStatistics]
# What TFDV lists in place of values that are long, or that are not UTF-8.
PLACEHOLDERS = {"__LARGE_BYTES__", "__BYTES_VALUE__"}
NAMED = 10
SHOWN = 100


class Outside:
    """The values outside of a domain, counted by rule while rows are read; a few of them are kept."""

    def __init__(self, domain: Domain) -> None:
        self.domain = domain
        self.values = 0
        self.counts: Counter[str] = Counter()
        self.named: dict[str, Counter[bytes | float]] = {}

    def add(self, column: pa.Array) -> None:
        """Takes in a column of lists of values."""
        counted = column.flatten().value_counts()
        values, counts = counted.field("values"), counted.field("counts")
        self.values += pc.sum(counts).as_py() or 0
        for rule, mask in self.domain.outside(values).items():
            if mask.any():
                wrong, often = values.filter(pa.array(mask)), counts.filter(pa.array(mask))
                self.counts[rule] += pc.sum(often).as_py()
                self.keep(self.named.setdefault(rule, Counter()), wrong.to_pylist(), often.to_pylist())

    @staticmethod
    def keep(named: Counter[bytes | float], values: Sequence[bytes | float], counts: Sequence[int]) -> None:
        """Those that came first are kept, with how often they come."""
        for value, count in zip(values, counts, strict=True):
            if value in named or len(named) < NAMED:
                named[value] += count

    def anomalies(self, split: str) -> Iterator[Anomaly]:
        """One for each rule that more values break than may."""
        for rule, count in self.counts.items():
            if count > self.domain.tolerated * self.values:
                yield Anomaly(self.domain.feature.name, rule, self.words(rule), split, "ERROR")

    def words(self, rule: str) -> str:
        """How many, and which."""
        some = ", ".join(f"{shown(value)} ({count:,})" for value, count in self.named[rule].items())
        more = self.counts[rule] - self.named[rule].total()
        others = f", and others ({more:,})" if more else ""
        return f"{self.counts[rule]:,} of {self.values:,} values are outside of the domain: {some}{others}"


def shown(value: bytes | float) -> str:
    r"""A value on one line.

    >>> shown(b"a\nb"), shown(b"\xff"), shown(0.5)
    ('"a\\nb"', '"\\\\xff"', '0.5')
    """
    if isinstance(value, float):
        return str(np.float32(value))
    if not isinstance(value, bytes):
        return str(value)
    text = value.decode("utf-8", "backslashreplace")
    return json.dumps(text if len(text) <= SHOWN else text[: SHOWN - 1] + "…", ensure_ascii=False)


def with_unlisted(
    anomalies: Iterable[Anomaly], statistics: Statistics, files: Mapping[str, Sequence[str]], schema: schema_pb2.Schema
) -> list[Anomaly]:
    """TFDV's anomalies, and those of values that the statistics of a split do not list.

    Where both have one of the same rule, it is the one that is counted over all rows; what is outside of a domain of
    text is believed of the rows alone, where they are read.

    Args:
        anomalies: as TFDV finds them in the statistics.
        statistics: by split.
        files: of examples, by split.
        schema: of all columns.

    Raises:
        DataError: a file is damaged, or not as the schema says.
    """
    read = {split: unlisted(of_split, schema) for split, of_split in statistics.items()}
    found = [anomaly for split, wanted in read.items() for anomaly in outside_of(wanted, files[split], split)]
    counted = {(anomaly.feature, anomaly.rule, anomaly.split) for anomaly in found}
    counted |= {(domain.feature.name, UNEXPECTED_STRING, split) for split, wanted in read.items() for domain in wanted}
    kept = [anomaly for anomaly in anomalies if (anomaly.feature, anomaly.rule, anomaly.split) not in counted]
    return sorted([*kept, *found], key=lambda anomaly: anomaly.split) if found else kept


def unlisted(statistics: statistics_pb2.DatasetFeatureStatistics, schema: schema_pb2.Schema) -> list[Domain]:
    """The domains about which the statistics of a split do not tell everything."""
    features = {".".join(feature.path.step) or feature.name: feature for feature in statistics.features}
    by_name = {domain.feature.name: domain for domain in domains(schema)}
    return [domain for name, domain in by_name.items() if name in features and not lists_all(features[name])]


def lists_all(feature: statistics_pb2.FeatureNameStatistics) -> bool:
    """Whether every value of a column is in its statistics; those of numbers list none."""
    if is_estimated(feature) or feature.HasField("num_stats"):
        return False
    stats = feature.string_stats
    if any(bucket.label in PLACEHOLDERS for bucket in stats.rank_histogram.buckets):
        return False
    listed = math.fsum(bucket.sample_count for bucket in stats.rank_histogram.buckets)
    return listed >= float(stats.common_stats.tot_num_values)


def outside_of(wanted: Sequence[Domain], files: Sequence[str], split: str) -> list[Anomaly]:
    """What the rows of a split have outside of some domains."""
    if not wanted:
        return []
    counting = [Outside(domain) for domain in wanted]
    for batch in columns_of(files, [domain.feature for domain in wanted]):
        for outside in counting:
            outside.add(batch.column(outside.domain.feature.name))
    return [anomaly for outside in counting for anomaly in outside.anomalies(split)]


def columns_of(files: Sequence[str], features: Iterable[schema_pb2.Feature]) -> Iterator[pa.RecordBatch]:
    """Some columns of all rows of a split, as lists, which are null where there is no value.

    Raises:
        DataError: a file is damaged, or not as the schema says.
    """
    schema = schema_pb2.Schema(
        feature=[schema_pb2.Feature(name=feature.name, type=feature.type) for feature in features]
    )
    return read_batches(files, schema)
