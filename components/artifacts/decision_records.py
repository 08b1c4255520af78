"""The decisions that ML Metadata has."""

import ml_metadata as mlmd
from ml_metadata.proto import metadata_store_pb2

from components.artifacts.decision import REJECTED, Decision
from components.artifacts.metadata_store import live_artifacts, value

DECISION_TYPE = "ReviewDecision"


def decisions(store: mlmd.MetadataStore) -> dict[str, Decision]:
    """All decisions, by the digest of the report."""
    found = (as_decision(artifact) for artifact in live_artifacts(store, DECISION_TYPE))
    return {decision.report_digest: decision for decision in found}


def rejected_models(store: mlmd.MetadataStore) -> set[int]:
    """The artifact ids of the models whose report was rejected."""
    found = live_artifacts(store, DECISION_TYPE)
    return {int(value(artifact, "model_id") or 0) for artifact in found if value(artifact, "decision") == REJECTED}


def as_decision(artifact: metadata_store_pb2.Artifact) -> Decision:
    """Convert ML Metadata's record of a decision."""
    names = ("decision", "by", "note", "report_digest", "decided_at")
    return Decision(*(str(value(artifact, name) or "") for name in names))
