"""Anomalies of the data, and which of them the config accepts."""

from dataclasses import dataclass

from pipeline.criteria import Acceptance


@dataclass(frozen=True, order=True)
class Anomaly:
    """A rule of the schema that a split breaks."""

    feature: str
    rule: str
    seen: str
    split: str
    severity: str


def covers(acceptance: Acceptance, anomaly: Anomaly) -> bool:
    """Return True if an acceptance is about an anomaly."""
    same_rule = (acceptance.feature, acceptance.rule) == (anomaly.feature, anomaly.rule)
    return same_rule and anomaly.split in acceptance.splits
