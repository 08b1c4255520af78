"""A reviewer's decision on a report."""

from dataclasses import dataclass

APPROVED, REJECTED = "approved", "rejected"


@dataclass(frozen=True)
class Decision:
    """The decision of a reviewer on a report, with name, reason and time.

    Attributes:
        decision: ``approved`` or ``rejected``.
        report_digest: the SHA-256 of ``report.json``.
        decided_at: ISO 8601, UTC.
        run: the run that made the report.
        model_digest: the digest of the model's files, as the report has it.
        commit: the Git commit of the code that the report was made with, ``+`` at its end if files had changes.

    The last three are empty in decisions of releases that did not record them, and where they are unknown.
    """

    decision: str
    by: str
    note: str
    report_digest: str
    decided_at: str
    run: str = ""
    model_digest: str = ""
    commit: str = ""
