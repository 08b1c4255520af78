"""The config's settings for the pods of workers; anything left out is copied from the launcher's pod."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from pipeline.errors import ConfigError

# A JSON object: the config's section for workers.
WORKER_POD_ENV = "MAINLINE_WORKER_POD"
GPU = "nvidia.com/gpu"


@dataclass(frozen=True)
class WorkerPod:
    """The keys of ``kubeflow.pods.Workers`` about resources and scheduling.

    ``cpu`` and ``memory`` are quantities of Kubernetes, used as request and as limit. ``gpu_type`` is the name of a
    resource, such as nvidia.com/gpu. ``timeout_s`` limits the whole training: otherwise workers whose launcher is gone
    for good would hold their machines forever.
    """

    cpu: str | None = None
    memory: str | None = None
    gpu: int | None = None
    gpu_type: str | None = None
    node_selector: Mapping[str, str] | None = None
    tolerations: tuple[Mapping[str, str], ...] | None = None
    timeout_s: int | None = None


def read_worker_pod(text: str) -> WorkerPod:
    """Read the settings from JSON, ignoring other keys of a pod; an empty text means no settings.

    Raises:
        ConfigError: the text is not a JSON object.

    >>> read_worker_pod('{"cpu": "2", "tolerations": [{"key": "gpu", "operator": "Exists", "value": ""}]}').tolerations
    ({'key': 'gpu', 'operator': 'Exists'},)
    """
    known = [field.name for field in fields(WorkerPod)]
    try:
        content = json.loads(text or "{}")
    except json.JSONDecodeError:
        content = None
    if not isinstance(content, dict):
        raise ConfigError(
            WORKER_POD_ENV, "not a JSON object", expected=f"an object of {', '.join(known)}", received=text
        )
    given = {key: value for key, value in content.items() if key in known}
    if given.get("tolerations") is not None:
        given["tolerations"] = tuple(
            {key: value for key, value in one.items() if value} for one in given["tolerations"]
        )
    return WorkerPod(**given)


def worker_resources(worker: WorkerPod, own: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return the requests and limits of a worker's container, on top of those of the launcher's container.

    >>> worker_resources(WorkerPod(cpu="2", gpu=1), {"limits": {"cpu": "1", "memory": "8Gi"}})
    {'limits': {'cpu': '2', 'memory': '8Gi', 'nvidia.com/gpu': '1'}, 'requests': {'cpu': '2', 'nvidia.com/gpu': '1'}}
    """
    requested = {"cpu": worker.cpu, "memory": worker.memory}
    requested |= {worker.gpu_type or GPU: str(worker.gpu)} if worker.gpu else {}
    merged = {}
    for key in ("limits", "requests"):
        # Without a setting for GPUs, a worker gets those of the launcher.
        kept = {name: amount for name, amount in own.get(key, {}).items() if worker.gpu is None or "gpu" not in name}
        merged[key] = kept | {name: amount for name, amount in requested.items() if amount is not None}
    return {key: amounts for key, amounts in merged.items() if amounts}
