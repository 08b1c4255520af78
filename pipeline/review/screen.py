"""Formats reports and decisions for the terminal and as JSON."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from components.artifacts.decision import Decision
from components.evaluation.verdict import Check
from components.slice_report.facts import Report
from pipeline.review.ledger import ReportRecord

COLORS = {"approved": "green", "rejected": "red", "awaiting review": "bold", "not blessed": "red"}


def facts(report: ReportRecord) -> dict[str, Any]:
    """Return a report and its decision as JSON values."""
    decision = report.decision
    return {
        "pipeline": report.pipeline,
        "run": report.run,
        "state": report.state,
        "blessed": report.blessed,
        "report_digest": report.digest,
        "report_id": report.id,
        "model_id": report.model_id,
        "uri": report.uri,
        "decision": None if decision is None else vars(decision),
    }


def listed(reports: Sequence[ReportRecord]) -> RenderableType:
    """Draw the table of reports."""
    if not reports:
        return Text("There are no reports.")
    drawn = plain_table("pipeline", "run", "state", "report", "decided")
    for report in reports:
        state = Text(report.state, style=COLORS[report.state])
        drawn.add_row(Text(report.pipeline), Text(report.run), state, report.digest[:12], decided(report.decision))
    return drawn


def decided(decision: Decision | None) -> Text:
    """Draw who decided, when and why, on one line."""
    return Text(f"{decision.by}, {decision.decided_at}: {decision.note}" if decision else "")


def shown(reviewed: ReportRecord, report: Report, page: Path | None) -> RenderableType:
    """Draw one report: verdict, bounds, decision, and the path of the page."""
    state = Text(reviewed.state, style=COLORS[reviewed.state])
    rows_below = plain_table()
    rows_below.add_row("report", Text(reviewed.digest, overflow="fold"))
    rows_below.add_row("page", Text(str(page) if page else f"{reviewed.uri}/index.html", overflow="fold"))
    if reviewed.decision is not None:
        rows_below.add_row("decided", decided(reviewed.decision))
    head = Text(f"{reviewed.pipeline}  run {reviewed.run}  ").append_text(state)
    checks = report.verdict.checks if report.verdict else ()
    return Group(head, Text(), verdict_line(report), check_table(checks), Text(), rows_below)


def verdict_line(report: Report) -> Text:
    """Draw the verdict, with the number of bounds."""
    if report.verdict is None:
        return Text("Not evaluated", style="red")
    checks, rows = report.verdict.checks, f"on {report.verdict.rows:,} test rows"
    missed = sum(not check.passed for check in checks)
    if report.verdict.blessed:
        return Text(f"Blessed: all {len(checks)} bounds are kept, {rows}", style="green")
    return Text(f"Not blessed: {missed} of {len(checks)} bounds are missed, {rows}", style="red")


def check_table(checks: Sequence[Check]) -> Table:
    """Draw the table of bounds."""
    drawn = plain_table("metric", "slice", "value", "95 % interval", "bound", "")
    for check in checks:
        outcome = Text("kept", style="green") if check.passed else Text(check.why or "missed", style="red")
        value = "–" if check.value is None else f"{check.value:.4f}"
        interval = "{:.4f} … {:.4f}".format(*check.interval) if check.interval else ""
        drawn.add_row(check.metric, Text(check.slice), value, interval, check.bound, outcome)
    return drawn


def plain_table(*headings: str) -> Table:
    """Return an empty table without rules."""
    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=bool(headings))
    for heading in headings:
        drawn.add_column(heading)
    return drawn


def show(content: RenderableType) -> None:
    """Print to standard output; 200 columns wide if it is not a terminal."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=200)
    console.print(content)
