"""What the config asks for the pods of workers; what it leaves open is that of the pod that starts them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from pipeline.errors import ConfigError

# A JSON object: the config's section for workers, with the node in the environment as the backend is.
WORKER_POD_ENV = "MAINLINE_WORKER_POD"
GPU = "nvidia.com/gpu"


@dataclass(frozen=True)
class WorkerPod:
    """The keys of ``kubeflow.pods.Workers`` that say where a pod runs and what it gets.

    ``cpu`` and ``memory``, as Kubernetes writes amounts, are both request and limit. ``gpu_type`` is the name of a
    resource, such as nvidia.com/gpu. ``timeout_s`` bounds the whole training: workers whose launcher is gone for good
    would hold their machines for ever.
    """

    cpu: str | None = None
    memory: str | None = None
    gpu: int | None = None
    gpu_type: str | None = None
    node_selector: Mapping[str, str] | None = None
    tolerations: tuple[Mapping[str, str], ...] | None = None
    timeout_s: int | None = None


def read_worker_pod(text: str) -> WorkerPod:
    """What the variable says, nothing where it is empty; keys that say other things of a pod are passed over.

    Raises:
        ConfigError: not an object.

    >>> read_worker_pod('{"cpu": "2", "tolerations": [{"key": "gpu", "operator": "Exists", "value": ""}]}').tolerations
    ({'key': 'gpu', 'operator': 'Exists'},)
    """
    known = [field.name for field in fields(WorkerPod)]
    try:
        told = json.loads(text or "{}")
    except json.JSONDecodeError:
        told = None
    if not isinstance(told, dict):
        raise ConfigError(WORKER_POD_ENV, "not usable", expected=f"an object of {', '.join(known)}", received=text)
    given = {key: value for key, value in told.items() if key in known}
    if given.get("tolerations") is not None:
        given["tolerations"] = tuple(
            {key: value for key, value in one.items() if value} for one in given["tolerations"]
        )
    return WorkerPod(**given)


def worker_resources(worker: WorkerPod, own: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Requests and limits of a worker's container, over those of the container that starts it.

    >>> worker_resources(WorkerPod(cpu="2", gpu=1), {"limits": {"cpu": "1", "memory": "8Gi"}})
    {'limits': {'cpu': '2', 'memory': '8Gi', 'nvidia.com/gpu': '1'}, 'requests': {'cpu': '2', 'nvidia.com/gpu': '1'}}
    """
    asked = {"cpu": worker.cpu, "memory": worker.memory}
    asked |= {worker.gpu_type or GPU: str(worker.gpu)} if worker.gpu else {}
    merged = {}
    for key in ("limits", "requests"):
        # A launcher needs no GPU for itself, but where the config is silent a worker gets what the launcher has.
        kept = {name: amount for name, amount in own.get(key, {}).items() if worker.gpu is None or "gpu" not in name}
        merged[key] = kept | {name: amount for name, amount in asked.items() if amount is not None}
    return {key: amounts for key, amounts in merged.items() if amounts}
