"""Events of a run for its observers: the state and the progress of each node."""

import time
from dataclasses import dataclass, field
from typing import Literal, Protocol

State = Literal["waiting", "running", "done", "cached", "skipped", "failed"]


@dataclass
class NodeStatus:
    """The state of a node. Times are in seconds; ``rows_out`` is None for a node without rows."""

    node: str
    state: State = "waiting"
    detail: str = ""
    rows_in: int | None = None
    rows_out: int | None = None
    elapsed_s: float = 0.0
    started_s: float | None = field(default=None, repr=False)

    def start(self) -> None:
        """Set the state to running and start the clock."""
        self.state, self.started_s = "running", time.monotonic()

    def end(self, state: State) -> None:
        """Set the final state and stop the clock."""
        self.state, self.elapsed_s = state, self.seconds()

    def seconds(self) -> float:
        """Seconds since the start, up to the end if there is one."""
        if self.state != "running" or self.started_s is None:
            return self.elapsed_s
        return time.monotonic() - self.started_s

    def rows(self) -> str:
        """The numbers of rows in and out, as text.

        >>> NodeStatus("Transform", rows_in=90000, rows_out=90000).rows()
        '90,000 → 90,000'
        """
        counts = [f"{count:,}" if count is not None else "" for count in (self.rows_in, self.rows_out)]
        return " → ".join(counts) if any(counts) else ""


class Observer(Protocol):
    """Receives the events of a run."""

    def note(self, text: str) -> None:
        """Receive a message that does not belong to a node."""

    def nodes(self, statuses: list[NodeStatus]) -> None:
        """Receive the nodes of the run, before the first one starts."""

    def changed(self, status: NodeStatus) -> None:
        """Receive a node whose state has changed."""

    def progressed(self, status: NodeStatus) -> None:
        """Receive a running node whose progress has changed."""
