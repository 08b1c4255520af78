"""A reviewer's decision on a report."""

from dataclasses import dataclass

APPROVED, REJECTED = "approved", "rejected"


@dataclass(frozen=True)
class Decision:
    """The decision of a reviewer on a report, with name, reason and time.

    ``decision`` is ``approved`` or ``rejected``; ``report_digest`` is the SHA-256 of ``report.json``; ``decided_at`` is
    ISO 8601, UTC.
    """

    decision: str
    by: str
    note: str
    report_digest: str
    decided_at: str
