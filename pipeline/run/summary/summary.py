"""The summary of a run, as text for a person and as JSON for a script."""

import json
import sys
from dataclasses import asdict, dataclass
from typing import Literal

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from components.evaluation.verdict import Check, Verdict
from pipeline.errors import SURROGATE, MainlineError, NotBlessedError, printable
from pipeline.run.console import table
from pipeline.run.events import NodeStatus
from pipeline.run.streams import encoding_of, json_text

Status = Literal[
    "pushed", "up to date", "awaiting review", "rejected", "not blessed", "data rejected", "bad input", "failed",
    "stopped as asked",
]  # fmt: skip
# Whether the served model was pushed by this run, by an earlier one, or never.
Pushed = Literal["now", "before", "never"]
AWAITING_CODE = 5
STYLES = {"kept": "green", "too close": "yellow", "missed": "red"}
COLORS = {
    "pushed": "bold green",
    "up to date": "bold green",
    "awaiting review": "bold yellow",
    "stopped as asked": "bold",
}


@dataclass(frozen=True)
class Summary:
    """The summary of a run. Paths are None if nothing is there; ``warnings`` are those of the training of this run."""

    pipeline: str
    run: str
    status: Status
    exit_code: int
    elapsed_s: float
    nodes: tuple[NodeStatus, ...]
    verdict: Verdict | None
    error: str | None
    model: str | None
    evaluation: str | None
    report: str | None
    folder: str
    log: str
    next_command: str
    warnings: tuple[str, ...] = ()

    def as_json(self, encoding: str = "utf-8") -> str:
        """One JSON object that can be written in an encoding."""
        facts = asdict(self)
        for node in facts["nodes"]:
            del node["started_s"]
        # A metric may be NaN or infinite, for which JSON has no number.
        finite = json.loads(json.dumps(facts), parse_constant=lambda _: None)
        text = json.dumps(finite, indent=1, ensure_ascii=False)
        # A lone surrogate cannot be encoded; it is escaped, with a second backslash for JSON.
        text = SURROGATE.sub(lambda found: "\\" + printable(found[0]), text)
        return json_text(json.loads(text), encoding, indent=1)


def failure_status(error: BaseException) -> tuple[Status, int]:
    """The status and the exit code of a failure."""
    code = error.exit_code if isinstance(error, MainlineError) else 1
    statuses: dict[int, Status] = {2: "bad input", 3: "not blessed", 4: "data rejected"}
    return statuses.get(code, "failed"), code


def success_status(verdict: Verdict | None, pushed: Pushed, review: str) -> tuple[Status, int]:
    """The status and the exit code of a run without a failure; ``review`` is what Pusher recorded, or empty."""
    if verdict is not None and not verdict.blessed:
        return "not blessed", NotBlessedError.exit_code
    if review == "rejected":
        return "rejected", NotBlessedError.exit_code
    if review == "awaiting":
        return "awaiting review", AWAITING_CODE
    statuses: dict[Pushed, Status] = {"now": "pushed", "before": "up to date", "never": "stopped as asked"}
    return statuses[pushed], 0


def render(summary: Summary) -> RenderableType:
    """Render the summary for a terminal."""
    parts: list[RenderableType] = [headline(summary), Text(), table(list(summary.nodes)), Text()]
    if summary.verdict is not None:
        parts += [verdict_line(summary.verdict), check_table(summary.verdict.checks), Text()]
    if summary.warnings:
        parts += [*(Text(f"Warning: {warning}", style="yellow") for warning in summary.warnings), Text()]
    if summary.error:
        parts += [Text(summary.error, style="red"), Text()]
    return Group(
        *parts,
        paths_table(summary),
        *([UnwrappedLine(f"{'next':12}{summary.next_command}")] if summary.next_command else []),
    )


@dataclass(frozen=True)
class UnwrappedLine:
    """A line that is not wrapped, however long, so that a command can be copied."""

    text: str

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render the line; called by rich."""
        yield Segment(self.text)
        yield Segment.line()


def headline(summary: Summary) -> Text:
    """A line with pipeline, run, time and status."""
    line = Text(f"{summary.pipeline}  run {summary.run}  {summary.elapsed_s:.0f} s  ")
    return line.append(summary.status, style=COLORS.get(summary.status, "bold red"))


def verdict_line(verdict: Verdict) -> Text:
    """A line that says whether the model is blessed, and how many bounds it keeps."""
    style = "green" if verdict.blessed else "red"
    return Text(f"{verdict.outcome}, on {verdict.rows:,} test rows, 95 % intervals", style=style)


def check_table(checks: tuple[Check, ...]) -> Table:
    """A table of all bounds with the measured values."""
    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("metric", "slice", "value", "95 % interval", "bound", ""):
        drawn.add_column(heading, justify="right" if heading == "value" else "left")
    for check in checks:
        *cells, outcome = check_row(check)
        drawn.add_row(*cells, Text(outcome, style=STYLES[check.state]))
    return drawn


def check_row(check: Check) -> tuple[str, ...]:
    """The cells of a bound: metric, slice, value, interval, bound, and whether it is kept."""
    value = "–" if check.value is None else f"{check.value:.4f}"
    interval = "{:.4f} … {:.4f}".format(*check.interval) if check.interval else ""
    outcome = {"kept": "kept", "too close": "too close to call"}.get(check.state) or missed_text(check)
    return check.metric, check.slice, value, interval, check.bound, outcome


def missed_text(check: Check) -> str:
    """How a bound was missed, in words."""
    if check.value is not None:
        return f"missed by {check.missed_by:.4f}"
    return check.why or ("not measured" if check.slice == "overall" else "no such slice in the data")


def paths_table(summary: Summary) -> Table:
    drawn = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    drawn.add_column(min_width=len("evaluation"))
    found = {
        "model": summary.model,
        "evaluation": summary.evaluation,
        "report": summary.report,
        "run": summary.folder,
        "log": summary.log,
    }
    for name, place in found.items():
        if place:
            drawn.add_row(name, Text(place, overflow="fold"))
    return drawn


def show(summary: Summary, as_json: bool) -> None:
    """Print the summary to standard output."""
    if as_json:
        print(summary.as_json(encoding_of(sys.stdout)))
        return
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=160)
    console.print(render(summary), crop=False)
