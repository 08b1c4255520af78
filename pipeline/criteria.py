"""Acceptance criteria for models and data: thresholds on metrics, and anomalies that a team accepts.

A config contains them, a workload's ``evaluation.py`` may define them, and components decide by them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal, TypeAlias

from pydantic import ConfigDict, Field

from pipeline.splits import SPLITS

SliceKey: TypeAlias = tuple[tuple[str, str], ...]
# A config refuses unknown keys and wrong types in these, too.
STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


@dataclass(frozen=True)
class Threshold:
    """Lower and upper bound on a metric, on all test rows or on the ``slice`` whose features have these values."""

    __pydantic_config__ = STRICT

    metric: str
    lower: float | None = None
    upper: float | None = None
    slice: Mapping[str, str] = field(default_factory=dict)

    @property
    def slice_key(self) -> SliceKey:
        """The slice as (feature, value) pairs in the order of the names; empty for all rows."""
        return tuple(sorted(self.slice.items()))


@dataclass(frozen=True)
class Change:
    """How much worse than the baseline a metric may be on all test rows, as a difference."""

    __pydantic_config__ = STRICT

    metric: str
    better: Literal["higher", "lower"]
    tolerance: Annotated[float, Field(ge=0.0)]


@dataclass(frozen=True)
class RatioBound:
    """A lower bound on the ratio between the groups of a column: their lowest rate divided by the highest.

    Rates are those of the report: share of selected rows, true and false positive rate, false negative rate, precision.
    """

    __pydantic_config__ = STRICT

    feature: str
    rate: Literal["selection", "tpr", "fpr", "fnr", "ppv"]
    ratio: Annotated[float, Field(gt=0.0, le=1.0)]


@dataclass(frozen=True)
class Acceptance:
    """An anomaly that is let through in some splits, with the reason."""

    __pydantic_config__ = STRICT

    feature: str
    rule: str
    reason: str
    splits: Annotated[tuple[str, ...], Field(min_length=1)] = SPLITS
