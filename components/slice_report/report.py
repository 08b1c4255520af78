"""Makes the report on a run from its artifacts; missing parts are named with the reason."""

import math
from pathlib import Path
from typing import Any

from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx.utils import path_utils

from components.artifacts.feature_statistics import column_name
from components.artifacts.model_digest import content_digest
from components.artifacts.statistics_files import read_statistics
from components.evaluation.columns import SCORE
from components.evaluation.tasks.registry import evaluation_of
from components.evaluation.units import units_of
from components.examples.reading import read_schema
from components.slice_report.analysis.by_slice.slices import make_slices
from components.slice_report.analysis.comparisons import compare, ranked_groups
from components.slice_report.analysis.data.drift import drift
from components.slice_report.analysis.data.label_suspects import find_label_suspects
from components.slice_report.analysis.data.leakage import scan_examples
from components.slice_report.analysis.data.schema_changes import schema_changes
from components.slice_report.analysis.fairness import sensitive
from components.slice_report.analysis.importance import explain
from components.slice_report.analysis.scores import expected_calibration_error
from components.slice_report.analysis.statistics import column_stats, gate_entries
from components.slice_report.analysis.weak_segments import find_weak
from components.slice_report.analysis.worst_rows import find_worst_rows
from components.slice_report.facts import SCHEMA_VERSION, Data, Drift, Lineage, Missing, Report, Run, SchemaChange
from components.slice_report.lineage import make_lineage
from components.slice_report.settings import Settings
from components.slice_report.sources import Sources
from components.slice_report.training import as_training
from components.support.garbage_collection import release_memory
from pipeline.label import Label


def make_report(sources: Sources, settings: Settings) -> Report:
    """Make the report.

    Raises:
        DataError: an artifact cannot be read.
    """
    has = sources.folders
    return Report(
        schema_version=SCHEMA_VERSION,
        run=make_run(sources, settings),
        missing=missing_parts(sources),
        decision_threshold=settings.decision_threshold,
        primary_metric=settings.primary_metric,
        cluster_by=settings.cluster_by,
        data=make_data(sources, settings) if "statistics" in has else None,
        training=as_training(sources.training) if "model_run" in has else None,
        lineage=make_model_lineage(sources, settings),
        card=settings.card,
        **(judged(sources, settings) if "evaluation" in has else {}),
    )


def make_run(sources: Sources, settings: Settings) -> Run:
    before = sources.baseline_report
    return Run(
        pipeline=sources.pipeline,
        run=sources.run,
        workload=settings.workload,
        label=settings.label.column,
        label_values=settings.label.values,
        baseline_run=before.run.run if before else None,
        failed_at=sources.failed_at,
        error=sources.error,
    )


def missing_parts(sources: Sources) -> tuple[Missing, ...]:
    """Return the parts that cannot be shown, with the reasons."""
    has, why = sources.folders, why_missing(sources)
    again = "Fix the failure and run again." if sources.failed_at else "Run the pipeline to its end."
    parts = [
        (name, f"{artifact}: {why}", again)
        for artifact, names in (
            ("evaluation", ("verdict", "slices", "fairness", "quality", "explanations")),
            ("statistics", ("data",)),
            ("model_run", ("training",)),
        )
        if artifact not in has
        for name in names
    ]
    if "evaluation" in has and sources.trace.baseline is None:
        parts.append(("baseline", no_baseline(sources.trace.blessed_before), ""))
    if sources.trace.baseline and sources.baseline_report is None:
        parts.append(("lineage", "the baseline has no report, so its config is unknown", ""))
    return tuple(Missing(*part) for part in parts)


def no_baseline(blessed_before: int) -> str:
    """Return why the model is compared with none.

    >>> no_baseline(1)
    'a model was blessed before this one, but it is not served, and it was rejected or removed'
    """
    if not blessed_before:
        return "first run: no model of this pipeline was blessed before this one"
    if blessed_before == 1:
        return "a model was blessed before this one, but it is not served, and it was rejected or removed"
    return f"{blessed_before} models were blessed before this one, but none is served, and all were rejected or removed"


