"""The options of a run, and the paths of its files."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Request:
    """The options that the user gave on the command line."""

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
    """The paths of a run: the root of its pipeline, and its own folder for log, config and summary."""

    root: Path
    folder: Path
    run_id: str

    @property
    def log(self) -> Path:
        """The log with everything that libraries print."""
        return self.folder / "run.log"

    @property
    def serving(self) -> Path:
        """The folder with the versions of the model; a server loads the highest one."""
        return self.root / "serving"
