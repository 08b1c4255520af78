"""The gate's verdict: which anomalies block the run, which are accepted, and how they are displayed."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from tensorflow_metadata.proto.v0 import anomalies_pb2

from components.artifacts.anomalies import Anomaly, covers
from pipeline.criteria import Acceptance

SEVERITY = {"UNKNOWN": 2, "WARNING": 1, "ERROR": 2}
LEVELS = {"warning": 1, "error": 2}
MOST_SHOWN = 20


@dataclass(frozen=True)
class Verdict:
    """All anomalies: those that block the run, those accepted, and those below the level that blocks."""

    blocking: tuple[Anomaly, ...]
    accepted: tuple[Anomaly, ...]
    below_level: tuple[Anomaly, ...]

    def as_dict(self) -> dict[str, list[dict[str, str]]]:
        """Return the content of ``verdict.json``."""
        return {
            name: [asdict(item) for item in getattr(self, name)] for name in ("blocking", "accepted", "below_level")
        }


def list_anomalies(split: str, found: anomalies_pb2.Anomalies) -> list[Anomaly]:
    """Return the anomalies in TFDV's protocol buffer, one for each feature and rule."""
    rows = [
        Anomaly(
            ".".join(info.path.step) or name,
            anomalies_pb2.AnomalyInfo.Type.Name(reason.type),
            reason.description or reason.short_description,
            split,
            anomalies_pb2.AnomalyInfo.Severity.Name(info.severity),
        )
        for name, info in found.anomaly_info.items()
        for reason in info.reason
    ]
    if found.data_missing:
        rows.append(Anomaly("(all)", "DATA_MISSING", "the split has no rows", split, "ERROR"))
    rows += [
        Anomaly("(data set)", anomalies_pb2.AnomalyInfo.Type.Name(reason.type), reason.description, split, "ERROR")
        for reason in found.dataset_anomaly_info.reason
    ]
    return sorted(rows)


def judge(anomalies: Iterable[Anomaly], block_on: str, acceptances: Sequence[Acceptance]) -> Verdict:
    """Sort anomalies into a verdict.

    Args:
        anomalies: of all splits.
        block_on: the lowest severity that blocks, ``warning`` or ``error``.
        acceptances: from the config.
    """
    blocking, accepted, below = [], [], []
    for anomaly in anomalies:
        if SEVERITY[anomaly.severity] < LEVELS[block_on]:
            below.append(anomaly)
        elif any(covers(acceptance, anomaly) for acceptance in acceptances):
            accepted.append(anomaly)
        else:
            blocking.append(anomaly)
    return Verdict(tuple(blocking), tuple(accepted), tuple(below))


def render(anomalies: Sequence[Anomaly]) -> str:
    """Return a text table of anomalies.

    >>> print(render([Anomaly("age", "OUT_OF_RANGE", "max 500 > 120", "train", "ERROR")]))
    feature  rule          split  seen
    age      OUT_OF_RANGE  train  max 500 > 120
    """
    rows = [("feature", "rule", "split", "seen")]
    rows += [(item.feature, item.rule, item.split, " ".join(item.seen.split())) for item in anomalies]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]) for row in rows
    )


def summary(anomalies: Sequence[Anomaly]) -> str:
    """Return the table of the first ``MOST_SHOWN`` anomalies, and the number of the others."""
    more = len(anomalies) - MOST_SHOWN
    rest = f"\n… and {more} more, in {len({item.feature for item in anomalies})} columns in all: the log lists them"
    return render(anomalies[:MOST_SHOWN]) + (rest if more > 0 else "")


def how_to_accept(anomaly: Anomaly) -> str:
    """Return the next step for a blocking anomaly, with the line of config that accepts it."""
    feature = json.dumps(anomaly.feature, ensure_ascii=False)
    entry = f"{{feature: {feature}, rule: {anomaly.rule}, splits: [{anomaly.split}], reason: WHY}}"
    return f"Correct the data or schemas/, or accept the first anomaly in the config: gate: {{accept: [{entry}]}}"
