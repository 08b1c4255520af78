"""The status of the report in a folder, as its page shows it, with the commands for a reviewer."""

import json
from datetime import datetime, timezone
from pathlib import Path

import ml_metadata as mlmd

from components.artifacts.record.facts import PipelineRecord, baseline_of, facts_on
from components.artifacts.record.reports import ReportRecord, edited_facts
from components.artifacts.record.status import Action, Standing, Status, never_recorded, not_recorded, status_of
from components.artifacts.report_files import digest
from pipeline.shell import line, option


def standing_of(
    store: mlmd.MetadataStore, record: PipelineRecord, content: bytes, root: Path | None, drawn_at: str
) -> Standing:
    """Return the status of a report.

    Args:
        content: the bytes of the ``report.json`` that a page is drawn from.
        root: the folder of the pipeline.
        drawn_at: ISO 8601, UTC.
    """
    same = [report for report in record.reports if report.digest == digest(content)]
    if not same:
        return Standing(unrecorded(record, content), drawn_at)
    found = min(same, key=lambda report: len(edited_facts(report, content)))
    wrong = edited_facts(found, content)
    if wrong:
        words = "; ".join(f"{name} {fact}, recorded as {recorded}" for name, (fact, recorded) in wrong.items())
        return Standing(not_recorded(f"ML Metadata's record of this report was edited: {words}."), drawn_at)
    status = status_of(facts_on(record, found, baseline_of(store, record, found)))
    return Standing(status, drawn_at, commands(status.action, found, root), found.decision)


def now() -> str:
    """Return the time in UTC, to the second, as ISO 8601."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def unrecorded(record: PipelineRecord, content: bytes) -> Status:
    """Return the status of a report whose digest ML Metadata does not have."""
    run = str(json.loads(content)["run"]["run"])
    of_run = [report for report in record.reports if report.run == run]
    if not of_run:
        why = f"ML Metadata has no report of run {run}, which ended before one was recorded. No decision applies to it."
        return never_recorded(why)
    return not_recorded(
        f"The facts on this page, or their record, were edited: ML Metadata has the report {of_run[0].digest} for run "
        f"{run}, and this is {digest(content)}. No decision applies to it."
    )


def commands(action: Action, report: ReportRecord, root: Path | None) -> tuple[tuple[str, str], ...]:
    """Return the command lines for a reviewer, with the words for each.

    They have the whole path of the root, so that a page does not depend on where it was drawn.
    """
    named = {"approve": "Approve", "reject": "Reject", "rollback": "Roll back"}
    asked = {"approve": ("approve", "reject"), "decide": ("approve", "reject"), "rollback": ("rollback",)}
    where = option("--root", root.parent) if root else option("--config", report.pipeline)
    who = ("--by", "NAME", "--note", "WHY")
    return tuple(
        (named[command], line("python", "-m", "pipeline.review", command, report.run, *where, *who))
        for command in asked.get(action, ())
    )
