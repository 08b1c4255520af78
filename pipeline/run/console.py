"""The progress of a run: a live table of nodes on a terminal, otherwise one line per event."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from pipeline.run.events import NodeStatus, Observer

COLORS = {"waiting": "dim", "running": "cyan", "done": "green", "cached": "blue", "skipped": "dim", "failed": "red"}


class LiveTable:
    """A table that is redrawn four times a second."""

    def __init__(self, console: Console) -> None:
        self.statuses: list[NodeStatus] = []
        self.text = ""
        self.live = Live(console=console, refresh_per_second=4, get_renderable=self.render)

    def note(self, text: str) -> None:
        """Show a text in place of the table until there is one; after that, print it above the table."""
        if self.statuses:
            self.live.console.print(text, markup=False, highlight=False, soft_wrap=True)
        self.text = text

    def nodes(self, statuses: list[NodeStatus]) -> None:
        """Fill the table."""
        self.statuses, self.text = statuses, ""

    def changed(self, status: NodeStatus) -> None:
        """Redraw at once, since a fast node may finish before the next refresh."""
        self.live.refresh()

    def progressed(self, status: NodeStatus) -> None:
        """Do nothing: the next refresh shows it."""

    def render(self) -> Table | Text:
        """The current table, or the text before there is one."""
        return table(self.statuses) if self.statuses else Text(self.text)


class LineLog:
    """Prints one line per event, and the progress of a node at most every ten seconds."""

    def __init__(self, console: Console, every_s: float = 10.0) -> None:
        self.console = console
        self.every_s = every_s
        self._said_s = 0.0

    def note(self, text: str) -> None:
        """Print the text."""
        self._say(text)

    def nodes(self, statuses: list[NodeStatus]) -> None:
        """Print the number of nodes and their names."""
        self._say(f"{len(statuses)} nodes: {', '.join(status.node for status in statuses)}")

    def changed(self, status: NodeStatus) -> None:
        """Print the new state."""
        took = "" if status.state == "running" else f" {status.seconds():.1f} s"
        self._say(" ".join(filter(None, [f"{status.node} {status.state}{took}", status.rows(), status.detail])))

    def progressed(self, status: NodeStatus) -> None:
        """Print the progress, unless the last line is too recent."""
        if time.monotonic() - self._said_s >= self.every_s:
            self._said_s = time.monotonic()
            self._say(f"{status.node} {status.detail}")

    def _say(self, text: str) -> None:
        self.console.print(f"{time.strftime('%H:%M:%S')} {text}", markup=False, highlight=False, soft_wrap=True)


class ProgressHandler(logging.Handler):
    """Forwards messages of the logger ``mainline.progress``, which executors use, to the observer of the run."""

    def __init__(self, observer: Observer) -> None:
        super().__init__()
        self.observer = observer
        self.running: NodeStatus | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Show a message as the detail of the running node; a warning is also printed as a note."""
        if self.running is not None:
            if record.levelno >= logging.WARNING:
                self.observer.note(f"{self.running.node}: {record.getMessage()}")
            self.running.detail = record.getMessage()
            self.observer.progressed(self.running)


@contextmanager
def observing(stream: TextIO) -> Iterator[Observer]:
    """A live table if the stream is a terminal, otherwise a log of lines."""
    console = Console(file=stream)
    if not console.is_terminal:
        yield LineLog(console)
        return
    view = LiveTable(console)
    with view.live:
        yield view


def table(statuses: list[NodeStatus]) -> Table:
    """A table of the nodes with state, seconds, rows and detail."""
    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading, justify in (
        ("node", "left"),
        ("state", "left"),
        ("time", "right"),
        ("rows in → out", "right"),
        ("", "left"),
    ):
        drawn.add_column(heading, justify=justify)  # type: ignore[arg-type]
    for status in statuses:
        took = f"{status.seconds():.1f} s" if status.state not in ("waiting", "skipped") else ""
        state = Text(status.state, style=COLORS[status.state])
        drawn.add_row(status.node, state, took, status.rows(), Text(status.detail, overflow="ellipsis", no_wrap=True))
    return drawn
