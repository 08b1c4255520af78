"""What a run tells its observers: one state per node, and where it stands."""

import time
from dataclasses import dataclass, field
from typing import Literal, Protocol

State = Literal["waiting", "running", "done", "cached", "skipped", "failed"]


@dataclass
class NodeStatus:
    """How far a node is. Times are in seconds; ``rows_out`` is None where counting rows makes no sense."""

    node: str
    state: State = "waiting"
    detail: str = ""
    rows_in: int | None = None
    rows_out: int | None = None
    elapsed_s: float = 0.0
    started_s: float | None = field(default=None, repr=False)

    def start(self) -> None:
        """The node begins."""
        self.state, self.started_s = "running", time.monotonic()

    def end(self, state: State) -> None:
        """The node is over, one way or another."""
        self.state, self.elapsed_s = state, self.seconds()

    def seconds(self) -> float:
        """Time spent so far."""
        if self.state != "running" or self.started_s is None:
            return self.elapsed_s
        return time.monotonic() - self.started_s

    def rows(self) -> str:
        """Rows in and out, as text.

        >>> NodeStatus("Transform", rows_in=90000, rows_out=90000).rows()
        '90,000 → 90,000'
        """
        counts = [f"{count:,}" if count is not None else "" for count in (self.rows_in, self.rows_out)]
        return " → ".join(counts) if any(counts) else ""


class Observer(Protocol):
    """Who wants to know."""

    def note(self, text: str) -> None:
        """Something that belongs to no node."""

    def nodes(self, statuses: list[NodeStatus]) -> None:
        """The nodes of the run, before the first one starts."""

    def changed(self, status: NodeStatus) -> None:
        """A node changed its state."""

    def progressed(self, status: NodeStatus) -> None:
        """A running node says how far it is."""
