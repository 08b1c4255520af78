"""Reports in ML Metadata and the decisions on them.

A decision is an artifact named by the digest of its report. ML Metadata keeps (type, name) unique on every backend
(https://github.com/google/ml-metadata/blob/master/ml_metadata/proto/metadata_store.proto, Artifact.name): of two
reviewers who decide at the same moment exactly one is recorded, and nobody can decide twice.
"""

import unicodedata
from dataclasses import dataclass, replace
from datetime import datetime, timezone

import ml_metadata as mlmd
from ml_metadata import errors
from ml_metadata.proto import metadata_store_pb2

from components.artifacts.decision import APPROVED, Decision
from components.artifacts.metadata_store import event, put, put_execution_type, put_type
from components.artifacts.record.decisions import (
    DECISION_TYPE,
    NAMES,
    REVIEW_TYPE,
    SEAL,
    Found,
    decision_on,
    decision_records,
    name_of,
    seal,
)
from components.artifacts.record.reports import ReportRecord, edited_facts
from components.artifacts.report_files import REPORT, code_commit, digest, model_digest, read_bytes
from pipeline.errors import InputError, MainlineError

NEW_REVIEW = "For a new review make a new report: run with --from SliceReport --no-cache."
LONGEST_NAME, LONGEST_NOTE = 100, 2000
# Categories of characters that a name or note may not have: controls, surrogates, line and paragraph separators.
UNPRINTABLE = ("Cc", "Cs", "Zl", "Zp")
# Characters that change the direction of the text around them.
DIRECTIONAL = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True)
class RecordedDecision:
    """The decision that holds for a report; ``new`` if it was recorded just now."""

    decision: Decision
    new: bool


def decide(
    store: mlmd.MetadataStore, report: ReportRecord, decision: str, by: str, note: str, now: datetime
) -> RecordedDecision:
    """Record a decision; the same decision again changes nothing.

    A model that is not blessed cannot be approved, since it would not be pushed. It can be rejected, to keep
    the reason.

    Raises:
        InputError: the name or the note is unusable, or the model to approve is not blessed.
        MainlineError: the report or a decision on it was changed, or the opposite decision is already recorded.
    """
    name, reason = checked_text("name", by, LONGEST_NAME), checked_text("note", note, LONGEST_NOTE)
    at = now.astimezone(timezone.utc).isoformat(timespec="seconds")
    earlier = decision_on(decision_records(store), report.id, report.digest)
    made = Decision(decision, name, reason, report.digest, at, report.run)
    if earlier.decision is not None:
        return repeated(earlier.decision, made)
    if earlier.flaws:
        raise altered(report, earlier)
    content = read_unchanged(report)
    made = replace(made, model_digest=model_digest(content), commit=code_commit(content))
    if decision == APPROVED and not report.blessed:
        raise InputError(
            f"run {report.run}", "the model is not blessed and cannot be approved",
            expected="a model that keeps every bound", received="not blessed",
            next_step="Reject it, or train a better one: python -m pipeline.review show lists the missed bounds.",
        )  # fmt: skip
    return record(store, report, made)


def record(store: mlmd.MetadataStore, report: ReportRecord, made: Decision) -> RecordedDecision:
    """Write a decision as an execution that reads the report, in one transaction."""
    context = store.get_context_by_type_and_name("pipeline", report.pipeline)
    if context is None:
        raise MainlineError(
            f"pipeline {report.pipeline}", "ML Metadata has its report but no such pipeline; nothing was recorded",
            next_step="Run the pipeline again on this store.",
        )  # fmt: skip
    (read,) = store.get_artifacts_by_id([report.id])
    written = as_artifact(report, made, put_type(store, DECISION_TYPE))
    execution = metadata_store_pb2.Execution(
        type_id=put_execution_type(store, REVIEW_TYPE), last_known_state=metadata_store_pb2.Execution.COMPLETE
    )
    execution.custom_properties[SEAL].string_value = seal(written)
    events = metadata_store_pb2.Event
    pairs = [(read, event(events.INPUT, "report")), (written, event(events.OUTPUT, "decision"))]
    try:
        put(store, execution, pairs, context)
    except errors.AlreadyExistsError as error:
        earlier = decision_on(decision_records(store), report.id, report.digest)
        if earlier.decision is None:
            raise altered(report, earlier) from error
        return repeated(earlier.decision, made)
    return RecordedDecision(made, new=True)


