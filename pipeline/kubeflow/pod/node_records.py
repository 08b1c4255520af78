"""What each pod leaves for those after it: how its node ended, the rows it counted, and what it failed of.

<root>/history/<run>/nodes/<node>.json, written whole, read by a second try of the same node and by the last pod.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from components.support.atomic_files import write_json
from components.support.failure import Failure
from pipeline.errors import MainlineError
from pipeline.run.events import NodeStatus


@dataclass(frozen=True)
class Record:
    """How a node ended; ``rows`` are those that it wrote, by split."""

    status: NodeStatus
    rows: dict[str, int] | None = None
    failure: Failure | None = None

    @property
    def is_final(self) -> bool:
        """Whether another try would end the same: input, config and data do not mend themselves."""
        return self.failure is not None and self.failure.as_error().exit_code != MainlineError.exit_code


def write_record(folder: Path, record: Record) -> None:
    """Writes the record of a node into the folder of its run."""
    write_json(path_of(folder, record.status.node), asdict(record))


def read_record(folder: Path, node: str) -> Record | None:
    """The record of a node, None if it did not come to an end."""
    path = path_of(folder, node)
    if not path.is_file():
        return None
    plain = json.loads(path.read_text(encoding="utf-8"))
    failure = Failure(**plain["failure"]) if plain["failure"] else None
    return Record(NodeStatus(**plain["status"]), plain["rows"], failure)


def path_of(folder: Path, node: str) -> Path:
    """Where the record of a node is."""
    return folder / "nodes" / f"{node}.json"
