"""The files through which the launcher and the tasks of a training talk, in a folder that all of them can reach.

<model>/cluster/call.json                 inputs, outputs and properties of the executor
<model>/cluster/<attempt>/<task>/         heartbeat.json, and error.json of a task that failed
<model>/cluster/<attempt>/chief.json      written last, when the model is complete
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.distributed_trainer.cluster import Cluster, read_cluster
from components.support.atomic_files import write_json
from components.support.failure import Failure

# TFX is imported late: those that only read heartbeats do not need it, and a task prepares its process first.
if TYPE_CHECKING:
    from tfx import types

FOLDER, MARKER = "cluster", "chief.json"
Artifacts = dict[str, list["types.Artifact"]]


@dataclass(frozen=True)
class TrainerCall:
    """The arguments of one execution of Trainer, as every task needs them."""

    inputs: Artifacts
    outputs: Artifacts
    properties: dict[str, Any]

    @property
    def model(self) -> "types.Artifact":
        """The artifact that the chief fills."""
        from tfx.types import artifact_utils, standard_component_specs

        return artifact_utils.get_single_instance(self.outputs[standard_component_specs.MODEL_KEY])

    @property
    def cluster(self) -> Cluster:
        """The cluster that ``custom_config`` asks for; a single process by default."""
        return read_cluster(self._training)

    @property
    def jit_compile(self) -> bool:
        """Whether XLA compiles the training steps."""
        return bool(self._training.get("jit_compile", False))

    @property
    def _training(self) -> dict[str, Any]:
        from tfx.types import standard_component_specs
        from tfx.utils import json_utils

        config = json_utils.loads(self.properties.get(standard_component_specs.CUSTOM_CONFIG_KEY, "null")) or {}
        return dict(config.get("training", {}))

    @property
    def folder(self) -> Path:
        """The folder of the files described above."""
        return Path(self.model.uri) / FOLDER

    def save(self) -> None:
        """Write ``call.json``."""
        from tfx.types import artifact_utils

        content = {
            "inputs": json.loads(artifact_utils.jsonify_artifact_dict(self.inputs)),
            "outputs": json.loads(artifact_utils.jsonify_artifact_dict(self.outputs)),
            "properties": self.properties,
        }
        write_json(self.folder / "call.json", content)


def read_call(folder: Path) -> TrainerCall:
    """Read the arguments that ``TrainerCall.save`` wrote."""
    from tfx.types import artifact_utils

    content = json.loads((folder / "call.json").read_text(encoding="utf-8"))
    inputs, outputs = (artifact_utils.parse_artifact_dict(json.dumps(content[key])) for key in ("inputs", "outputs"))
    return TrainerCall(inputs, outputs, content["properties"])


@dataclass(frozen=True)
class Heartbeat:
    """Proof that a task is alive, and how far its work has come.

    Attributes:
        time_s: when it was written, in seconds since 1970.
        phase: what the task is doing; see ``Cluster.stall_timeout_s``.
        progress: the latest progress message of the training.
        stalled_s: seconds without progress, by the task's own clock.
        in_runtime: whether the task is inside TensorFlow, where it may be waiting for other tasks.
        line: the line of Python it is executing.
    """

    time_s: float
    phase: str
    progress: str = ""
    stalled_s: float = 0.0
    in_runtime: bool = False
    line: str = ""


def write_heartbeat(folder: Path, heartbeat: Heartbeat) -> None:
    """Write ``heartbeat.json``."""
    write_json(folder / "heartbeat.json", asdict(heartbeat), durable=False)


def read_heartbeat(folder: Path) -> Heartbeat | None:
    """Return the latest heartbeat of a task, None before the first."""
    path = folder / "heartbeat.json"
    return Heartbeat(**json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None


def write_failure(folder: Path, failure: Failure) -> None:
    """Write ``error.json``."""
    write_json(folder / "error.json", asdict(failure))


def read_failure(folder: Path) -> Failure | None:
    """Return the error that a task reported, None if it reported none."""
    path = folder / "error.json"
    return Failure(**json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None
