"""What a config and a workload tell the report."""

import difflib
from collections.abc import Sequence

from tensorflow_metadata.proto.v0 import schema_pb2

from components.slice_report.checks import METRICS
from components.slice_report.settings import Settings, flatten
from components.validation_gate.verdict import Acceptance
from pipeline.config import Config
from pipeline.digest import source_digest
from pipeline.errors import ConfigError
from pipeline.workloads.contract import Workload, with_bounds


def report_settings(workload: Workload, config: Config, schema: schema_pb2.Schema) -> Settings:
    """All that the report is told; slices are ordered by the metric of the first bound.

    Raises:
        ConfigError: a column that the config names is not in the schema.
    """
    known = [feature.name for feature in schema.feature]
    check_columns("report.sensitive", config.report.sensitive, known)
    check_columns("report.id_columns", config.report.id_columns, known)
    evaluation = with_bounds(workload.evaluation, config.evaluation)
    return Settings(
        workload=workload.name,
        label=workload.table.label,
        decision_threshold=evaluation.decision_threshold,
        bounds=evaluation.bounds,
        primary_metric=METRICS[evaluation.thresholds[0].metric],
        sensitive=config.report.sensitive,
        id_columns=config.report.id_columns,
        categorical_drift=config.report.categorical_drift,
        numeric_drift=config.report.numeric_drift,
        block_on=config.gate.block_on,
        acceptances=tuple(Acceptance(**entry.model_dump()) for entry in config.gate.accept),
        config=flatten(config.model_dump(mode="json")),
        sources=tuple((part, source_digest(workload.module(part))) for part in ("preprocessing", "trainer")),
        card=workload.card,
    )


def check_columns(key: str, columns: Sequence[str], known: Sequence[str]) -> None:
    """Refuses a column that is not in the schema, and names the nearest one that is."""
    for column in columns:
        if column not in known:
            nearest = difflib.get_close_matches(column, known, n=1)
            hint = f"Did you mean '{nearest[0]}'?" if nearest else ""
            raise ConfigError(key, "no such column in the schema", expected=", ".join(known), received=column,
                              next_step=hint)  # fmt: skip
