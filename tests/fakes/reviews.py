"""Reports in a real ML Metadata store and on disk, as a run leaves them."""

import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import ml_metadata as mlmd
import yaml
from ml_metadata.proto import metadata_store_pb2

from components.artifacts.metadata_store import event
from components.artifacts.report_files import digest
from components.evaluation.verdict import Check, Verdict
from components.slice_report.facts import SCHEMA_VERSION, Lineage, Report, Run
from components.slice_report.facts.encoding import to_json
from components.slice_report.output import write_report
from pipeline.config.load import load_config
from pipeline.review import ledger

ROOT = Path(__file__).resolve().parents[2]
PIPELINE = "census"
NOW = datetime(2026, 3, 1, 12, 30, tzinfo=timezone.utc)


def make_report(run: str, blessed: bool = True, model_digest: str = "", pipeline: str = PIPELINE) -> Report:
    """Return a report with one bound, which a blessed model keeps."""
    value, missed = (0.9, None) if blessed else (0.6, 0.2)
    check = Check("AUC", "overall", "≥ 0.8", value, (value - 0.01, value + 0.01), missed, value - 0.8)
    lineage = Lineage((), None, (), (), (), (), (), model_digest)
    return Report(
        SCHEMA_VERSION, Run(pipeline, run, pipeline, "over_50k"), (), 0.5, "AUC",
        verdict=Verdict(blessed, 400, (check,)), lineage=lineage,
    )  # fmt: skip


@dataclass(frozen=True)
class RunsRoot:
    """A root of runs."""

    runs: Path

    def store(self, pipeline: str = PIPELINE) -> mlmd.MetadataStore:
        folder = self.runs / pipeline
        folder.mkdir(parents=True, exist_ok=True)
        config = metadata_store_pb2.ConnectionConfig()
        config.sqlite.filename_uri = str(folder / "metadata.db")
        config.sqlite.connection_mode = metadata_store_pb2.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
        return mlmd.MetadataStore(config)

    def report(
        self, run: str, blessed: bool = True, model_id: int = 7, pipeline: str = PIPELINE
    ) -> ledger.ReportRecord:
        """Write a report: its artifact, its copy, and the config of the run."""
        store, report = self.store(pipeline), make_report(run, blessed, pipeline=pipeline)
        folder = self.runs / pipeline / "artifacts" / "SliceReport" / "report" / run
        folder.mkdir(parents=True)
        write_report(report, str(folder))
        self.copy(run, report, pipeline)
        (record,) = put_report(store, pipeline, run, str(folder), digest(to_json(report)), blessed, model_id)
        return next(found for found in ledger.reports(store, pipeline) if found.id == record)

    def copy(self, run: str, report: Report, pipeline: str = PIPELINE) -> Path:
        """Write the report of a run; a run whose report came from the cache copies an earlier one."""
        folder = self.runs / pipeline / "reports" / run
        folder.mkdir(parents=True)
        write_report(report, str(folder))
        history = self.runs / pipeline / "history" / run
        history.mkdir(parents=True)
        settings = {**load_config("census").model_dump(mode="json"), "name": pipeline}
        (history / "config.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
        return folder

    def decide(self, report: ledger.ReportRecord, decision: str, by: str = "Ada", note: str = "looks right"):
        return ledger.decide(self.store(report.pipeline), report, decision, by, note, NOW)

    def reviews(self, pipeline: str = PIPELINE) -> list[metadata_store_pb2.Execution]:
        return self.store(pipeline).get_executions_by_type(ledger.REVIEW_TYPE)


def put_report(store, pipeline, run, uri, report_digest, blessed, model_id) -> list[int]:
    """Record a SliceReport artifact as the component does."""
    kind = store.put_artifact_type(metadata_store_pb2.ArtifactType(name="SliceReport"), can_add_fields=True)
    ran = store.put_execution_type(metadata_store_pb2.ExecutionType(name="SliceReportNode"), can_add_fields=True)
    within = store.put_context_type(metadata_store_pb2.ContextType(name="pipeline"), can_add_fields=True)
    artifact = metadata_store_pb2.Artifact(type_id=kind, uri=uri, state=metadata_store_pb2.Artifact.LIVE)
    for name, text in {"pipeline": pipeline, "run": run, "report_digest": report_digest}.items():
        artifact.custom_properties[name].string_value = text
    artifact.custom_properties["blessed"].int_value = int(blessed)
    artifact.custom_properties["model_id"].int_value = model_id
    context = metadata_store_pb2.Context(type_id=within, name=pipeline)
    execution = metadata_store_pb2.Execution(type_id=ran, last_known_state=metadata_store_pb2.Execution.COMPLETE)
    pair = (artifact, event(metadata_store_pb2.Event.OUTPUT, "report"))
    _, ids, _ = store.put_execution(execution, [pair], [context], reuse_context_if_already_exist=True)
    return list(ids)


def start_review(*arguments: str) -> subprocess.Popen[str]:
    """Start the command in another process."""
    return subprocess.Popen(
        [sys.executable, "-m", "pipeline.review", *arguments], cwd=ROOT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def copy_of(world: RunsRoot, run: str, pipeline: str = PIPELINE) -> Path:
    """The folder of a run's report."""
    return world.runs / pipeline / "reports" / run
