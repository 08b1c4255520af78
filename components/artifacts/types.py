"""Artifact types that several components use.

Apart from the components, so that reading ML Metadata does not import their executors.
"""

from tfx import types

from components.artifacts.record.decisions import DECISION_TYPE, REPORT_TYPE


class GateVerdict(types.Artifact):
    """A folder with ``verdict.json``: every anomaly and what became of it."""

    TYPE_NAME = "GateVerdict"


class SliceReport(types.Artifact):
    """A folder with ``report.json``, ``index.html`` and ``model_card.md``.

    Custom properties: ``report_digest`` (SHA-256 of report.json), ``pipeline``, ``run``, ``blessed`` (0 or 1),
    ``model_id`` (of the Model artifact in ML Metadata) and ``model_digest`` (SHA-256 of the model's files).
    """

    TYPE_NAME = REPORT_TYPE


class ReviewDecision(types.Artifact):
    """A reviewer's decision on a report. It has no files: all of it is in ML Metadata.

    Custom properties: those of ``Decision``, ``model_id`` and ``report_id`` (of the Model and SliceReport artifacts in
    ML Metadata). The review that wrote it has a digest of them in its property ``seal``.
    """

    TYPE_NAME = DECISION_TYPE
