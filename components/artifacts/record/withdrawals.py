"""Versions that a reviewer took out of serving, and models that may not be pushed, as ML Metadata has them."""

from dataclasses import dataclass

import ml_metadata as mlmd
from ml_metadata.proto import metadata_store_pb2

from components.artifacts.decision import APPROVED, REJECTED
from components.artifacts.metadata_store import live_artifacts, text, whole
from components.artifacts.record.decisions import decision_records
from components.artifacts.record.known import Withdrawal

WITHDRAWAL_TYPE, ROLLBACK_TYPE = "WithdrawnVersion", "Rollback"
WITHDRAWN, ALTERED = "withdrawn", "altered"


@dataclass(frozen=True)
class Hold:
    """Why a model may not be pushed: it was ``rejected`` or ``withdrawn``, or a decision on it was ``altered``."""

    why: str
    by: str
    note: str


def withdrawals(store: mlmd.MetadataStore, pipeline: str) -> list[Withdrawal]:
    """Return the withdrawn versions of a pipeline, in the order in which they were recorded."""
    found = (as_withdrawal(artifact) for artifact in live_artifacts(store, WITHDRAWAL_TYPE))
    return [withdrawal for withdrawal in found if withdrawal.pipeline == pipeline]


def as_withdrawal(artifact: metadata_store_pb2.Artifact) -> Withdrawal:
    """Convert ML Metadata's record of a withdrawn version."""
    words = ("pipeline", "run", "model_digest", "by", "note", "withdrawn_at")
    return Withdrawal(whole(artifact, "version"), whole(artifact, "serves"), *(text(artifact, name) for name in words))


def hold_on(store: mlmd.MetadataStore, pipeline: str, model_id: int, model_digest: str) -> Hold | None:
    """Return why a model may not be pushed; None if nothing is against it.

    The latest event counts: a model that was rejected or withdrawn may be pushed after a new report on it was approved.
    """
    events: list[tuple[int, Hold | None]] = []
    for record in decision_records(store):
        decision = record.decision
        if model_id not in record.model_ids and (decision.model_digest or None) != model_digest:
            continue
        if record.flaws:
            events.append(
                (record.id, Hold(ALTERED, decision.by, "; ".join(f"the decision {flaw}" for flaw in record.flaws)))
            )
        else:
            rejected = Hold(REJECTED, decision.by, decision.note) if decision.decision != APPROVED else None
            events.append((record.id, rejected))
    for artifact in live_artifacts(store, WITHDRAWAL_TYPE):
        found = as_withdrawal(artifact)
        if (found.pipeline, found.model_digest) == (pipeline, model_digest):
            events.append((artifact.id, Hold(WITHDRAWN, found.by, found.note)))
    return max(events, key=lambda event: event[0])[1] if events else None
