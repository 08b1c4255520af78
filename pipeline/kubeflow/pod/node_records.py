"""The record of a node for later pods: its status, its numbers of rows, and its failure.

<root>/history/<run>/nodes/<node>.json, written atomically, read by retries of the same node and by the exit handler.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from components.support.atomic_files import write_json
from components.support.failure import Failure
from pipeline.errors import MainlineError
from pipeline.run.events import NodeStatus


@dataclass(frozen=True)
class NodeRecord:
    """How a node ended; ``rows`` are the numbers of rows that it wrote, by split."""

    status: NodeStatus
    rows: dict[str, int] | None = None
    failure: Failure | None = None

    @property
    def is_final(self) -> bool:
        """Whether a retry cannot succeed, because input, config or data are wrong."""
        return self.failure is not None and self.failure.as_error().exit_code != MainlineError.exit_code


def write_record(folder: Path, record: NodeRecord) -> None:
    """Write the record of a node into the folder of its run."""
    write_json(path_of(folder, record.status.node), asdict(record))


def read_record(folder: Path, node: str) -> NodeRecord | None:
    """The record of a node, None if it has not ended."""
    path = path_of(folder, node)
    if not path.is_file():
        return None
    plain = json.loads(path.read_text(encoding="utf-8"))
    failure = Failure(**plain["failure"]) if plain["failure"] else None
    return NodeRecord(NodeStatus(**plain["status"]), plain["rows"], failure)


def path_of(folder: Path, node: str) -> Path:
    """The file of a node's record."""
    return folder / "nodes" / f"{node}.json"
