"""Anomalies of the data, and which of them the config accepts."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Anomaly:
    """One rule of the schema that one split breaks."""

    feature: str
    rule: str
    seen: str
    split: str
    severity: str


@dataclass(frozen=True)
class Acceptance:
    """An anomaly that is let through, in the splits named, for a reason."""

    feature: str
    rule: str
    reason: str
    splits: Sequence[str]

    def covers(self, anomaly: Anomaly) -> bool:
        """Whether this acceptance is about that anomaly."""
        return (self.feature, self.rule) == (anomaly.feature, anomaly.rule) and anomaly.split in self.splits
