"""The input and the outcome of a trial's process: files in the trial's folder."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from components.support.atomic_files import write_json
from components.tuner.settings import Settings, from_json


@dataclass(frozen=True)
class TrialSpec:
    """A trial.

    Attributes:
        number: Optuna's number of the trial in the journal.
        journal: the folder of the journal.
        run_fn: dotted path of the training function.
        fn_args: fields of TFX's FnArgs.
    """

    number: int
    journal: str
    run_fn: str
    fn_args: Mapping[str, Any]
    settings: Settings

    def save(self, path: Path) -> None:
        """Write the trial to a JSON file."""
        write_json(path, {**asdict(self), "settings": self.settings.as_json()})


def read_spec(path: Path) -> TrialSpec:
    """Read a trial that ``TrialSpec.save`` wrote."""
    plain = json.loads(path.read_text(encoding="utf-8"))
    return TrialSpec(**{**plain, "settings": from_json(plain["settings"])})


@dataclass(frozen=True)
class Outcome:
    """How a trial ended; ``error`` is text, and empty unless it failed."""

    state: Literal["complete", "pruned", "failed"]
    error: str = ""

    def save(self, path: Path) -> None:
        """Write the outcome to a JSON file."""
        write_json(path, asdict(self))


def read_outcome(path: Path) -> Outcome | None:
    """Read the outcome that ``Outcome.save`` wrote, None if there is none."""
    return Outcome(**json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None
