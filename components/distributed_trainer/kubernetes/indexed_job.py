"""The Kubernetes objects of a training: an Indexed Job, and a headless Service that gives its pods host names.

A worker's pod is a copy of the launcher's pod: same image, variables, volumes and account. API reference:
https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/job-v1/,
https://kubernetes.io/docs/reference/kubernetes-api/service-resources/service-v1/
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.distributed_trainer.cluster import BACKEND_ENV, Cluster, Task
from components.distributed_trainer.kubernetes.pod_entrypoint import ADDRESSES_ENV
from components.distributed_trainer.kubernetes.worker_pod import WORKER_POD_ENV, WorkerPod, worker_resources

Json = dict[str, Any]
# How a pod knows itself; the compiled pipeline sets them.
NAME_ENV, UID_ENV, NAMESPACE_ENV = "MAINLINE_POD_NAME", "MAINLINE_POD_UID", "MAINLINE_NAMESPACE"
# Kubeflow Pipelines' name for the container of a node; workers use it too, since variables may refer to it.
CONTAINER = "main"
PORT = 2222
# Process 1 of a container ignores SIGTERM while it waits in C++: only the SIGKILL that follows ends it.
GRACE_S = 1
# A finished Job that nobody deletes is removed after this time.
KEEP_S = 3600
CALL_LABEL, ATTEMPT_LABEL = "mainline/call", "mainline/attempt"
# Prefixes of the volumes and variables that Argo and Kubeflow Pipelines add to a node's pod for their own use.
FOREIGN_VOLUMES = ("var-run-argo", "tmp-dir-argo", "kfp-launcher", "kube-api-access-")
FOREIGN_VARIABLES = ("ARGO_", "KFP_", "ML_PIPELINE_", "METADATA_GRPC_")
FOREIGN_MAPS = ("metadata-grpc-configmap",)
OWN_VARIABLES = (NAME_ENV, UID_ENV, NAMESPACE_ENV, WORKER_POD_ENV, BACKEND_ENV, "TF_CONFIG")
POD_KEYS = ("serviceAccountName", "imagePullSecrets", "securityContext", "affinity", "priorityClassName",
            "runtimeClassName", "schedulerName")  # fmt: skip
CONTAINER_KEYS = ("image", "imagePullPolicy", "workingDir", "securityContext")
# Otherwise TensorFlow counts the cores of the machine.
THREADS_ENV = "TF_NUM_INTRAOP_THREADS"
# The proxy of a service mesh would block the workers' traffic and would not end with them.
NO_MESH = {"sidecar.istio.io/inject": "false"}


@dataclass(frozen=True)
class Launch:
    """The values that determine the objects of one attempt.

    Attributes:
        pod: the launcher's pod, as the API returns it.
        worker: the config's settings for workers.
        cluster: the tasks.
        folder: the shared folder of the training.
        attempt: counts from 0.
        command: the command line of a pod.
    """

    pod: Json
    worker: WorkerPod
    cluster: Cluster
    folder: Path
    attempt: int
    command: Sequence[str]

    @property
    def name(self) -> str:
        """The name of the Job and the Service: a DNS label (RFC 1035) with room for the index of a pod."""
        return f"mainline-train-{call_hash(self.pod, self.folder)}-{self.attempt}"

    @property
    def labels(self) -> dict[str, str]:
        """The labels of the objects and pods of the attempt."""
        return {**call_labels(self.pod, self.folder), ATTEMPT_LABEL: str(self.attempt)}

    def addresses(self) -> dict[Task, str]:
        """Return the address of each task, in the order of the indices."""
        domain = f"{self.name}.{self.pod['metadata']['namespace']}.svc"
        return {task: f"{self.name}-{index}.{domain}:{PORT}" for index, task in enumerate(self.cluster.tasks)}


def call_hash(pod: Json, folder: Path) -> str:
    """Return ten hex digits that identify a training by its folder and the volumes that may hold it."""
    volumes = [{**volume, "name": ""} for volume in own_volumes(pod)]
    return hashlib.sha256(json.dumps([str(folder), volumes], sort_keys=True).encode()).hexdigest()[:10]


def call_labels(pod: Json, folder: Path) -> dict[str, str]:
    """Return the labels that all attempts of a training share."""
    return {"app.kubernetes.io/managed-by": "mainline", CALL_LABEL: call_hash(pod, folder)}


def owners(pod: Json) -> list[Json]:
    """Return the owner reference to a pod, with which the garbage collector deletes what the pod started."""
    metadata = pod["metadata"]
    return [{"apiVersion": "v1", "kind": "Pod", "name": metadata["name"], "uid": metadata["uid"]}]


def make_service(launch: Launch) -> Json:
    """Return the headless Service; it resolves names before pods are ready, since each waits for the others."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": make_metadata(launch),
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": launch.labels,
            "ports": [{"name": "grpc", "port": PORT, "targetPort": PORT}],
        },
    }


