"""The artifact types of the report, alone so that readers of ML Metadata need not import the component."""

from tfx import types


class SliceReport(types.Artifact):
    """A folder with ``report.json``, ``index.html`` and ``model_card.md``.

    Custom properties: ``report_digest`` (SHA-256 of report.json), ``pipeline``, ``run``, ``blessed`` (0 or 1) and
    ``model_id`` (of the Model artifact in ML Metadata).
    """

    TYPE_NAME = "SliceReport"
