"""Artifact types that several components use.

Apart from the components, so that reading ML Metadata does not import their executors.
"""

from tfx import types

from components.artifacts.decision_records import DECISION_TYPE


class GateVerdict(types.Artifact):
    """A folder with ``verdict.json``: every anomaly and what became of it."""

    TYPE_NAME = "GateVerdict"


class SliceReport(types.Artifact):
    """A folder with ``report.json``, ``index.html`` and ``model_card.md``.

    Custom properties: ``report_digest`` (SHA-256 of report.json), ``pipeline``, ``run``, ``blessed`` (0 or 1) and
    ``model_id`` (of the Model artifact in ML Metadata).
    """

    TYPE_NAME = "SliceReport"


class ReviewDecision(types.Artifact):
    """A reviewer's decision on a report. It has no files: all of it is in ML Metadata.

    Custom properties: ``decision`` (approved or rejected), ``by``, ``note``, ``report_digest``, ``decided_at``
    (ISO 8601, UTC), ``model_id`` and ``report_id`` (of the Model and SliceReport artifacts in ML Metadata).
    """

    TYPE_NAME = DECISION_TYPE
