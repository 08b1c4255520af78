"""A run on the terminal: a live table of nodes, or one line per event where there is no terminal."""

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
    """A table that is drawn again four times a second."""

    def __init__(self, console: Console) -> None:
        self.statuses: list[NodeStatus] = []
        self.text = ""
        self.live = Live(console=console, refresh_per_second=4, get_renderable=self.render)

    def note(self, text: str) -> None:
        """Shown until there is a table; then a line above it, which stays."""
        if self.statuses:
            self.live.console.print(text, markup=False, highlight=False, soft_wrap=True)
        self.text = text

    def nodes(self, statuses: list[NodeStatus]) -> None:
        """Fills the table."""
        self.statuses, self.text = statuses, ""

    def changed(self, status: NodeStatus) -> None:
        """Draws at once, since a fast node may be over before the next refresh."""
        self.live.refresh()

    def progressed(self, status: NodeStatus) -> None:
        """The next refresh will show it."""

    def render(self) -> Table | Text:
        """The table as it stands."""
        return table(self.statuses) if self.statuses else Text(self.text)


class LineLog:
    """One line per event; a node's progress at most every ten seconds."""

    def __init__(self, console: Console, every_s: float = 10.0) -> None:
        self.console = console
        self.every_s = every_s
        self._said_s = 0.0

    def note(self, text: str) -> None:
        """A line of its own."""
        self._say(text)

    def nodes(self, statuses: list[NodeStatus]) -> None:
        """Says how many there are."""
        self._say(f"{len(statuses)} nodes: {', '.join(status.node for status in statuses)}")

    def changed(self, status: NodeStatus) -> None:
        """A line per change."""
        took = "" if status.state == "running" else f" {status.seconds():.1f} s"
        self._say(" ".join(filter(None, [f"{status.node} {status.state}{took}", status.rows(), status.detail])))

    def progressed(self, status: NodeStatus) -> None:
        """A line now and then."""
        if time.monotonic() - self._said_s >= self.every_s:
            self._said_s = time.monotonic()
            self._say(f"{status.node} {status.detail}")

    def _say(self, text: str) -> None:
        self.console.print(f"{time.strftime('%H:%M:%S')} {text}", markup=False, highlight=False, soft_wrap=True)


class ProgressHandler(logging.Handler):
    """Carries what executors say of their progress, by the logger ``mainline.progress``, to the running node."""

    def __init__(self, observer: Observer) -> None:
        super().__init__()
        self.observer = observer
        self.running: NodeStatus | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Shows a message as the detail of the node that runs; a warning is a line of its own, too."""
        if self.running is not None:
            if record.levelno >= logging.WARNING:
                self.observer.note(f"{self.running.node}: {record.getMessage()}")
            self.running.detail = record.getMessage()
            self.observer.progressed(self.running)


@contextmanager
def observing(stream: TextIO) -> Iterator[Observer]:
    """An observer that suits the stream."""
    console = Console(file=stream)
    if not console.is_terminal:
        yield LineLog(console)
        return
    view = LiveTable(console)
    with view.live:
        yield view


def table(statuses: list[NodeStatus]) -> Table:
    """The nodes with state, seconds, rows and what they say."""
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
