"""The facts of a comparison: what ``--json`` prints, and all that the page and MLflow are made from.

Every interval is a 95 % interval; differences are a line minus the reference.
"""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from components.slice_report.facts import Pairs
from components.slice_report.facts.encoding import finite
from pipeline.criteria import SliceKey

SCHEMA_VERSION = 1
Interval = tuple[float, float]
# How the interval of a difference was computed; empty without one.
How = Literal["paired", "unpaired", ""]


@dataclass(frozen=True)
class Difference:
    """A line's metric minus the reference's.

    Attributes:
        how: ``paired`` if both were measured on the same rows, whose errors cancel; ``unpaired`` if the rows of the two
            count as independent samples.
        covers_seeds: whether the interval is also about other seeds, which takes several runs of both lines; otherwise
            it is about other rows for exactly these models.
        clear: whether it is not zero, at a false discovery rate of 5 % for this metric: over all lines on all rows, and
            over all lines on all slices.
    """

    value: float
    interval: Interval | None = None
    how: How = ""
    covers_seeds: bool = False
    clear: bool = False


@dataclass(frozen=True)
class Cell:
    """One metric of a line in a slice: the mean over its runs, their range, and their number.

    ``std_dev`` is the sample standard deviation over the runs; None for one run.
    """

    mean: float
    minimum: float
    maximum: float
    std_dev: float | None
    runs: int
    interval: Interval | None = None
    to_reference: Difference | None = None


@dataclass(frozen=True)
class SliceFacts:
    """The metrics of a line in one slice, by name; ``rows`` are those of its first run."""

    features: SliceKey
    rows: int
    too_small: str
    metrics: Mapping[str, Cell]

    @property
    def name(self) -> str:
        """The features as text."""
        return ", ".join(f"{name}={value}" for name, value in self.features) or "overall"


@dataclass(frozen=True)
class RunFacts:
    """One run: its id, the values of its seeds, and ``overall``, its metrics on all test rows.

    ``unpaired_because`` says why its rows are not those of the reference; empty if they are.
    """

    pipeline: str
    run: str
    report: str
    report_digest: str
    seeds: Pairs
    blessed: bool | None
    overall: Mapping[str, float]
    unpaired_because: str = ""


@dataclass(frozen=True)
class Setting:
    """A setting that differs, with its value in each line; empty where it is not set.

    ``kind`` is ``config``, or ``code``, ``data`` or ``library`` for digests and versions.
    """

    kind: str
    name: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Line:
    """All runs of one setting, which differ in their seeds alone."""

    name: str
    runs: tuple[RunFacts, ...]
    slices: tuple[SliceFacts, ...]


@dataclass(frozen=True)
class LeftOut:
    """A run that was named and is not compared, with the reason."""

    given: str
    why: str


@dataclass(frozen=True)
class Comparison:
    """The whole comparison; ``reference`` is the position of its line, and ``metrics`` are in the order of the page."""

    schema_version: int
    workload: str
    label: str
    primary_metric: str
    metrics: tuple[str, ...]
    reference: int
    settings: tuple[Setting, ...]
    lines: tuple[Line, ...]
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()
    confidence: float = 0.95


def as_json(comparison: Comparison) -> Any:
    """Return the facts as JSON values; NaN, Infinity and -Infinity are texts."""
    return finite(dataclasses.asdict(comparison))


def is_clear(interval: Interval | None) -> bool:
    """Return whether an interval excludes zero.

    >>> is_clear((0.1, 0.2)), is_clear((-0.1, 0.2)), is_clear(None)
    (True, False, False)
    """
    return interval is not None and all(map(math.isfinite, interval)) and (interval[0] > 0 or interval[1] < 0)
