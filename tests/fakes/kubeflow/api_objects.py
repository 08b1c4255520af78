"""Objects of a cluster as others than us make them."""

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Json = dict[str, Any]
NAMESPACE = "team-a"


def kubeconfig(port: int) -> Json:
    """A file that names the server."""
    names = {"cluster": "stub", "user": "stub", "namespace": NAMESPACE}
    return {
        "apiVersion": "v1", "kind": "Config", "current-context": "stub",
        "clusters": [{"name": "stub", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": "stub", "user": {}}],
        "contexts": [{"name": "stub", "context": names}],
    }  # fmt: skip


def launcher_pod(name: str, volume: Path, variables: Mapping[str, str]) -> Json:
    """A pod as Argo makes it for a node of a pipeline: our container among those of others."""
    own = {"MAINLINE_POD_NAME": "metadata.name", "MAINLINE_POD_UID": "metadata.uid",
           "MAINLINE_NAMESPACE": "metadata.namespace", "KFP_POD_NAME": "metadata.name"}  # fmt: skip
    fields = [{"name": key, "valueFrom": {"fieldRef": {"fieldPath": path}}} for key, path in own.items()]
    secret = {"secretKeyRef": {"name": "mainline-metadata", "key": "password"}}
    mounts = {"mainline": str(volume), "var-run-argo": "/var/run/argo", "kfp-launcher": "/kfp-launcher",
              "kube-api-access-x7": "/var/run/secrets/kubernetes.io/serviceaccount", "cache": "/.cache"}  # fmt: skip
    main = {
        "name": "main", "image": "registry.test/mainline@sha256:0", "imagePullPolicy": "IfNotPresent",
        "command": ["/var/run/argo/argoexec", "emissary", "--", "/kfp-launcher/launch"], "args": ["python"],
        "env": [*fields, {"name": "ARGO_TEMPLATE", "value": "{}"},
                {"name": "MAINLINE_METADATA_PASSWORD", "valueFrom": secret},
                *({"name": key, "value": value} for key, value in variables.items())],
        "envFrom": [{"configMapRef": {"name": "metadata-grpc-configmap", "optional": True}}],
        "resources": {"limits": {"cpu": "1", "memory": "4Gi"}, "requests": {"cpu": "1", "memory": "4Gi"}},
        "securityContext": {"allowPrivilegeEscalation": False},
        "volumeMounts": [{"name": key, "mountPath": path} for key, path in mounts.items()],
    }  # fmt: skip
    token = {"sources": [{"serviceAccountToken": {"path": "token", "expirationSeconds": 3607}}]}
    return {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"pipeline/runid": str(uuid.uuid4())}},
        "spec": {
            "restartPolicy": "Never", "serviceAccountName": "pipeline-runner",
            "imagePullSecrets": [{"name": "registry"}], "securityContext": {"runAsNonRoot": True, "fsGroup": 1000},
            "nodeSelector": {"pool": "nodes"}, "tolerations": [{"key": "spot", "operator": "Exists"}],
            "containers": [{"name": "wait", "image": "argoexec:3", "command": ["argoexec", "wait"]}, main],
            "initContainers": [{"name": "init", "image": "argoexec:3", "command": ["argoexec", "init"]}],
            "volumes": [
                {"name": "mainline", "persistentVolumeClaim": {"claimName": "mainline"}},
                {"name": "var-run-argo", "emptyDir": {}}, {"name": "kfp-launcher", "emptyDir": {}},
                {"name": "cache", "emptyDir": {}}, {"name": "kube-api-access-x7", "projected": token},
            ],
        },
        "status": {"phase": "Running"},
    }  # fmt: skip
