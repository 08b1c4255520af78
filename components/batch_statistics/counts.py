"""The values of a feature with their counts: exact up to a bound, estimated by TFDV's sketches beyond it."""

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from components.compat.tfdv import LARGE_BYTES_PLACEHOLDER, NON_UTF8_PLACEHOLDER, KmvSketch, MisraGriesSketch
from components.support.value_counts import ValueCounts

# The most that is kept exactly for one feature.
EXACT_VALUES = 1 << 20
EXACT_BYTES = 64 << 20
# TFDV's settings (tensorflow_data_validation/statistics/stats_impl.py): a standard error of 0.8 % for the number of
# unique values; counts off by at most 1/1024 of all values.
UNIQUE_BUCKETS = 16384
TOP_BUCKETS = 1024
LONG_TEXT = 1024
Pairs = list[tuple[Any, Any]]


@dataclass(frozen=True)
class Estimate:
    """The number of unique values, and the most frequent ones with count and with weight, in any order."""

    unique: int
    top: Pairs
    weighted: Pairs
    exact: bool


class Sketches:
    """Estimates of counts in bounded memory."""

    def __init__(self) -> None:
        self.unique = KmvSketch(UNIQUE_BUCKETS)
        self.top, self.weighted = make_top_sketch(), make_top_sketch()

    def add(self, table: pa.Table) -> None:
        """Add values with their counts and weights."""
        for batch in table.to_batches():
            self.unique.AddValues(batch["value"])
            self.top.AddValues(batch["value"], batch["count"].cast(pa.float32()))
            if "weight" in table.column_names:
                self.weighted.AddValues(batch["value"], batch["weight"].cast(pa.float32()))

    def merge(self, other: "Sketches") -> None:
        """Add everything that another has counted."""
        self.unique.Merge(other.unique)
        self.top.Merge(other.top)
        self.weighted.Merge(other.weighted)

    def estimate(self) -> Estimate:
        """Return the estimates, within the error of the sketches."""
        top, weighted = (sketch_pairs(sketch.Estimate()) for sketch in (self.top, self.weighted))
        return Estimate(self.unique.Estimate(), top, weighted, exact=False)


def make_top_sketch() -> MisraGriesSketch:
    """Return an empty sketch of frequent values with TFDV's settings."""
    return MisraGriesSketch(
        num_buckets=TOP_BUCKETS,
        invalid_utf8_placeholder=NON_UTF8_PLACEHOLDER,
        large_string_threshold=LONG_TEXT,
        large_string_placeholder=LARGE_BYTES_PLACEHOLDER,
    )


def sketch_pairs(estimated: pa.StructArray) -> Pairs:
    """Return the values of a sketch with their counts."""
    return [(pair["values"], pair["counts"]) for pair in estimated.to_pylist()]


class FeatureCounts(ValueCounts):
    """The counts of one feature: a table, replaced by sketches once it exceeds its bounds.

    Whether it does is independent of the order of merging, since the whole has at least as many values as any part.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sketches: Sketches | None = None

    def merge(self, other: "FeatureCounts") -> None:
        """Add the counts of another, which is not changed."""
        if other.sketches is not None:
            self.sketches = self.sketches or Sketches()
            self.sketches.merge(other.sketches)
        for table in other.tables:
            self.add(table)

    def compact(self) -> None:
        """Merge the rows of equal values, and switch to sketches if there are too many."""
        if not self.tables:
            return
        super().compact()
        (table,) = self.tables
        if self.sketches is None and (table.num_rows > EXACT_VALUES or table["value"].nbytes > EXACT_BYTES):
            self.sketches = Sketches()
        if self.sketches is not None:
            self.sketches.add(table)
            self.tables, self.grouped_rows = [], 0

    def estimate(self, kept: int) -> Estimate:
        """Return the number of unique values and the ``kept`` most frequent; of equal counts, the greater value."""
        self.compact()
        if self.sketches is not None:
            return self.sketches.estimate()
        if not self.tables:
            return Estimate(0, [], [], exact=True)
        (table,) = self.tables
        weighted = largest(table, "weight", kept) if "weight" in table.column_names else []
        return Estimate(table.num_rows, largest(table, "count", kept), weighted, exact=True)


def largest(table: pa.Table, by: str, kept: int) -> Pairs:
    """Return the values with the largest counts or weights, and these."""
    first = table.sort_by([(by, "descending"), ("value", "descending")]).slice(0, kept)
    return list(zip(first["value"].to_pylist(), first[by].to_pylist(), strict=True))
