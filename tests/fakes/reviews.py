"""Reports in a real ML Metadata store and on disk, as a run leaves them."""

import subprocess
import sys
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

import ml_metadata as mlmd
import yaml
from ml_metadata.proto import metadata_store_pb2

from components.artifacts.metadata_store import event
from components.artifacts.model_digest import content_digest
from components.artifacts.record.reports import ReportRecord, reports
from components.artifacts.report_files import digest
from components.evaluation.verdict import Check, Verdict
from components.slice_report.facts import SCHEMA_VERSION, Lineage, Report, Run
from components.slice_report.facts.encoding import to_json
from components.slice_report.output import write_report
from components.versioned_pusher.versions import push
from pipeline.config.load import load_config
from pipeline.review import ledger

ROOT = Path(__file__).resolve().parents[2]
PIPELINE = "census"
NOW = datetime(2026, 3, 1, 12, 30, tzinfo=timezone.utc)


def make_report(run: str, blessed: bool = True, model_digest: str = "", pipeline: str = PIPELINE) -> Report:
    """Return a report with one bound, which a blessed model keeps."""
    value, missed = (0.9, None) if blessed else (0.6, 0.2)
    check = Check("AUC", "overall", "≥ 0.8", value, (value - 0.01, value + 0.01), missed, value - 0.8)
    lineage = Lineage((), None, (), (), (), (), (), model_digest, commit="c0ffee")
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
        self,
        run: str,
        blessed: bool = True,
        model_id: int = 7,
        pipeline: str = PIPELINE,
        model: str = "",
        baseline: int | None = None,
        baseline_run: str | None = None,
    ) -> ReportRecord:
        """Write a report: its artifact, its copy, and the config of the run; ``model`` are the bytes of the model."""
        store = self.store(pipeline)
        report = make_report(run, blessed, digest_of(self, model), pipeline)
        report = replace(report, run=replace(report.run, baseline_run=baseline_run))
        folder = self.runs / pipeline / "artifacts" / "SliceReport" / "report" / run
        folder.mkdir(parents=True)
        write_report(report, str(folder))
        self.copy(run, report, pipeline)
        facts = (digest(to_json(report)), blessed, model_id, digest_of(self, model))
        (record,) = put_report(store, pipeline, run, str(folder), *facts, baseline)
        return next(found for found in reports(store, pipeline) if found.id == record)

    def model(self, weights: str) -> Path:
        """Write the files of a model."""
        folder = self.runs.parent / "models" / weights
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "saved_model.pb").write_text(weights, encoding="utf-8")
        return folder

    def push(self, weights: str, run: str, version: int, model_id: int = 7, pipeline: str = PIPELINE) -> None:
        """Serve a model as a new version, and record the push as Pusher does."""
        made, is_new = push(self.model(weights), self.runs / pipeline / "serving", now_s=version, run=run)
        assert is_new
        assert made.number == version
        store = self.store(pipeline)
        artifact = new_artifact(store, "PushedModel", str(made.folder))
        words = {"pushed_version": str(version), "model_digest": made.digest, "pushed_run": run}
        for name, text in words.items():
            artifact.custom_properties[name].string_value = text
        artifact.custom_properties["pushed"].int_value = 1
        put_output(store, pipeline, "Pusher", artifact, "pushed_model")

    def bless(self, model_id: int, blessed: int, digest: str, pipeline: str = PIPELINE, store: str = PIPELINE) -> None:
        """Record the blessing of a model as Evaluator does."""
        opened = self.store(store)
        artifact = new_artifact(opened, "ModelBlessing", "/blessing")
        for name, number in {"current_model_id": model_id, "blessed": blessed}.items():
            artifact.custom_properties[name].int_value = number
        artifact.custom_properties["model_digest"].string_value = digest
        put_output(opened, pipeline, "Evaluator", artifact, "blessing")

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

    def decide(self, report: ReportRecord, decision: str, by: str = "Ada", note: str = "looks right"):
        return ledger.decide(self.store(report.pipeline), report, decision, by, note, NOW)

    def reviews(self, pipeline: str = PIPELINE) -> list[metadata_store_pb2.Execution]:
        return self.store(pipeline).get_executions_by_type(ledger.REVIEW_TYPE)


def digest_of(world: RunsRoot, model: str) -> str:
    """The digest of a model's files; none without a model."""
    return content_digest(world.model(model)) if model else ""


def put_report(
    store, pipeline, run, uri, report_digest, blessed, model_id, model_digest="", baseline=None
) -> list[int]:
    """Record a SliceReport artifact as the component does."""
    artifact = new_artifact(store, "SliceReport", uri)
    words = {"pipeline": pipeline, "run": run, "report_digest": report_digest, "model_digest": model_digest}
    for name, text in words.items():
        artifact.custom_properties[name].string_value = text
    artifact.custom_properties["blessed"].int_value = int(blessed)
    artifact.custom_properties["model_id"].int_value = model_id
    return put_output(store, pipeline, "SliceReportNode", artifact, "report", baseline)


def new_artifact(store, kind: str, uri: str) -> metadata_store_pb2.Artifact:
    type_id = store.put_artifact_type(metadata_store_pb2.ArtifactType(name=kind), can_add_fields=True)
    return metadata_store_pb2.Artifact(type_id=type_id, uri=uri, state=metadata_store_pb2.Artifact.LIVE)


def put_output(store, pipeline, node, artifact, key, baseline=None) -> list[int]:
    """Record an artifact as the output of an execution, which read the model that it compares with."""
    ran = store.put_execution_type(metadata_store_pb2.ExecutionType(name=node), can_add_fields=True)
    within = store.put_context_type(metadata_store_pb2.ContextType(name="pipeline"), can_add_fields=True)
    context = metadata_store_pb2.Context(type_id=within, name=pipeline)
    execution = metadata_store_pb2.Execution(type_id=ran, last_known_state=metadata_store_pb2.Execution.COMPLETE)
    pairs = [(artifact, event(metadata_store_pb2.Event.OUTPUT, key))]
    if baseline is not None:
        (model,) = store.get_artifacts_by_id([baseline])
        pairs.append((model, event(metadata_store_pb2.Event.INPUT, "baseline_model")))
    _, ids, _ = store.put_execution(execution, pairs, [context], reuse_context_if_already_exist=True)
    return list(ids)[:1]


def put_model(store, uri: str = "/model") -> int:
    """Record a Model artifact."""
    (made,) = store.put_artifacts([new_artifact(store, "Model", uri)])
    return int(made)


def start_review(*arguments: str) -> subprocess.Popen[str]:
    """Start the command in another process."""
    return subprocess.Popen(
        [sys.executable, "-m", "pipeline.review", *arguments], cwd=ROOT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def copy_of(world: RunsRoot, run: str, pipeline: str = PIPELINE) -> Path:
    """The folder of a run's report."""
    return world.runs / pipeline / "reports" / run