def why_missing(sources: Sources) -> str:
    return f"{sources.failed_at} failed before it was written" if sources.failed_at else "the run ended earlier"


def judged(sources: Sources, settings: Settings) -> dict[str, Any]:
    """Return the parts that need an evaluation."""
    rows, label, evaluation = sources.predictions, settings.label, sources.evaluation
    units = units_of(rows, settings.cluster_by)
    weak = find_weak(rows, label, settings.id_columns, units)
    suspects = find_label_suspects(rows, label, units)
    slices = make_slices(evaluation, rows, label, units, decision_threshold=settings.decision_threshold)
    return {
        "areas": "stock" if evaluation.thresholds else "exact",
        "verdict": evaluation.verdict(bool(sources.blessed), settings.bounds),
        "comparisons": compare(
            rows, label, base_rate(sources, label), evaluation, units, decision_threshold=settings.decision_threshold
        ),
        "ranked": ranked_groups(rows, label, evaluation, units),
        "slices": slices,
        "weak": weak,
        "fairness": tuple(
            sensitive(
                rows, label, feature, settings.decision_threshold, units, settings.group_thresholds.get(feature, {})
            )
            for feature in settings.sensitive
        ),
        "calibration_error": expected_calibration_error(evaluation_of(label).labels(rows), rows[SCORE].to_numpy()),
        "importances": explain(sources, settings, units, slices, weak),
        "worst_rows": find_worst_rows(sources, settings, slices, weak, suspects),
        "suspects": suspects,
    }


def base_rate(sources: Sources, label: Label) -> float:
    """Return the share of positives in the training rows, nan if unknown."""
    for feature in sources.statistics["train"].features:
        if column_name(feature) == label.column:
            return share_of(label.positive, feature) if label.positive else float(feature.num_stats.mean)
    return math.nan


def share_of(text: str, feature: statistics_pb2.FeatureNameStatistics) -> float:
    """Return the share of a text among the values of a column, nan without values."""
    listed = {bucket.label: bucket.sample_count for bucket in feature.string_stats.rank_histogram.buckets}
    values = float(feature.string_stats.common_stats.tot_num_values)
    return float(listed.get(text, 0.0)) / values if values else math.nan


def make_data(sources: Sources, settings: Settings) -> Data:
    """Return the parts on data and schema."""
    scan = scan_examples(sources.example_files(), sources.schema, settings.id_columns)
    # Free the hashes of all rows before the predictions are read.
    release_memory()
    return Data(
        columns=column_stats(sources.statistics),
        gate=gate_entries(sources.gate_verdict, settings.acceptances),
        schema_changes=changes_of_schema(sources),
        drift=drift_from_baseline(sources, settings),
        leaks=scan.leaks,
        new_categories=scan.new_categories,
    )


def changes_of_schema(sources: Sources) -> tuple[SchemaChange, ...] | None:
    """Return the schema changes since the last blessed run, or None without one."""
    before = sources.trace.baseline.schema if sources.trace.baseline else None
    return schema_changes(read_schema(before), sources.schema) if before else None


def drift_from_baseline(sources: Sources, settings: Settings) -> tuple[Drift, ...] | None:
    """Return the drift of the training rows since the last blessed run, or None without one."""
    before = sources.trace.baseline.statistics if sources.trace.baseline else None
    if before is None:
        return None
    earlier = read_statistics({"train": f"{before}/Split-train"})["train"]
    bounds = settings.categorical_drift, settings.numeric_drift
    return drift(sources.statistics["train"], earlier, sources.schema, *bounds)


def make_model_lineage(sources: Sources, settings: Settings) -> Lineage:
    """Return the lineage of the model, or that of the data if there is no model."""
    folder = sources.folders.get("model")
    model_digest = content_digest(Path(path_utils.serving_model_path(folder))) if folder else ""
    return make_lineage(sources.trace, settings, sources.baseline_report, model_digest)
