"""What a task is to do, and how it went: files beside the model, which every task can read, wherever it runs.

<model>/cluster/call.json                 inputs, outputs and properties of the executor
<model>/cluster/<attempt>/<task>/         pulse.json, and error.json of a task that failed
<model>/cluster/<attempt>/chief.json      written last, once the model is whole
"""

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tfx import types
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import json_utils

from components.distributed_trainer.cluster import Cluster, read_cluster
from components.files import write_json
from pipeline import errors
from pipeline.errors import MainlineError

FOLDER, MARKER = "cluster", "chief.json"
Artifacts = dict[str, list[types.Artifact]]


@dataclass(frozen=True)
class Call:
    """The arguments of an executor, and where its tasks meet."""

    inputs: Artifacts
    outputs: Artifacts
    properties: dict[str, Any]

    @property
    def model(self) -> types.Artifact:
        """The artifact that the chief fills."""
        return artifact_utils.get_single_instance(self.outputs[standard_component_specs.MODEL_KEY])

    @property
    def cluster(self) -> Cluster:
        """The cluster that the custom config asks for; one process by default."""
        config = json_utils.loads(self.properties.get(standard_component_specs.CUSTOM_CONFIG_KEY, "null")) or {}
        return read_cluster(config.get("training", {}))

    @property
    def folder(self) -> Path:
        """Where the files of the cluster are."""
        return Path(self.model.uri) / FOLDER

    def save(self) -> None:
        """Writes ``call.json``."""
        plain = {
            "inputs": json.loads(artifact_utils.jsonify_artifact_dict(self.inputs)),
            "outputs": json.loads(artifact_utils.jsonify_artifact_dict(self.outputs)),
            "properties": self.properties,
        }
        write_json(self.folder / "call.json", plain)


def read_call(folder: Path) -> Call:
    """The arguments that ``save`` wrote."""
    plain = json.loads((folder / "call.json").read_text(encoding="utf-8"))
    inputs, outputs = (artifact_utils.parse_artifact_dict(json.dumps(plain[key])) for key in ("inputs", "outputs"))
    return Call(inputs, outputs, plain["properties"])


@dataclass(frozen=True)
class Pulse:
    """A sign of life; ``at_s`` is in seconds since 1970, ``said`` the last word on the progress of the training."""

    at_s: float
    state: str
    said: str = ""


@dataclass(frozen=True)
class Failure:
    """How a task failed; ``kind`` is the class, ``problem`` and the others are those of a MainlineError."""

    at_s: float
    kind: str
    where: str
    problem: str
    expected: str = ""
    received: str = ""
    next_step: str = ""

    @property
    def is_final(self) -> bool:
        """Whether it would fail again: an error of ours says that input or settings are wrong."""
        return isinstance(getattr(errors, self.kind, None), type)

    def as_error(self, task: str) -> MainlineError:
        """The same as an exception."""
        made: type[MainlineError] = getattr(errors, self.kind, MainlineError)
        where = self.where if self.is_final else f"{task}, {self.where}"
        return made(where, self.problem, expected=self.expected, received=self.received, next_step=self.next_step)


def as_failure(error: BaseException) -> Failure:
    """What an exception says."""
    kind, now_s = type(error).__name__, time.time()
    if isinstance(error, MainlineError):
        details = (error.where, error.problem, error.expected, error.received, error.next_step)
        return Failure(now_s, kind, *details)
    text = (str(error).strip().splitlines() or [""])[0][:500]
    return Failure(now_s, kind, "Trainer", f"{kind}: {text}", next_step="Its traceback is in the log of the run.")


def write_pulse(folder: Path, pulse: Pulse) -> None:
    """Writes ``pulse.json``."""
    write_json(folder / "pulse.json", asdict(pulse))


def read_pulse(folder: Path) -> Pulse | None:
    """The last sign of life, None before the first."""
    path = folder / "pulse.json"
    return Pulse(**json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None


def write_failure(folder: Path, failure: Failure) -> None:
    """Writes ``error.json``."""
    write_json(folder / "error.json", asdict(failure))


def read_failure(folder: Path) -> Failure | None:
    """How a task failed, None if it did not say."""
    path = folder / "error.json"
    return Failure(**json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None
