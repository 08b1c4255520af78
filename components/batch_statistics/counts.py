"""Values with their counts as Arrow tables, turned into TFDV's sketches where there are too many for memory."""

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from tensorflow_data_validation import constants
from tfx_bsl.sketches import KmvSketch, MisraGriesSketch

# Of one feature in one table: what is kept of it exactly.
EXACT_VALUES = 1 << 20
EXACT_BYTES = 64 << 20
# Rows that wait to be grouped, at least.
WAITING = 1 << 16
# Those of TFDV (tensorflow_data_validation/statistics/stats_impl.py): a standard error of 0.8 % for the number of
# unique values; a count off by at most a 1024th of all values.
UNIQUE_BUCKETS = 16384
TOP_BUCKETS = 1024
LONG_TEXT = 1024
Pairs = list[tuple[Any, Any]]


@dataclass(frozen=True)
class Estimate:
    """The number of unique values, and the most frequent with count and with weight, in no order."""

    unique: int
    top: Pairs
    weighted: Pairs
    exact: bool


class Sketches:
    """Values in bounded memory."""

    def __init__(self) -> None:
        self.unique = KmvSketch(UNIQUE_BUCKETS)
        self.top, self.weighted = most_frequent(), most_frequent()

    def add(self, table: pa.Table) -> None:
        """Takes in values with their counts and weights."""
        for batch in table.to_batches():
            self.unique.AddValues(batch["value"])
            self.top.AddValues(batch["value"], batch["count"].cast(pa.float32()))
            if "weight" in table.column_names:
                self.weighted.AddValues(batch["value"], batch["weight"].cast(pa.float32()))

    def merge(self, other: "Sketches") -> None:
        """Takes in what another has seen."""
        self.unique.Merge(other.unique)
        self.top.Merge(other.top)
        self.weighted.Merge(other.weighted)

    def estimate(self) -> Estimate:
        """What is known, with the error of the sketches."""
        top, weighted = (pairs(sketch.Estimate()) for sketch in (self.top, self.weighted))
        return Estimate(self.unique.Estimate(), top, weighted, exact=False)


def most_frequent() -> MisraGriesSketch:
    """An empty sketch of frequent values, set up as TFDV does."""
    return MisraGriesSketch(
        num_buckets=TOP_BUCKETS,
        invalid_utf8_placeholder=constants.NON_UTF8_PLACEHOLDER,
        large_string_threshold=LONG_TEXT,
        large_string_placeholder=constants.LARGE_BYTES_PLACEHOLDER,
    )


def pairs(estimated: pa.StructArray) -> Pairs:
    """The values of a sketch with their counts."""
    return [(pair["values"], pair["counts"]) for pair in estimated.to_pylist()]


class Grouped:
    """Values with their counts as a table, which has a row for each value once it is compact."""

    def __init__(self) -> None:
        self.tables: list[pa.Table] = []
        self.grouped_rows = 0
        self.waiting_rows = 0

    def add(self, table: pa.Table) -> None:
        """Takes in values with their counts; the same value may come again."""
        self.tables.append(table)
        self.waiting_rows += table.num_rows
        # So that a value is grouped again a bounded number of times only.
        if self.waiting_rows > max(WAITING, self.grouped_rows):
            self.compact()

    def compact(self) -> None:
        """Each value once."""
        if self.tables:
            table = self.grouped(pa.concat_tables(self.tables))
            self.tables, self.grouped_rows, self.waiting_rows = [table], table.num_rows, 0

    @staticmethod
    def grouped(table: pa.Table) -> pa.Table:
        """Each value once, with the sums of its counts and weights."""
        summed = [name for name in table.column_names if name != "value"]
        groups = table.group_by("value").aggregate([(name, "sum") for name in summed])
        return pa.table({"value": groups["value"], **{name: groups[f"{name}_sum"] for name in summed}})


class Counts(Grouped):
    """The counts of one feature: a table, or sketches from the day that the table has outgrown its bounds.

    Whether it has does not depend on the order in which parts are put together: the whole has no fewer values than any
    part.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sketches: Sketches | None = None

    def merge(self, other: "Counts") -> None:
        """Takes in another's, and leaves it as it is."""
        if other.sketches is not None:
            self.sketches = self.sketches or Sketches()
            self.sketches.merge(other.sketches)
        for table in other.tables:
            self.add(table)

    def compact(self) -> None:
        """Each value once, and within the bounds."""
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
        """The unique values and the ``kept`` most frequent; of two with one count, the greater value."""
        self.compact()
        if self.sketches is not None:
            return self.sketches.estimate()
        if not self.tables:
            return Estimate(0, [], [], exact=True)
        (table,) = self.tables
        weighted = greatest(table, "weight", kept) if "weight" in table.column_names else []
        return Estimate(table.num_rows, greatest(table, "count", kept), weighted, exact=True)


def greatest(table: pa.Table, by: str, kept: int) -> Pairs:
    """The values with the greatest counts or weights, and those."""
    first = table.sort_by([(by, "descending"), ("value", "descending")]).slice(0, kept)
    return list(zip(first["value"].to_pylist(), first[by].to_pylist(), strict=True))
