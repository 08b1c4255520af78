"""Facts about the rows: statistics, the verdict of the gate, schema changes, drift, leaks."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Bar:
    """A bar of a histogram: its value or range as text, and its rows."""

    label: str
    rows: float


@dataclass(frozen=True)
class ColumnStats:
    """One column in one split. Numbers are None for text; ``distinct`` is None for numbers.

    If ``estimated``, there were too many values to count: ``distinct`` and the bars are estimates.
    """

    column: str
    split: str
    type: str
    rows: int
    missing: float
    distinct: int | None
    mean: float | None
    std_dev: float | None
    minimum: float | None
    median: float | None
    maximum: float | None
    zeros: float | None
    histogram: tuple[Bar, ...]
    estimated: bool = False


@dataclass(frozen=True)
class GateEntry:
    """An anomaly and its outcome: ``blocked``, ``accepted`` (with the reason) or ``below level``."""

    outcome: str
    feature: str
    rule: str
    seen: str
    split: str
    severity: str
    reason: str = ""


@dataclass(frozen=True)
class SchemaChange:
    """A column's schema in the last blessed run and now; empty if the column did not exist."""

    column: str
    before: str
    after: str


@dataclass(frozen=True)
class Drift:
    """The distance of a column's training rows from the baseline's, by ``L-infinity`` or ``Jensen-Shannon``.

    Rows without a value, of which ``missing`` and ``missing_before`` are the shares, count in the distance.
    """

    column: str
    measure: str
    distance: float
    bound: float
    missing: float = math.nan
    missing_before: float = math.nan

    @property
    def exceeded(self) -> bool:
        return self.distance > self.bound


@dataclass(frozen=True)
class Leak:
    """Rows of a split that another split has too: whole rows, or rows with the same value of an id column.

    ``shared`` counts rows of ``split``; ``share`` is their share of the split. Repeated ids are not always a leak; the
    reviewer decides.
    """

    what: str
    split: str
    also_in: str
    shared: int
    share: float


@dataclass(frozen=True)
class NewCategory:
    """Values of a text column that a later split has and the training rows lack; ``values`` are examples."""

    column: str
    split: str
    distinct: int
    rows: int
    values: tuple[str, ...]


@dataclass(frozen=True)
class Data:
    """Facts about data and schema; comparisons are None without a baseline."""

    columns: tuple[ColumnStats, ...] = ()
    gate: tuple[GateEntry, ...] = ()
    schema_changes: tuple[SchemaChange, ...] | None = None
    drift: tuple[Drift, ...] | None = None
    leaks: tuple[Leak, ...] = ()
    new_categories: tuple[NewCategory, ...] = ()
