"""The settings of SliceReport, from a config and a workload."""

from tensorflow_metadata.proto.v0 import schema_pb2

from components.evaluation.groups.bounds import RatioBounds
from components.evaluation.tasks.registry import METRICS
from components.slice_report.settings import Settings, flatten
from pipeline.config.root import Config, Report
from pipeline.settings.known_names import check_known
from pipeline.task.labels import resolve
from pipeline.workloads.contract import Evaluation, Workload, with_bounds


def ratio_bounds(evaluation: Evaluation, report: Report) -> RatioBounds | None:
    """The bounds on ratios between groups, with the thresholds that select rows; None without bounds."""
    if not report.fairness_bounds:
        return None
    return RatioBounds(report.fairness_bounds, evaluation.decision_threshold, report.group_thresholds)


def report_settings(workload: Workload, config: Config, schema: schema_pb2.Schema) -> Settings:
    """The settings of the report; slices are ordered by the metric of the first bound.

    Raises:
        ConfigError: the config names a column that is not in the schema.
    """
    columns = [feature.name for feature in schema.feature]
    check_known("report.sensitive", config.report.sensitive, columns)
    check_known("report.fairness_bounds", [bound.feature for bound in config.report.fairness_bounds], columns)
    check_known("report.id_columns", config.report.id_columns, columns)
    check_known("report.example_columns", config.report.example_columns, columns)
    check_known(
        "report.group_thresholds", tuple(config.report.group_thresholds), config.report.sensitive,
        "not a column of report.sensitive",
    )  # fmt: skip
    evaluation = with_bounds(workload.evaluation, config.evaluation)
    check_known("evaluation.cluster_by", evaluation.cluster_by, columns)
    check_known("evaluation.rank_by", evaluation.rank_by, columns)
    return Settings(
        workload=workload.name,
        label=resolve(workload.table.target, schema),
        decision_threshold=evaluation.decision_threshold,
        bounds=evaluation.bounds,
        cluster_by=evaluation.cluster_by,
        primary_metric=METRICS[evaluation.thresholds[0].metric],
        sensitive=config.report.sensitive,
        id_columns=config.report.id_columns,
        example_columns=config.report.example_columns,
        categorical_drift=config.report.categorical_drift,
        numeric_drift=config.report.numeric_drift,
        block_on=config.gate.block_on,
        acceptances=config.gate.accept,
        config=flatten(config.model_dump(mode="json")),
        sources=tuple((part, workload.code_digest(part)) for part in ("preprocessing", "trainer")),
        card=workload.card,
        workload_package=workload.location.package,
        group_thresholds=config.report.group_thresholds,
    )
