"""Whether every row has a label from which the task can learn: before anything is trained, in every split."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from components.validation_gate.unlisted import Statistics, columns_of, shown
from pipeline.errors import DataError

NAMED = 5
Feature: TypeAlias = statistics_pb2.FeatureNameStatistics


@dataclass(frozen=True)
class Labels:
    """The column of the labels, and the values that the task knows: each row has one, each split all of them."""

    column: str
    task: str
    values: Sequence[int]

    @property
    def words(self) -> str:
        """The values in a sentence.

        >>> Labels("late", "binary", (0, 1)).words
        '0 or 1'
        """
        return " or ".join(map(str, self.values))


@dataclass
class Tally:
    """The labels of a split; ``others`` are rows by a value that the task does not know, a few of them."""

    rows: int = 0
    missing: int = 0
    several: int = 0
    wrong: int = 0
    counts: Counter[float] = field(default_factory=Counter)
    others: dict[object, None] = field(default_factory=dict)

    def add(self, column: pa.Array, allowed: Sequence[int]) -> None:
        """Takes in the labels of some rows, as lists or one by one."""
        lists = pa.types.is_list(column.type) or pa.types.is_large_list(column.type)
        lengths = pc.fill_null(pc.list_value_length(column), 0) if lists else column.is_valid().cast(pa.int32())
        self.rows += len(column)
        self.missing += pc.sum(pc.equal(lengths, 0)).as_py() or 0
        self.several += pc.sum(pc.greater(lengths, 1)).as_py() or 0
        counted = (column.flatten() if lists else column.drop_null()).value_counts()
        for value, count in zip(counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True):
            if value in allowed:
                self.counts[value] += count
            else:
                self.wrong += count
                if len(self.others) < NAMED:
                    self.others[value] = None


def check_labels(
    labels: Labels, statistics: Statistics, files: Mapping[str, Sequence[str]], schema: schema_pb2.Schema
) -> None:
    """Looks at the labels of every split: in its statistics, or where these do not tell, in its rows.

    Raises:
        DataError: rows without a label or with one that the task does not know, or a split that lacks one.
    """
    faults = [
        fault
        for split, of_split in statistics.items()
        for fault in faults_of(read_tally(labels, of_split, files[split], schema), labels, split)
    ]
    if faults:
        raise DataError(
            f"label {labels.column}", f"{'; '.join(faults)}; nothing was trained",
            expected=f"{labels.words} in every row, and each of them in every split, for a {labels.task} label",
            next_step="Correct the labels, or leave those rows out; check how the rows are divided into splits.",
        )  # fmt: skip


def read_tally(
    labels: Labels,
    statistics: statistics_pb2.DatasetFeatureStatistics,
    files: Sequence[str],
    schema: schema_pb2.Schema,
) -> Tally:
    """The labels of a split."""
    known = from_statistics(labels, statistics)
    if known is not None:
        return known
    tally = Tally()
    for batch in columns_of(files, [feature for feature in schema.feature if feature.name == labels.column]):
        tally.add(batch.column(labels.column), labels.values)
    return tally


def from_statistics(labels: Labels, statistics: statistics_pb2.DatasetFeatureStatistics) -> Tally | None:
    """What statistics tell of whole numbers that are all 0 or 1; None where the rows must be read."""
    for feature in statistics.features:
        if (".".join(feature.path.step) or feature.name) == labels.column and tells_all(feature, labels.values):
            stats = feature.num_stats
            present = int(stats.common_stats.num_non_missing)
            counts = Counter({0.0: int(stats.num_zeros), 1.0: present - int(stats.num_zeros)})
            return Tally(int(statistics.num_examples), int(statistics.num_examples) - present, counts=counts)
    return None


def tells_all(feature: Feature, allowed: Sequence[int]) -> bool:
    """Whether the labels can be counted from their statistics."""
    stats = feature.num_stats
    whole = feature.type == Feature.INT and stats.common_stats.max_num_values == 1
    return whole and tuple(allowed) == (0, 1) and stats.min >= 0 and stats.max <= 1


def faults_of(tally: Tally, labels: Labels, split: str) -> Iterable[str]:
    """What is wrong with the labels of a split, in words."""
    of_rows = f"of {tally.rows:,} rows of {split}"
    if tally.missing:
        yield f"missing in {tally.missing:,} {of_rows}"
    if tally.several:
        yield f"several values in {tally.several:,} {of_rows}"
    if tally.wrong:
        some = ", ".join(shown(value) for value in tally.others)  # type: ignore[arg-type]
        yield f"neither {labels.words.replace(' or ', ' nor ')} in {tally.wrong:,} {of_rows}, such as {some}"
    lacking = [value for value in labels.values if not tally.counts[value]]
    if lacking and not (tally.missing or tally.several or tally.wrong):
        yield f"{' or '.join(map(str, lacking))} in none {of_rows}"
