"""A training as Kubernetes sees it: an Indexed Job, and a headless Service by which its pods have names.

A worker's pod is made after the pod that starts it: same image, variables, volumes and account. API reference:
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
# How a pod knows itself; whoever compiles the pipeline sets them.
NAME_ENV, UID_ENV, NAMESPACE_ENV = "MAINLINE_POD_NAME", "MAINLINE_POD_UID", "MAINLINE_NAMESPACE"
# What Kubeflow Pipelines calls the container of a node; a worker's is called the same, for variables that name it.
CONTAINER = "main"
PORT = 2222
# A worker that waits in C++, as process 1 of its container, answers to no SIGTERM: only to the SIGKILL that follows.
GRACE_S = 1
# A Job that has ended goes by itself after this time, if nobody was left to delete it.
KEEP_S = 3600
CALL_LABEL, ATTEMPT_LABEL = "mainline/call", "mainline/attempt"
# What Argo and Kubeflow Pipelines give the pod of a node for their own use: volumes and variables, by their beginnings.
FOREIGN_VOLUMES = ("var-run-argo", "tmp-dir-argo", "kfp-launcher", "kube-api-access-")
FOREIGN_VARIABLES = ("ARGO_", "KFP_", "ML_PIPELINE_", "METADATA_GRPC_")
FOREIGN_MAPS = ("metadata-grpc-configmap",)
OWN_VARIABLES = (NAME_ENV, UID_ENV, NAMESPACE_ENV, WORKER_POD_ENV, BACKEND_ENV, "TF_CONFIG")
POD_KEYS = ("serviceAccountName", "imagePullSecrets", "securityContext", "affinity", "priorityClassName",
            "runtimeClassName", "schedulerName")  # fmt: skip
CONTAINER_KEYS = ("image", "imagePullPolicy", "workingDir", "securityContext")
# TensorFlow would count the cores of the node.
THREADS_ENV = "TF_NUM_INTRAOP_THREADS"
# A mesh's proxy would neither let workers talk as they wish nor end with them.
NO_MESH = {"sidecar.istio.io/inject": "false"}


@dataclass(frozen=True)
class Launch:
    """What the objects of one attempt are made of.

    Attributes:
        pod: the pod that starts it, as the API gives it.
        worker: what the config asks for workers.
        cluster: which tasks there are.
        folder: of the call.
        attempt: counts from 0.
        command: the words that start a task.
    """

    pod: Json
    worker: WorkerPod
    cluster: Cluster
    folder: Path
    attempt: int
    command: Sequence[str]

    @property
    def name(self) -> str:
        """Of the Job and of the Service, a DNS label that leaves room for the index of a pod: RFC 1035."""
        return f"mainline-train-{call_of(self.pod, self.folder)}-{self.attempt}"

    @property
    def labels(self) -> dict[str, str]:
        """By which the objects and the pods of the attempt are found."""
        return {**call_labels(self.pod, self.folder), ATTEMPT_LABEL: str(self.attempt)}

    def addresses(self) -> dict[Task, str]:
        """Where each task listens, in the order of the indices."""
        domain = f"{self.name}.{self.pod['metadata']['namespace']}.svc"
        return {task: f"{self.name}-{index}.{domain}:{PORT}" for index, task in enumerate(self.cluster.tasks)}


def call_of(pod: Json, folder: Path) -> str:
    """Ten hex digits that tell calls apart: the folder, and the volumes that it may be on."""
    volumes = [{**volume, "name": ""} for volume in own_volumes(pod)]
    return hashlib.sha256(json.dumps([str(folder), volumes], sort_keys=True).encode()).hexdigest()[:10]


def call_labels(pod: Json, folder: Path) -> dict[str, str]:
    """What all attempts of a call have in common."""
    return {"app.kubernetes.io/managed-by": "mainline", CALL_LABEL: call_of(pod, folder)}


def owners(pod: Json) -> list[Json]:
    """The pod as the owner of what it starts: what it leaves behind goes when the pod does."""
    metadata = pod["metadata"]
    return [{"apiVersion": "v1", "kind": "Pod", "name": metadata["name"], "uid": metadata["uid"]}]


def make_service(launch: Launch) -> Json:
    """The headless Service; names are there before the pods are ready, since each waits for the others."""
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
    """The Job. Its controller replaces a pod only where the others go on without it."""
    cluster, labels = launch.cluster, {**launch.labels, **NO_MESH}
    is_replaced = any(cluster.survives(task) for task in cluster.tasks)
    bound = {"activeDeadlineSeconds": launch.worker.timeout_s} if launch.worker.timeout_s else {}
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
            **bound,
            "template": {"metadata": {"labels": labels, "annotations": NO_MESH}, "spec": pod_spec(launch)},
        },
    }


def make_metadata(launch: Launch) -> Json:
    """Name, labels and owner."""
    namespace = launch.pod["metadata"]["namespace"]
    owner = owners(launch.pod)
    return {"name": launch.name, "namespace": namespace, "labels": launch.labels, "ownerReferences": owner}


def pod_spec(launch: Launch) -> Json:
    """The spec of a worker's pod; it needs no access to the API."""
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
    """The container of a worker."""
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
    """The container that this code runs in: the one that Kubeflow Pipelines calls main, or the only one."""
    containers: list[Json] = pod["spec"]["containers"]
    return next((container for container in containers if container["name"] == CONTAINER), containers[0])


def own_volumes(pod: Json) -> list[Json]:
    """The volumes that the container mounts, without those of Argo and of Kubeflow Pipelines."""
    mounted = {mount["name"] for mount in main_container(pod).get("volumeMounts", [])}
    volumes: list[Json] = pod["spec"].get("volumes", [])
    return [one for one in volumes if one["name"] in mounted and not one["name"].startswith(FOREIGN_VOLUMES)]


def own_variables(container: Json) -> list[Json]:
    """The variables of the container, without those of Argo, of Kubeflow Pipelines and of this pod alone."""
    variables: list[Json] = container.get("env", [])
    kept = [one for one in variables if not one["name"].startswith(FOREIGN_VARIABLES)]
    return [one for one in kept if one["name"] not in OWN_VARIABLES]


def variables(launch: Launch, own: list[Json]) -> list[Json]:
    """What every task is told, beside what the node is told; which one it is, it learns from the index of its pod."""
    addresses = {task.name: address for task, address in launch.addresses().items()}
    cores = {"resourceFieldRef": {"resource": "limits.cpu"}}
    told: list[Json] = [
        {"name": ADDRESSES_ENV, "value": json.dumps(addresses)},
        {"name": "PYTHONUNBUFFERED", "value": "1"},
        {"name": THREADS_ENV, "valueFrom": cores},
    ]
    taken = {variable["name"] for variable in own}
    return [*own, *(variable for variable in told if variable["name"] not in taken)]


def is_foreign_map(source: Mapping[str, Any]) -> bool:
    """Whether variables come from a ConfigMap of Kubeflow Pipelines."""
    return source.get("configMapRef", {}).get("name") in FOREIGN_MAPS
