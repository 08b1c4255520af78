"""The platform spec of Kubeflow Pipelines: what the pods of a pipeline need from Kubernetes.

It is written as data, because kfp-kubernetes for Python 3.10 has no tolerations and no deadlines, with fields that old
and new backends can read: https://github.com/kubeflow/pipelines/tree/master/kubernetes_platform
"""

from typing import Any

from components.distributed_trainer.kubernetes.indexed_job import NAME_ENV, NAMESPACE_ENV, UID_ENV
from pipeline.config.kubeflow import Kubeflow, Pod, Secret

# Variables that identify a pod to itself: the workers of a training copy its spec.
IDENTITY = {NAME_ENV: "metadata.name", UID_ENV: "metadata.uid", NAMESPACE_ENV: "metadata.namespace"}


def platform_config(settings: Kubeflow, pod: Pod) -> dict[str, Any]:
    """The ``KubernetesExecutorConfig`` of a task, as JSON."""
    fields = {
        "pvcMount": [{"constant": settings.claim, "mountPath": settings.mount_path}],
        "secretAsEnv": [secret_as_env(secret) for secret in settings.secrets],
        "imagePullSecret": [{"secretName": name} for name in settings.image_pull_secrets],
        "fieldPathAsEnv": [{"name": name, "fieldPath": path} for name, path in IDENTITY.items()],
        "nodeSelector": {"labels": pod.node_selector} if pod.node_selector else None,
        "tolerations": [toleration.model_dump(exclude_defaults=True) for toleration in pod.tolerations or ()],
        "activeDeadlineSeconds": str(pod.timeout_s) if pod.timeout_s else None,
    }
    return {key: value for key, value in fields.items() if value}


def secret_as_env(secret: Secret) -> dict[str, Any]:
    """A Secret whose keys become environment variables of the pod."""
    pairs = [{"secretKey": key, "envVar": variable} for variable, key in secret.env.items()]
    return {"secretName": secret.name, "keyToEnv": pairs}
