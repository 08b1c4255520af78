"""The reports that ML Metadata has, with the decisions on them."""

import json
from dataclasses import dataclass, field

import ml_metadata as mlmd
from ml_metadata.proto import metadata_store_pb2

from components.artifacts.decision import Decision
from components.artifacts.metadata_store import live_artifacts, text, whole
from components.artifacts.record.decisions import REPORT_TYPE, DecisionRecord, Found, decision_on, decision_records


@dataclass(frozen=True)
class ReportRecord:
    """A report in ML Metadata, with the decision on it if there is one.

    Attributes:
        uri: its folder.
        created_ms: when it was written, in milliseconds since 1970.
        model_digest: of the model's files; empty in reports of releases that did not record it.
        found: the decision that holds, and what is wrong with others.
    """

    id: int
    uri: str
    created_ms: int
    pipeline: str
    run: str
    digest: str
    blessed: bool
    model_id: int
    model_digest: str = ""
    found: Found = field(default_factory=Found)

    @property
    def decision(self) -> Decision | None:
        """The decision that holds."""
        return self.found.decision


def reports(store: mlmd.MetadataStore, pipeline: str) -> list[ReportRecord]:
    """Return the reports of a pipeline, newest first."""
    recorded = decision_records(store)
    found = [as_reviewed(artifact, recorded) for artifact in live_artifacts(store, REPORT_TYPE)]
    ours = (report for report in found if report.pipeline == pipeline)
    return sorted(ours, key=lambda report: report.id, reverse=True)


def as_reviewed(artifact: metadata_store_pb2.Artifact, recorded: list[DecisionRecord]) -> ReportRecord:
    """Convert ML Metadata's record of a report, and add the decision on it."""
    report_digest = text(artifact, "report_digest")
    return ReportRecord(
        id=artifact.id,
        uri=artifact.uri,
        created_ms=artifact.create_time_since_epoch,
        pipeline=text(artifact, "pipeline"),
        run=text(artifact, "run"),
        digest=report_digest,
        blessed=whole(artifact, "blessed") == 1,
        model_id=whole(artifact, "model_id"),
        model_digest=text(artifact, "model_digest"),
        found=decision_on(recorded, artifact.id, report_digest),
    )


def facts_of(content: bytes) -> dict[str, str]:
    """Return what a ``report.json`` says of itself that ML Metadata has, too."""
    report = json.loads(content)
    lineage, verdict = report["lineage"] or {}, report["verdict"] or {}
    return {
        "pipeline": str(report["run"]["pipeline"]),
        "run": str(report["run"]["run"]),
        "blessed": str(bool(verdict.get("blessed"))),
        "model_digest": str(lineage.get("model_digest", "")),
    }


def edited_facts(report: ReportRecord, content: bytes) -> dict[str, tuple[str, str]]:
    """Return what a ``report.json`` and ML Metadata's record of it say differently, as (report, record) by name."""
    facts = facts_of(content)
    recorded = {name: str(getattr(report, name)) for name in facts}
    if not report.model_digest:
        recorded["model_digest"] = facts["model_digest"]
    return {name: (fact, recorded[name]) for name, fact in facts.items() if recorded[name] != fact}