def make_job(launch: Launch) -> Json:
    """Return the Job; its controller replaces a pod only if the other tasks can go on meanwhile."""
    cluster, labels = launch.cluster, {**launch.labels, **NO_MESH}
    is_replaced = any(cluster.is_replaceable(task) for task in cluster.tasks)
    deadline = {"activeDeadlineSeconds": launch.worker.timeout_s} if launch.worker.timeout_s else {}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": make_metadata(launch),
        "spec": {
            "completionMode": "Indexed",
            "completions": len(cluster.tasks),
            "parallelism": len(cluster.tasks),
            "backoffLimit": cluster.max_restarts if is_replaced else 0,
            "ttlSecondsAfterFinished": KEEP_S,
            **deadline,
            "template": {"metadata": {"labels": labels, "annotations": NO_MESH}, "spec": pod_spec(launch)},
        },
    }


def make_metadata(launch: Launch) -> Json:
    """Return the name, labels and owner of an object."""
    namespace = launch.pod["metadata"]["namespace"]
    owner = owners(launch.pod)
    return {"name": launch.name, "namespace": namespace, "labels": launch.labels, "ownerReferences": owner}


def pod_spec(launch: Launch) -> Json:
    """Return the spec of a worker's pod, which has no access to the API."""
    spec, worker = launch.pod["spec"], launch.worker
    chosen = {
        "nodeSelector": spec.get("nodeSelector") if worker.node_selector is None else worker.node_selector,
        "tolerations": spec.get("tolerations") if worker.tolerations is None else list(worker.tolerations),
        "volumes": own_volumes(launch.pod),
    }
    return {
        **{key: spec[key] for key in POD_KEYS if key in spec},
        **{key: value for key, value in chosen.items() if value},
        "automountServiceAccountToken": False,
        "containers": [worker_container(launch)],
        "restartPolicy": "Never",
        "subdomain": launch.name,
        "terminationGracePeriodSeconds": GRACE_S,
    }


def worker_container(launch: Launch) -> Json:
    """Return the container of a worker's pod."""
    own = main_container(launch.pod)
    kept = {volume["name"] for volume in own_volumes(launch.pod)}
    chosen = {
        "env": variables(launch, own_variables(own)),
        "envFrom": [source for source in own.get("envFrom", []) if not is_foreign_map(source)],
        "volumeMounts": [mount for mount in own.get("volumeMounts", []) if mount["name"] in kept],
        "resources": worker_resources(launch.worker, own.get("resources", {})),
    }
    return {
        "name": CONTAINER,
        **{key: own[key] for key in CONTAINER_KEYS if key in own},
        **{key: value for key, value in chosen.items() if value},
        "command": list(launch.command),
        "ports": [{"name": "grpc", "containerPort": PORT}],
    }


def main_container(pod: Json) -> Json:
    """Return the container of this process: the one named ``main``, or the first."""
    containers: list[Json] = pod["spec"]["containers"]
    return next((container for container in containers if container["name"] == CONTAINER), containers[0])


def own_volumes(pod: Json) -> list[Json]:
    """Return the volumes that the main container mounts, without those of Argo and Kubeflow Pipelines."""
    mounted = {mount["name"] for mount in main_container(pod).get("volumeMounts", [])}
    volumes: list[Json] = pod["spec"].get("volumes", [])
    return [one for one in volumes if one["name"] in mounted and not one["name"].startswith(FOREIGN_VOLUMES)]


def own_variables(container: Json) -> list[Json]:
    """Return the variables of a container, without those of Argo, Kubeflow Pipelines and the launcher."""
    variables: list[Json] = container.get("env", [])
    kept = [one for one in variables if not one["name"].startswith(FOREIGN_VARIABLES)]
    return [one for one in kept if one["name"] not in OWN_VARIABLES]


def variables(launch: Launch, own: list[Json]) -> list[Json]:
    """Return the variables of a worker: those of the node and the addresses; its index comes from Kubernetes."""
    addresses = {task.name: address for task, address in launch.addresses().items()}
    cores = {"resourceFieldRef": {"resource": "limits.cpu"}}
    added: list[Json] = [
        {"name": ADDRESSES_ENV, "value": json.dumps(addresses)},
        {"name": "PYTHONUNBUFFERED", "value": "1"},
        {"name": THREADS_ENV, "valueFrom": cores},
    ]
    taken = {variable["name"] for variable in own}
    return [*own, *(variable for variable in added if variable["name"] not in taken)]


def is_foreign_map(source: Mapping[str, Any]) -> bool:
    """Whether a source of variables is a ConfigMap of Kubeflow Pipelines."""
    return source.get("configMapRef", {}).get("name") in FOREIGN_MAPS
