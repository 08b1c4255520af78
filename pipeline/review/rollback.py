"""Takes the served version out of serving, so that a model server goes back to an earlier one.

The rollback is recorded in ML Metadata, and the folder of the version is renamed, which takes effect in one step. The
model artifact stays as it is. The model is not pushed again until a new report on it is approved.
"""

import os
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import TypeAlias

import ml_metadata as mlmd
from ml_metadata.proto import metadata_store_pb2

from components.artifacts.metadata_store import event, put, put_execution_type, put_type
from components.artifacts.record.damage import as_pushed, damage
from components.artifacts.record.decisions import SEAL
from components.artifacts.record.facts import PipelineRecord, pipeline_record
from components.artifacts.record.known import Withdrawal
from components.artifacts.record.reports import ReportRecord
from components.artifacts.record.withdrawals import ROLLBACK_TYPE, WITHDRAWAL_TYPE, seal
from components.artifacts.served_versions import ServedVersion, marked
from components.versioned_pusher.versions import remove_unfinished, versions_above, withdraw, withdrawn_folder
from pipeline.errors import InputError, MainlineError
from pipeline.review.ledger import LONGEST_NAME, LONGEST_NOTE, checked_text
from pipeline.run.local.lease import hold_briefly

Artifact: TypeAlias = metadata_store_pb2.Artifact
Event: TypeAlias = metadata_store_pb2.Event


def roll_back(
    store: mlmd.MetadataStore, report: ReportRecord, root: Path, by: str, note: str, now: datetime
) -> list[Withdrawal]:
    """Take the version with the model of a report out of serving, and record who did it, when and why.

    It is recorded first, so that whenever it is interrupted the model is not pushed again; asked for again, it goes on,
    also if another model was pushed in between, which then stays what is served.

    Raises:
        InputError: the name or the note is unusable, or the model is not what is served.
        MainlineError: there is no version to go back to, or a run uses the root, on this machine or on a cluster.
    """
    name, reason = checked_text("name", by, LONGEST_NAME), checked_text("note", note, LONGEST_NOTE)
    at = now.astimezone(timezone.utc).isoformat(timespec="seconds")
    with hold_briefly(root, f"rollback of {report.run}"):
        # What a killed push left above the served version would hide it.
        if (root / "serving").is_dir():
            remove_unfinished(root / "serving")
        record = pipeline_record(store, report.pipeline, root)
        gone, serves = record.unfinished(report), record.served
        if not gone or serves is None:
            serves = target(record, report, root)
            gone = versions_above(root / "serving", serves.number)
        check_names(gone)
        wrong = [damage(marked(version.folder), record.pushes) for version in gone]
        pushed = [as_pushed(version, record.pushes) for version in gone]
        made = [
            Withdrawal(
                version.number, serves.number, report.pipeline, version.run, version.digest, name, reason, at, found
            )
            for version, found in zip(pushed, wrong, strict=True)
        ]
        record_withdrawals(store, report, made)
        withdraw(gone)
    return made


def check_names(gone: Sequence[ServedVersion]) -> None:
    """Check that the names that versions get are free, before anything is recorded.

    Raises:
        MainlineError: one is taken, as by a version that was taken out before and copied back by hand.
    """
    taken = [str(withdrawn_folder(version)) for version in gone if os.path.lexists(withdrawn_folder(version))]
    if taken:
        raise MainlineError(
            taken[0], "the version was taken out of serving before, and its files are still there; nothing was changed",
            next_step="Move that folder elsewhere, and ask again.",
        )  # fmt: skip


def target(record: PipelineRecord, report: ReportRecord, root: Path) -> ServedVersion:
    """Return the version that a rollback of the model of a report leads to.

    Raises:
        InputError: the model is not what is served.
        MainlineError: there is no version to go back to.
    """
    now, to = record.current, record.rollback_target
    if now is not None and not now.digest:
        raise InputError(
            str(now.folder), "it hides all other versions, and no run is known to have pushed it; nothing was changed",
            received=record.damage, next_step="Move this folder out of the served folder.",
        )  # fmt: skip
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
    return to


def record_withdrawals(store: mlmd.MetadataStore, report: ReportRecord, made: Sequence[Withdrawal]) -> None:
    """Write withdrawals as an execution that reads the report, in one transaction."""
    context = store.get_context_by_type_and_name("pipeline", report.pipeline)
    (read,) = store.get_artifacts_by_id([report.id])
    type_id = put_type(store, WITHDRAWAL_TYPE)
    execution = metadata_store_pb2.Execution(
        type_id=put_execution_type(store, ROLLBACK_TYPE), last_known_state=metadata_store_pb2.Execution.COMPLETE
    )
    written = [as_artifact(withdrawal, type_id) for withdrawal in made]
    execution.custom_properties[SEAL].string_value = seal(written)
    outputs = [(artifact, event(Event.OUTPUT, "withdrawn")) for artifact in written]
    put(store, execution, [(read, event(Event.INPUT, "report")), *outputs], context)


def as_artifact(withdrawal: Withdrawal, type_id: int) -> Artifact:
    """Convert a withdrawal to ML Metadata's record of it."""
    artifact = Artifact(type_id=type_id, state=Artifact.LIVE)
    for key, value in asdict(withdrawal).items():
        if isinstance(value, int):
            artifact.custom_properties[key].int_value = value
        elif value or key != "damage":
            artifact.custom_properties[key].string_value = value
    return artifact
