"""The facts from which the status of a report follows, read from ML Metadata and the folder of served versions."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import ml_metadata as mlmd

from components.artifacts.metadata_store import READ, producer
from components.artifacts.record.damage import as_pushed, damage
from components.artifacts.record.decisions import DecisionRecord, decision_records
from components.artifacts.record.known import Baseline, Earlier, Facts, Version, Withdrawal
from components.artifacts.record.lapse import reasons
from components.artifacts.record.models import Push, model_digests, pushes
from components.artifacts.record.reports import ReportRecord, reports
from components.artifacts.record.withdrawals import RollbackRecord, hold_among, rollback_records, withdrawals
from components.artifacts.report_files import REPORT, digest, read_bytes
from components.artifacts.served_versions import ServedVersion, complete_versions, marked, versions


@dataclass(frozen=True)
class PipelineRecord:
    """All that is recorded of a pipeline.

    Attributes:
        reports: newest first.
        decisions: in the order in which they were recorded, of all pipelines; likewise ``rollbacks``.
        digests: of models, by artifact id.
        versions: the complete versions below the served folder, the largest first.
        served: the one that is served; None if nothing is, or if the largest is damaged.
        damaged: the version with the largest number, as it was pushed, if it is not complete or its files are others.
        damage: what is wrong with it, as a clause.
        has_folder: whether the served folder is on this machine.
    """

    pipeline: str
    reports: tuple[ReportRecord, ...]
    decisions: tuple[DecisionRecord, ...]
    rollbacks: tuple[RollbackRecord, ...]
    digests: Mapping[int, str]
    pushes: tuple[Push, ...]
    withdrawals: tuple[Withdrawal, ...]
    versions: tuple[ServedVersion, ...]
    served: ServedVersion | None
    damaged: ServedVersion | None
    damage: str
    has_folder: bool

    def digest_of(self, report: ReportRecord) -> str:
        """Return the digest of the model of a report, empty if nothing recorded it."""
        return report.model_digest or self.digests.get(report.model_id, "")

    def on_same_model(self, report: ReportRecord) -> list[ReportRecord]:
        """Return the other reports on the model of a report, newest first."""
        model = self.digest_of(report)
        return [
            other
            for other in self.reports
            if other.id != report.id
            and (other.model_id == report.model_id or (model and self.digest_of(other) == model))
        ]

    def of_model(self, model_digest: str) -> list[ReportRecord]:
        """Return the reports on a model, newest first."""
        return [report for report in self.reports if model_digest and self.digest_of(report) == model_digest]

    def rollback_flaws(self, report: ReportRecord) -> tuple[str, ...]:
        """Return what is wrong with the rollbacks of the model of a report."""
        model = self.digest_of(report)
        about = (found for found in self.rollbacks if model in found.digests or report.model_id in found.model_ids)
        return tuple(f"the rollback {flaw}" for found in about for flaw in found.flaws)

    def may_be_served(self, version: ServedVersion) -> bool:
        """Return whether no reviewer turned the model of a version down: by a rejection, or by a rollback."""
        models = {number for number, digest in self.digests.items() if digest == version.digest}
        models |= {report.model_id for report in self.of_model(version.digest)}
        return hold_among(self.decisions, self.rollbacks, self.pipeline, models, version.digest) is None

    @property
    def current(self) -> ServedVersion | None:
        """Return the version that model servers load, damaged or not."""
        return self.served or self.damaged

    @cached_property
    def rollback_target(self) -> ServedVersion | None:
        """Return the version to go back to: the newest intact one of another model that no reviewer has turned down."""
        now = self.current
        if now is None:
            return None
        others = (found for found in self.versions if found.number < now.number and found.digest != now.digest)
        return next((found for found in others if self.may_be_served(found) and not damage(found, self.pushes)), None)

    def unfinished(self, report: ReportRecord) -> list[ServedVersion]:
        """Return what a killed rollback of a report's model has left below a version that was pushed since.

        Those are the versions that it recorded as withdrawn, smallest first; none if the model is served.
        """
        now, model = self.served, self.digest_of(report)
        if now is None or now.digest == model:
            return []
        gone = {(found.version, found.model_digest) for found in self.withdrawals}
        base = now.folder.parent
        # Also those that have lost their marker, which are not among the complete ones.
        below = [marked(base / str(number)) for number in versions(base) if number < now.number]
        pushed = [as_pushed(version, self.pushes) for version in below]
        left = [found for found in pushed if (found.number, found.digest) in gone and not self.may_be_served(found)]
        return left if any(model and found.digest == model for found in left) else []


def pipeline_record(store: mlmd.MetadataStore, pipeline: str, root: Path | None) -> PipelineRecord:
    """Read all that is recorded of a pipeline; ``root`` is its folder on this machine, if there is one."""
    base = root / "serving" if root else None
    pushed = tuple(pushes(store, pipeline))
    largest = max(versions(base), default=None) if base else None
    top = marked(base / str(largest)) if base and largest is not None else None
    wrong = damage(top, pushed) if top else ""
    return PipelineRecord(
        pipeline=pipeline,
        reports=tuple(reports(store, pipeline)),
        decisions=tuple(decision_records(store)),
        rollbacks=tuple(rollback_records(store)),
        digests=model_digests(store),
        pushes=pushed,
        withdrawals=tuple(withdrawals(store, pipeline)),
        versions=tuple(complete_versions(base)) if base else (),
        served=None if wrong else top,
        damaged=as_pushed(top, pushed) if top and wrong else None,
        damage=wrong,
        has_folder=root is not None and root.is_dir(),
    )


def facts_on(record: PipelineRecord, report: ReportRecord, compared_with: Baseline | None = None) -> Facts:
    """Return the facts on a report."""
    model = record.digest_of(report)
    mine = [version.number for version in record.versions if model and version.digest == model]
    gone = [withdrawal for withdrawal in record.withdrawals if model and withdrawal.model_digest == model]
    back = record.rollback_target
    return Facts(
        run=report.run,
        blessed=report.blessed,
        decision=report.decision,
        is_sealed=report.found.record is None or report.found.record.sealed,
        flaws=(*report.found.flaws, *record.rollback_flaws(report)),
        earlier=None if report.decision else earlier_decision(record, report),
        evaluated_again=next((other.run for other in record.on_same_model(report) if other.id > report.id), ""),
        versions=tuple(mine),
        served=as_version(record.served),
        unclear=record.damaged.number if record.damaged else None,
        damage=record.damage,
        is_damaged=record.damaged is not None and model != "" and record.damaged.digest == model,
        pushed=max((push.version for push in record.pushes if model and push.model_digest == model), default=None),
        withdrawn=gone[-1] if gone else None,
        rollback_to=as_version(back),
        has_folder=record.has_folder,
        baseline=compared_with,
    )


def as_version(version: ServedVersion | None) -> Version | None:
    return Version(version.number, version.run) if version else None


def earlier_decision(record: PipelineRecord, report: ReportRecord) -> Earlier | None:
    """Return the latest decision on an earlier report on the same model, and why that is another report."""
    before = [other for other in record.on_same_model(report) if other.id < report.id and other.decision]
    if not before or before[0].decision is None:
        return None
    contents = [content_of(found) for found in (before[0], report)]
    why = reasons(*(json.loads(content) for content in contents if content)) if all(contents) else ()
    return Earlier(before[0].decision, before[0].run, why)


def content_of(report: ReportRecord) -> bytes:
    """Return the bytes of a ``report.json``; nothing if it cannot be read or was changed."""
    try:
        content = read_bytes(f"{report.uri}/{REPORT}")
    except OSError:
        return b""
    return content if digest(content) == report.digest else b""


def baseline_of(store: mlmd.MetadataStore, record: PipelineRecord, report: ReportRecord) -> Baseline | None:
    """Return the model that a report compares with, and what it was when the report was made."""
    execution, _ = producer(store, report.id)
    events = store.get_events_by_execution_ids([execution]) if execution else []
    models = [event.artifact_id for event in events if event.type in READ and key_of(event) == "baseline_model"]
    if not models:
        return None
    about = [other for other in record.reports if other.model_id == models[0]]
    known = (record.digest_of(other) for other in about)
    model = record.digests.get(models[0], "") or next(filter(None, known), "")
    decision = next((other.decision for other in about if other.decision), None)
    before = [push for push in record.pushes if model and push.model_digest == model]
    run = next((run for run in [*(found.run for found in about), *(push.run for push in before)] if run), "")
    return Baseline(run, served_then(record, before, report.created_ms), decision, is_before(decision, report))


def key_of(event: Any) -> str:
    return str(event.path.steps[0].key) if event.path.steps else ""


def is_before(decision: Any, report: ReportRecord) -> bool:
    """Return whether a decision was made before a report."""
    return decision is not None and in_ms(decision.decided_at) <= report.created_ms


def served_then(record: PipelineRecord, before: Iterable[Push], at_ms: int) -> int | None:
    """Return the version that some pushes of a model had made at a time and that was not yet withdrawn."""
    gone = {item.version for item in record.withdrawals if in_ms(item.withdrawn_at) <= at_ms}
    return max((push.version for push in before if push.at_ms <= at_ms and push.version not in gone), default=None)


def in_ms(moment: str) -> int:
    """Return an ISO 8601 time as milliseconds since 1970; -1 if it is none."""
    try:
        return int(datetime.fromisoformat(moment).timestamp() * 1000)
    except ValueError:
        return -1
