"""The decisions that ML Metadata has, and whether their records agree with one another.

A decision is an artifact, written by an execution (the review) that read the report. Three records say the same: the
artifact's properties, the seal of the execution, which is a digest of them, and the report that the execution read.
Whoever edits one of them, or copies a decision to another report, leaves a contradiction, and the decision no longer
counts. Whoever can write all three can write a decision that nothing here tells from a real one.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TypeAlias

import ml_metadata as mlmd
from ml_metadata.proto import metadata_store_pb2

from components.artifacts.decision import REJECTED, Decision
from components.artifacts.metadata_store import READ, WRITTEN, text, value, whole

Artifact: TypeAlias = metadata_store_pb2.Artifact
Execution: TypeAlias = metadata_store_pb2.Execution
DECISION_TYPE, REVIEW_TYPE, REPORT_TYPE = "ReviewDecision", "Review", "SliceReport"
# Property of a review: the digest of the decision that it wrote.
SEAL = "seal"
NAMES = tuple(field.name for field in fields(Decision))
SEALED = (*NAMES, "model_id", "report_id")
# Properties that only releases with seals write.
SINCE_SEALS = ("run", "model_digest", "commit")


@dataclass(frozen=True)
class DecisionRecord:
    """A decision in ML Metadata.

    Attributes:
        id: of its artifact; without one, of the last decision before its review.
        report_ids: the report that it names, and those that its review read.
        model_ids: the models of those reports, and the one that it names.
        sealed: whether its review recorded a digest of it, as earlier releases did not.
        flaws: what contradicts it; it counts only without any.
    """

    id: int
    decision: Decision
    report_ids: frozenset[int]
    model_ids: frozenset[int]
    sealed: bool
    flaws: tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """The decision that holds for a report, if there is one, and what is wrong with others that claim to be it."""

    record: DecisionRecord | None = None
    flaws: tuple[str, ...] = ()

    @property
    def decision(self) -> Decision | None:
        """The decision that holds."""
        return self.record.decision if self.record else None


def decision_records(store: mlmd.MetadataStore) -> list[DecisionRecord]:
    """Return all decisions, in the order in which they were recorded."""
    reviews = {review.id: review for review in store.get_executions_by_type(REVIEW_TYPE)}
    events = store.get_events_by_execution_ids(list(reviews)) if reviews else []
    reports = {report.id: report for report in store.get_artifacts_by_type(REPORT_TYPE)}
    decisions = {decision.id: decision for decision in store.get_artifacts_by_type(DECISION_TYPE)}
    read: dict[int, list[Artifact]] = {number: [] for number in reviews}
    wrote: dict[int, int] = {}
    for event in events:
        if event.type in READ and event.artifact_id in reports:
            read[event.execution_id].append(reports[event.artifact_id])
        elif event.type in WRITTEN:
            wrote[event.artifact_id] = event.execution_id
    made = [
        as_record(decision, reviews.get(wrote.get(number, 0)), read.get(wrote.get(number, 0), []), reports)
        for number, decision in decisions.items()
    ]
    writers = {review for artifact, review in wrote.items() if artifact in decisions}
    lost = [
        lost_record(read[number], last_before(review, decisions.values()))
        for number, review in reviews.items()
        if number not in writers
    ]
    # The sort is stable: a lost decision comes after the one whose id it has.
    return sorted([*made, *lost], key=lambda record: record.id)


def last_before(execution: Execution, artifacts: Iterable[Artifact]) -> int:
    """Return the largest id of the artifacts that were recorded until an execution was, 0 if there are none."""
    at_ms = execution.create_time_since_epoch
    return max((artifact.id for artifact in artifacts if artifact.create_time_since_epoch <= at_ms), default=0)


def lost_record(read: Sequence[Artifact], before: int) -> DecisionRecord:
    """Return the record of a review that has lost its decision; ``before`` is the last decision before it."""
    of_reports = frozenset(whole(report, "model_id") for report in read)
    flaw = "a review of it is recorded, but its decision was removed"
    gone = Decision("", "", "", "", "")
    return DecisionRecord(before, gone, frozenset(report.id for report in read), of_reports, True, (flaw,))


def as_record(
    artifact: Artifact, review: Execution | None, read: Sequence[Artifact], reports: Mapping[int, Artifact]
) -> DecisionRecord:
    """Return a decision with the flaws of its records."""
    named = whole(artifact, "report_id")
    ids = frozenset({named, *(report.id for report in read)} - {0})
    models = {whole(artifact, "model_id"), *(whole(reports[number], "model_id") for number in ids & reports.keys())}
    found = tuple(flaws(artifact, review, read))
    return DecisionRecord(artifact.id, as_decision(artifact), ids, frozenset(models), has_seal(review), found)


def flaws(artifact: Artifact, review: Execution | None, read: Sequence[Artifact]) -> Iterator[str]:
    """Yield what contradicts a decision, as the ends of the sentence "the decision …"."""
    decision = as_decision(artifact)
    if artifact.state != Artifact.LIVE:
        yield f"is marked as {Artifact.State.Name(artifact.state)}"
    if artifact.name != name_of(decision.report_digest):
        yield f"names the report {decision.report_digest[:12]}, but is recorded as {artifact.name[:19] or 'nothing'}"
    if review is None:
        yield "was written by no review"
        return
    if has_seal(review) and value(review, SEAL) != seal(artifact):
        yield "was edited after the review: it differs from the digest that the review recorded"
    if not has_seal(review) and any(name in artifact.custom_properties for name in SINCE_SEALS):
        yield "has lost its seal, which is recorded with every decision that names its run"
    if len(read) != 1:
        yield f"belongs to a review of {len(read)} reports instead of one"
        return
    yield from contradictions(artifact, decision, read[0])


def contradictions(artifact: Artifact, decision: Decision, report: Artifact) -> Iterator[str]:
    """Yield how a decision differs from the record of the report that its review read."""
    run, its_digest = text(report, "run"), text(report, "report_digest")
    if its_digest != decision.report_digest or whole(artifact, "report_id") != report.id:
        yield (
            f"names the report {decision.report_digest[:12]}, but its review read the report of run {run}, "
            f"{its_digest[:12]}"
        )
    if decision.run and decision.run != run:
        yield f"was made on run {decision.run}, but its report is recorded for run {run}"
    if whole(artifact, "model_id") != whole(report, "model_id"):
        yield "is on another model than the report that its review read"


def decision_on(records: Iterable[DecisionRecord], report_id: int, report_digest: str) -> Found:
    """Return the decision on a report; one without flaws that was made on this very record of the report."""
    about = [
        record
        for record in records
        if report_id in record.report_ids or (report_digest and record.decision.report_digest == report_digest)
    ]
    valid = [record for record in about if not record.flaws and report_id in record.report_ids]
    wrong = [f"the decision {flaw}" for record in about for flaw in record.flaws]
    wrong += [
        f"the decision by {record.decision.by} was made on the report of run {record.decision.run or 'another run'}"
        for record in about
        if not record.flaws and report_id not in record.report_ids
    ]
    return Found(valid[0] if valid else None, tuple(wrong))


def rejected_models(store: mlmd.MetadataStore) -> set[int]:
    """The artifact ids of the models that were rejected and not approved since, on a new report.

    Those whose latest decision was altered count as rejected.
    """
    latest = {model: record for record in decision_records(store) for model in record.model_ids}
    return {model for model, record in latest.items() if record.flaws or record.decision.decision == REJECTED}


def name_of(report_digest: str) -> str:
    """Return the name of the decision on a report, which ML Metadata keeps unique."""
    return f"review/{report_digest}"


def seal(artifact: Artifact) -> str:
    """Return a digest over the name and the properties of a decision; TFX adds properties of its own later."""
    content = {name: value(artifact, name) for name in SEALED}
    return hashlib.sha256(json.dumps([artifact.name, content], sort_keys=True).encode()).hexdigest()


def has_seal(review: Execution | None) -> bool:
    return review is not None and SEAL in review.custom_properties


def as_decision(artifact: Artifact) -> Decision:
    """Convert ML Metadata's record of a decision."""
    return Decision(*(text(artifact, name) for name in NAMES))
