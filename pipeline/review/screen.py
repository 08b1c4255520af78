"""Formats reports and decisions for the terminal and as JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from components.artifacts.decision import Decision
from components.artifacts.record.facts import PipelineRecord, facts_on
from components.artifacts.record.known import Baseline
from components.artifacts.record.reports import ReportRecord
from components.artifacts.record.standing import commands as next_commands
from components.artifacts.record.status import Status, status_of
from components.evaluation.verdict import Check
from components.slice_report.facts import Report

STYLES = {"good": "green", "bad": "red", "open": "bold"}


@dataclass(frozen=True)
class Reviewed:
    """A report in ML Metadata with its status and the commands for a reviewer."""

    report: ReportRecord
    status: Status
    commands: tuple[tuple[str, str], ...]


def review(
    record: PipelineRecord, report: ReportRecord, root: Path | None, compared_with: Baseline | None = None
) -> Reviewed:
    """Return a report with what follows from the record."""
    status = status_of(facts_on(record, report, compared_with))
    return Reviewed(report, status, next_commands(status.action, report, root))


def facts(reviewed: Reviewed) -> dict[str, Any]:
    """Return a report, its status and its decision as JSON values."""
    report, status, decision = reviewed.report, reviewed.status, reviewed.report.decision
    return {
        "pipeline": report.pipeline,
        "run": report.run,
        "state": status.review,
        "serving": status.serving,
        "status": status.text,
        "next": [command for _, command in reviewed.commands],
        "blessed": report.blessed,
        "report_digest": report.digest,
        "report_id": report.id,
        "model_id": report.model_id,
        "model_digest": report.model_digest,
        "uri": report.uri,
        "decision": None if decision is None else vars(decision),
    }


def listed(found: Sequence[Reviewed]) -> RenderableType:
    """Draw the table of reports, and what to do about models that are served and should not be."""
    if not found:
        return Text("There are no reports.")
    drawn = plain_table("pipeline", "run", "state", "report", "decided")
    for item in found:
        state = Text(item.status.label, style=STYLES[item.status.tone])
        report = item.report
        drawn.add_row(Text(report.pipeline), Text(report.run), state, report.digest[:12], decided(report.decision))
    return Group(drawn, *(part for item in found if item.status.action in URGENT for part in (Text(), advice(item))))


URGENT = ("rollback", "decide")


def advice(item: Reviewed) -> RenderableType:
    """Draw the status of a report in full, and the commands for a reviewer."""
    lines = [Text(f"{item.report.pipeline}  run {item.report.run}", style="bold")]
    lines += [Text(item.status.text, style=STYLES[item.status.tone])]
    return Group(*lines, *commands(item))


def commands(item: Reviewed) -> list[Text]:
    return [Text(f"{what.lower():10}{command}", overflow="ignore", no_wrap=True) for what, command in item.commands]


def decided(decision: Decision | None) -> Text:
    """Draw who decided, when and why, on one line."""
    return Text(f"{decision.by}, {decision.decided_at}: {decision.note}" if decision else "")


def shown(item: Reviewed, report: Report, page: Path | None) -> RenderableType:
    """Draw one report: status, verdict, bounds, and the path of the page."""
    reviewed, status = item.report, item.status
    rows_below = plain_table()
    rows_below.add_row("report", Text(reviewed.digest, overflow="fold"))
    rows_below.add_row("page", Text(str(page) if page else f"{reviewed.uri}/index.html", overflow="fold"))
    if reviewed.decision is not None:
        rows_below.add_row("decided", decided(reviewed.decision))
    head = Text(f"{reviewed.pipeline}  run {reviewed.run}  ").append(status.label, style=STYLES[status.tone])
    checks = report.verdict.checks if report.verdict else ()
    above = (head, Text(status.text), Text(), verdict_line(report), check_table(checks), Text())
    return Group(*above, rows_below, *commands(item))


def verdict_line(report: Report) -> Text:
    """Draw the verdict, with the number of bounds."""
    if report.verdict is None:
        return Text("Not evaluated", style="red")
    style = "green" if report.verdict.blessed else "red"
    return Text(f"{report.verdict.outcome}, on {report.verdict.rows:,} test rows", style=style)


OUTCOMES = {"kept": ("kept", "green"), "too close": ("too close to call", "yellow"), "missed": ("missed", "red")}


def check_table(checks: Sequence[Check]) -> Table:
    """Draw the table of bounds."""
    drawn = plain_table("metric", "slice", "value", "95 % interval", "bound", "")
    for check in checks:
        words, style = OUTCOMES[check.state]
        outcome = Text((check.why or words) if check.state == "missed" else words, style=style)
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
