"""Versions that a reviewer took out of serving, and models that may not be pushed, as ML Metadata has them.

A rollback is an execution that read a report and wrote an artifact for each version. It is sealed like a review: it
has a digest of what it wrote, and holds back its models also if the two contradict each other.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields

import ml_metadata as mlmd
from ml_metadata.proto import metadata_store_pb2

from components.artifacts.decision import APPROVED, REJECTED
from components.artifacts.metadata_store import READ, WRITTEN, text, value, whole
from components.artifacts.record.decisions import (
    DECISION_TYPE,
    REPORT_TYPE,
    SEAL,
    Artifact,
    DecisionRecord,
    Execution,
    decision_records,
    last_before,
)
from components.artifacts.record.known import Withdrawal

WITHDRAWAL_TYPE, ROLLBACK_TYPE = "WithdrawnVersion", "Rollback"
WITHDRAWN, ALTERED = "withdrawn", "altered"
NAMES = tuple(field.name for field in fields(Withdrawal))


@dataclass(frozen=True)
class Hold:
    """Why a model may not be pushed: it was ``rejected`` or ``withdrawn``, or a record on it was ``altered``."""

    why: str
    by: str
    note: str


@dataclass(frozen=True)
class RollbackRecord:
    """A rollback in ML Metadata.

    Attributes:
        id: the largest id of its artifacts, or of what was recorded before it.
        pipelines: those of its artifacts and of the report that it read; likewise ``digests``, of models.
        model_ids: of the reports that it read.
        flaws: what contradicts it, as the ends of the sentence "the rollback …".
    """

    id: int
    withdrawals: tuple[Withdrawal, ...]
    pipelines: frozenset[str]
    digests: frozenset[str]
    model_ids: frozenset[int]
    flaws: tuple[str, ...]


def rollback_records(store: mlmd.MetadataStore) -> list[RollbackRecord]:
    """Return all rollbacks, in the order in which they were recorded."""
    rollbacks = {rollback.id: rollback for rollback in store.get_executions_by_type(ROLLBACK_TYPE)}
    events = store.get_events_by_execution_ids(list(rollbacks)) if rollbacks else []
    written = {artifact.id: artifact for artifact in store.get_artifacts_by_type(WITHDRAWAL_TYPE)}
    reports = {artifact.id: artifact for artifact in store.get_artifacts_by_type(REPORT_TYPE)}
    before = [*written.values(), *store.get_artifacts_by_type(DECISION_TYPE)]
    found, owned = [], set()
    for number, rollback in rollbacks.items():
        mine = [event for event in events if event.execution_id == number]
        wrote = [event.artifact_id for event in mine if event.type in WRITTEN and event.artifact_id in written]
        read = [reports[event.artifact_id] for event in mine if event.type in READ and event.artifact_id in reports]
        owned.update(wrote)
        found.append(as_record(rollback, [written[made] for made in wrote], read, last_before(rollback, before)))
    found += [as_record(None, [artifact], [], 0) for number, artifact in written.items() if number not in owned]
    return sorted(found, key=lambda record: record.id)


def as_record(
    rollback: Execution | None, written: Sequence[Artifact], read: Sequence[Artifact], before: int
) -> RollbackRecord:
    """Return a rollback with the flaws of its records; ``before`` is the last id that was given before it."""
    return RollbackRecord(
        id=max((artifact.id for artifact in written), default=before),
        withdrawals=tuple(map(as_withdrawal, written)),
        pipelines=frozenset(text(artifact, "pipeline") for artifact in (*written, *read)),
        digests=frozenset(text(artifact, "model_digest") for artifact in (*written, *read)) - {""},
        model_ids=frozenset(whole(artifact, "model_id") for artifact in read),
        flaws=tuple(flaws(rollback, written, read)),
    )


def flaws(rollback: Execution | None, written: Sequence[Artifact], read: Sequence[Artifact]) -> Iterator[str]:
    """Yield what contradicts a rollback, as the ends of the sentence "the rollback …"."""
    if rollback is None:
        yield "has lost its execution"
        return
    if any(artifact.state != Artifact.LIVE for artifact in written):
        yield "has versions that are marked as removed"
    if value(rollback, SEAL) != seal(written):
        yield "was edited: its versions differ from the digest that it recorded"
    if len(read) != 1:
        yield f"read {len(read)} reports instead of one"
    elif any(text(artifact, "pipeline") != text(read[0], "pipeline") for artifact in written):
        yield "is of another pipeline than the report that it read"


def seal(written: Iterable[Artifact]) -> str:
    """Return a digest over the properties of withdrawn versions; versions without damage have no such property."""
    content = sorted(
        [[name, value(artifact, name)] for name in NAMES if name != "damage" or value(artifact, name) is not None]
        for artifact in written
    )
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def withdrawals(store: mlmd.MetadataStore, pipeline: str) -> list[Withdrawal]:
    """Return the withdrawn versions of a pipeline whose records agree, in the order in which they were recorded."""
    sound = (record for record in rollback_records(store) if not record.flaws)
    return [found for record in sound for found in record.withdrawals if found.pipeline == pipeline]


def as_withdrawal(artifact: metadata_store_pb2.Artifact) -> Withdrawal:
    """Convert ML Metadata's record of a withdrawn version."""
    words = ("pipeline", "run", "model_digest", "by", "note", "withdrawn_at", "damage")
    return Withdrawal(whole(artifact, "version"), whole(artifact, "serves"), *(text(artifact, name) for name in words))


def hold_on(store: mlmd.MetadataStore, pipeline: str, model_id: int, model_digest: str) -> Hold | None:
    """Return why a model may not be pushed; None if nothing is against it.

    The latest event counts: a model that was rejected or withdrawn may be pushed after a new report on it was approved.
    """
    return hold_among(decision_records(store), rollback_records(store), pipeline, {model_id}, model_digest)


def hold_among(
    decisions: Iterable[DecisionRecord],
    rollbacks: Iterable[RollbackRecord],
    pipeline: str,
    model_ids: Collection[int],
    model_digest: str,
) -> Hold | None:
    """Return why a model may not be pushed, as the latest of these records says."""
    events = [
        (record.id, hold_by(record))
        for record in decisions
        if record.model_ids.intersection(model_ids) or (record.decision.model_digest or None) == model_digest
    ]
    for rollback in rollbacks:
        if pipeline not in rollback.pipelines:
            continue
        if rollback.flaws and (model_digest in rollback.digests or rollback.model_ids.intersection(model_ids)):
            events.append(
                (rollback.id, Hold(ALTERED, "", "; ".join(f"the rollback {flaw}" for flaw in rollback.flaws)))
            )
        gone = [found for found in rollback.withdrawals if found.model_digest == model_digest]
        events += [(rollback.id, Hold(WITHDRAWN, found.by, found.note)) for found in gone if not rollback.flaws]
    # A record that was lost has the id of what came before it.
    return (
        max(events, key=lambda event: (event[0], event[1] is not None and event[1].why == ALTERED))[1]
        if events
        else None
    )


def hold_by(record: DecisionRecord) -> Hold | None:
    """Return what a decision has against its model."""
    decision = record.decision
    if record.flaws:
        return Hold(ALTERED, decision.by, "; ".join(f"the decision {flaw}" for flaw in record.flaws))
    return Hold(REJECTED, decision.by, decision.note) if decision.decision != APPROVED else None
