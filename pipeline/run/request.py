"""What a user asks for, and where a run keeps its things."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Request:
    """What the user typed."""

    config: str = "recommender"
    overrides: tuple[str, ...] = ()
    from_node: str | None = None
    to_node: str | None = None
    cache: bool = True
    root: Path = Path("runs")
    orchestrator: Literal["local", "beam"] = "local"
    as_json: bool = False
    env: str = "local"


@dataclass(frozen=True)
class RunPaths:
    """Where a run keeps its things: the root of its pipeline, and its own folder for log, config and summary."""

    root: Path
    folder: Path
    run_id: str

    @property
    def log(self) -> Path:
        """Everything that any library printed."""
        return self.folder / "run.log"

    @property
    def serving(self) -> Path:
        """The versions of the model, of which a server takes the largest."""
        return self.root / "serving"