def altered(report: ReportRecord, found: Found) -> MainlineError:
    """Return the error about records of decisions that contradict one another."""
    return MainlineError(
        f"run {report.run}", "ML Metadata's record of the decision on its report was altered; nothing was recorded",
        received="; ".join(found.flaws), next_step=f"Find out who edited it. {NEW_REVIEW}",
    )  # fmt: skip


def as_artifact(report: ReportRecord, made: Decision, type_id: int) -> metadata_store_pb2.Artifact:
    """Convert a decision to ML Metadata's record of it."""
    artifact = metadata_store_pb2.Artifact(
        type_id=type_id, name=name_of(report.digest), state=metadata_store_pb2.Artifact.LIVE
    )
    for name in NAMES:
        artifact.custom_properties[name].string_value = getattr(made, name)
    artifact.custom_properties["model_id"].int_value = report.model_id
    artifact.custom_properties["report_id"].int_value = report.id
    return artifact


def repeated(earlier: Decision, made: Decision) -> RecordedDecision:
    """Return the earlier decision, if a second one agrees with it.

    Raises:
        MainlineError: the second is the opposite of the first.
    """
    if earlier.decision == made.decision:
        return RecordedDecision(earlier, new=False)
    raise MainlineError(
        f"report {made.report_digest[:12]}", f"already {earlier.decision}, and a decision is final",
        expected=f"{earlier.decision} by {earlier.by} at {earlier.decided_at}: {earlier.note}",
        received=f"{made.decision} by {made.by}",
        next_step=f"Talk to that reviewer. {NEW_REVIEW}",
    )  # fmt: skip


def read_unchanged(report: ReportRecord) -> bytes:
    """Return the bytes of ``report.json``, checked against ML Metadata's record of it.

    Raises:
        MainlineError: the file is missing or changed, or the record says something else than the report.
    """
    path, again = f"{report.uri}/{REPORT}", "Make a new report: run again with --no-cache."
    try:
        content = read_bytes(path)
    except OSError as error:
        raise MainlineError(path, "the report cannot be read", received=str(error), next_step=again) from error
    if digest(content) != report.digest:
        raise MainlineError(
            path, "the report was changed after the run",
            expected=report.digest, received=digest(content), next_step=again,
        )  # fmt: skip
    check_record(report, content)
    return content


def check_record(report: ReportRecord, content: bytes) -> None:
    """Check that ML Metadata's record of a report says what the report says.

    Raises:
        MainlineError: it says something else, so somebody edited it.
    """
    wrong = edited_facts(report, content)
    if wrong:
        raise MainlineError(
            f"ML Metadata, artifact {report.id}", "the record of the report contradicts the report: it was edited",
            expected=", ".join(f"{name} {fact}" for name, (fact, _) in wrong.items()),
            received=", ".join(f"{name} {recorded}" for name, (_, recorded) in wrong.items()),
            next_step="Find out who edited it, and restore ML Metadata from a backup.",
        )  # fmt: skip


def checked_text(what: str, given: str, longest: int) -> str:
    """Return a name or a note without the spaces around it.

    Raises:
        InputError: it has no visible character, is too long, or has characters that break or redirect a line.
    """
    text = given.strip()
    categories = {character: unicodedata.category(character) for character in text}
    if not any(category[0] not in "ZC" for category in categories.values()):
        raise InputError(what, "blank", expected=f"a {what}", next_step="Give --by and --note.")
    if len(text) > longest:
        raise InputError(what, "too long", expected=f"at most {longest} characters", received=str(len(text)))
    wrong = [at for at, category in categories.items() if category in UNPRINTABLE or at in DIRECTIONAL]
    if wrong:
        raise InputError(
            what,
            "characters that are not text",
            expected="one line, no control characters",
            received=ascii(wrong[0]),
        )
    return text
