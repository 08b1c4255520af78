"""A reviewer's decision on a report."""

from dataclasses import dataclass

APPROVED, REJECTED = "approved", "rejected"


@dataclass(frozen=True)
class Decision:
    """Who approved or rejected a report, why and when.

    ``decision`` is ``approved`` or ``rejected``; ``report_digest`` is the SHA-256 of ``report.json``; ``decided_at`` is
    ISO 8601, UTC.
    """

    decision: str
    by: str
    note: str
    report_digest: str
    decided_at: str
