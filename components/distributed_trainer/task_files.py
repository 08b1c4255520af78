"""What a task is to do, and how it went: files beside the model, which every task can read, wherever it runs.

<model>/cluster/call.json                 inputs, outputs and properties of the executor
<model>/cluster/<attempt>/<task>/         pulse.json, and error.json of a task that failed
<model>/cluster/<attempt>/chief.json      written last, once the model is whole
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tfx import types
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import json_utils

from components.distributed_trainer.cluster import Cluster, read_cluster
from components.support.atomic_files import write_json
from components.support.failure import Failure

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
        return read_cluster(self._training)

    @property
    def jit_compile(self) -> bool:
        """Whether XLA compiles the steps."""
        return bool(self._training.get("jit_compile", False))

    @property
    def _training(self) -> dict[str, Any]:
        config = json_utils.loads(self.properties.get(standard_component_specs.CUSTOM_CONFIG_KEY, "null")) or {}
        return dict(config.get("training", {}))

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
    """A sign of life, and how far the work has come.

    Attributes:
        at_s: when, in seconds since 1970.
        state: the phase of the work.
        said: the last word on the progress of the training.
        still_s: for how long it had not moved by then, by the clock of the task alone.
        waits: whether it was in TensorFlow, which may wait for the other tasks.
        at: the line of Python that it was in.
    """

    at_s: float
    state: str
    said: str = ""
    still_s: float = 0.0
    waits: bool = False
    at: str = ""


def write_pulse(folder: Path, pulse: Pulse) -> None:
    """Writes ``pulse.json``."""
    write_json(folder / "pulse.json", asdict(pulse), durable=False)


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
