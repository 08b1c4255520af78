"""Takes the served version out of serving, so that a model server goes back to an earlier one.

The folder of the version is renamed, which takes effect in one step, and the rollback is recorded in ML Metadata. The
model artifact stays as it is. The model is not pushed again until a new report on it is approved.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import TypeAlias

import ml_metadata as mlmd
from ml_metadata.proto import metadata_store_pb2

from components.artifacts.metadata_store import event, put, put_execution_type, put_type
from components.artifacts.record.facts import PipelineRecord, pipeline_record
from components.artifacts.record.known import Withdrawal
from components.artifacts.record.reports import ReportRecord
from components.artifacts.record.withdrawals import ROLLBACK_TYPE, WITHDRAWAL_TYPE
from components.artifacts.served_versions import ServedVersion, withdrawn_versions
from components.versioned_pusher.versions import withdraw
from pipeline.errors import InputError, MainlineError
from pipeline.review.ledger import LONGEST_NAME, LONGEST_NOTE, checked_text
from pipeline.run.local.lock import run_lock

Artifact: TypeAlias = metadata_store_pb2.Artifact
Event: TypeAlias = metadata_store_pb2.Event


def roll_back(
    store: mlmd.MetadataStore, report: ReportRecord, root: Path, by: str, note: str, now: datetime
) -> list[Withdrawal]:
    """Take the version with the model of a report out of serving, and record who did it, when and why.

    A rollback that was interrupted before it was recorded is recorded now.

    Raises:
        InputError: the name or the note is unusable, or the model is not what is served.
        MainlineError: there is no version to go back to, or a run uses the root.
    """
    name, reason = checked_text("name", by, LONGEST_NAME), checked_text("note", note, LONGEST_NOTE)
    at = now.astimezone(timezone.utc).isoformat(timespec="seconds")
    with run_lock(root, f"rollback of {report.run}"):
        record = pipeline_record(store, report.pipeline, root)
        gone, to = unrecorded(record, report, root) or withdrawn_now(record, report, root)
        made = [
            Withdrawal(version.number, to.number, report.pipeline, version.run, version.digest, name, reason, at)
            for version in gone
        ]
        record_withdrawals(store, report, made)
    return made


def withdrawn_now(
    record: PipelineRecord, report: ReportRecord, root: Path
) -> tuple[Sequence[ServedVersion], ServedVersion]:
    """Take the served version out of serving; return what was taken out, and the version that is served now."""
    now, to = record.served, record.rollback_target
    if now is None or now.digest != record.digest_of(report):
        raise InputError(
            f"run {report.run}", "its model is not what is served, so there is nothing to roll back",
            expected=f"run {now.run}, which is served as version {now.number}" if now else "a version that is served",
            received=f"run {report.run}", next_step="See what is served: python -m pipeline.review list",
        )  # fmt: skip
    if to is None:
        raise MainlineError(
            str(root / "serving"), "there is no version to go back to; nothing was changed",
            expected="a complete version with another model that no reviewer turned down",
            received=f"version {now.number} alone" if len(record.versions) == 1 else "only versions turned down",
            next_step="Train and push another model, or stop the model server.",
        )  # fmt: skip
    return withdraw(root / "serving", to.number), to


def unrecorded(
    record: PipelineRecord, report: ReportRecord, root: Path
) -> tuple[Sequence[ServedVersion], ServedVersion] | None:
    """Return what an interrupted rollback took out and did not record, and the version that is served now."""
    known = {withdrawal.version for withdrawal in record.withdrawals}
    gone = [version for version in withdrawn_versions(root / "serving") if version.number not in known]
    is_mine = any(version.digest == record.digest_of(report) for version in gone)
    return (gone, record.served) if is_mine and record.served else None


def record_withdrawals(store: mlmd.MetadataStore, report: ReportRecord, made: Sequence[Withdrawal]) -> None:
    """Write withdrawals as an execution that reads the report, in one transaction."""
    context = store.get_context_by_type_and_name("pipeline", report.pipeline)
    (read,) = store.get_artifacts_by_id([report.id])
    type_id = put_type(store, WITHDRAWAL_TYPE)
    execution = metadata_store_pb2.Execution(
        type_id=put_execution_type(store, ROLLBACK_TYPE), last_known_state=metadata_store_pb2.Execution.COMPLETE
    )
    written = [(as_artifact(withdrawal, type_id), event(Event.OUTPUT, "withdrawn")) for withdrawal in made]
    put(store, execution, [(read, event(Event.INPUT, "report")), *written], context)


def as_artifact(withdrawal: Withdrawal, type_id: int) -> Artifact:
    """Convert a withdrawal to ML Metadata's record of it."""
    name = f"withdrawn/{withdrawal.pipeline}/{withdrawal.version}"
    artifact = Artifact(type_id=type_id, name=name, state=Artifact.LIVE)
    for key, value in asdict(withdrawal).items():
        if isinstance(value, int):
            artifact.custom_properties[key].int_value = value
        else:
            artifact.custom_properties[key].string_value = value
    return artifact
