"""The Kubernetes objects of a training conform to the published schemas and copy the pod of the node."""

import copy
import json
import re
from dataclasses import replace
from pathlib import Path

import kubernetes_validate
import pytest
from fakes.kubeflow.api_objects import NAMESPACE, launcher_pod

from components.distributed_trainer.cluster import Cluster, Task
from components.distributed_trainer.kubernetes.indexed_job import CALL_LABEL, Launch, call_hash, make_job, make_service
from components.distributed_trainer.kubernetes.worker_pod import WORKER_POD_ENV, WorkerPod, read_worker_pod
from pipeline.config.kubeflow import Kubeflow, Pod, Toleration
from pipeline.errors import ConfigError

FOLDER = Path("/mnt/mainline/runs/census/artifacts/Trainer/model/7/cluster")
WORKERS = Cluster("multi_worker", workers=2)
SERVERS = Cluster("parameter_server", workers=2, parameter_servers=2, max_restarts=5)


def pod_of_a_node(**variables):
    pod = launcher_pod("census-trainer-1", Path("/mnt/mainline"), variables)
    pod["metadata"]["uid"] = "5a1d0000-0000-4000-8000-000000000001"
    return pod


def launch(cluster=WORKERS, worker=WorkerPod(), attempt=0, pod=None, folder=FOLDER) -> Launch:  # noqa: B008
    return Launch(pod or pod_of_a_node(), worker, cluster, folder, attempt, ["python", "-m", "there"])


def spec_of(made: Launch):
    return make_job(made)["spec"]["template"]["spec"]


def container_of(made: Launch):
    (container,) = spec_of(made)["containers"]
    return container


@pytest.mark.parametrize("version", ["1.27", "1.30", kubernetes_validate.latest_version()])
@pytest.mark.parametrize("cluster", [WORKERS, SERVERS])
def test_all_objects_conform_to_the_schemas(version, cluster):
    worker = WorkerPod("2", "8Gi", 1, "nvidia.com/gpu", {"pool": "gpu"}, ({"key": "gpu", "operator": "Exists"},))
    for made in (launch(cluster), launch(cluster, worker)):
        for body in (make_job(made), make_service(made)):
            kubernetes_validate.validate(body, version, strict=True)


def test_a_typo_would_violate_the_schemas():
    job = make_job(launch())
    job["spec"]["template"]["spec"]["containers"][0]["comand"] = ["python"]
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(job, "1.30", strict=True)


def test_a_worker_copies_image_variables_volumes_and_account_of_the_node():
    made = launch(pod=pod_of_a_node(MAINLINE_SETTING="1", MAINLINE_TRAINING_BACKEND="kubernetes"))
    spec, container = spec_of(made), container_of(made)
    assert container["image"] == "registry.test/mainline@sha256:0"
    names = [variable["name"] for variable in container["env"]]
    assert names == ["MAINLINE_METADATA_PASSWORD", "MAINLINE_SETTING", "MAINLINE_ADDRESSES", "PYTHONUNBUFFERED",
                     "TF_NUM_INTRAOP_THREADS"]  # fmt: skip
    assert [volume["name"] for volume in spec["volumes"]] == ["mainline", "cache"]
    assert [mount["name"] for mount in container["volumeMounts"]] == ["mainline", "cache"]
    assert "envFrom" not in container
    assert container["securityContext"] == {"allowPrivilegeEscalation": False}
    assert (spec["serviceAccountName"], spec["imagePullSecrets"]) == ("pipeline-runner", [{"name": "registry"}])
    assert spec["securityContext"] == {"runAsNonRoot": True, "fsGroup": 1000}
    assert (spec["nodeSelector"], spec["tolerations"]) == ({"pool": "nodes"}, [{"key": "spot", "operator": "Exists"}])
    assert (spec["restartPolicy"], spec["automountServiceAccountToken"]) == ("Never", False)
    assert container["command"] == ["python", "-m", "there"]
    assert "args" not in container


def test_settings_for_workers_override_those_of_the_node():
    worker = WorkerPod(cpu="4", gpu=2, gpu_type="amd.com/gpu", node_selector={}, tolerations=())
    made = launch(worker=worker)
    assert not {"nodeSelector", "tolerations"} & set(spec_of(made))
    limits = {"cpu": "4", "memory": "4Gi", "amd.com/gpu": "2"}
    assert container_of(made)["resources"] == {"limits": limits, "requests": limits}


def test_without_a_gpu_a_worker_does_not_get_that_of_the_node():
    pod = pod_of_a_node()
    pod["spec"]["containers"][1]["resources"] = {"limits": {"nvidia.com/gpu": "1"}}
    assert container_of(launch(pod=pod))["resources"] == {"limits": {"nvidia.com/gpu": "1"}}
    assert "resources" not in container_of(launch(pod=pod, worker=WorkerPod(gpu=0)))


def test_addresses_are_those_that_the_service_gives_to_the_pods_of_the_job():
    made = launch(SERVERS, attempt=3)
    job, service = make_job(made), make_service(made)
    name = made.name
    assert {job["metadata"]["name"], service["metadata"]["name"], spec_of(made)["subdomain"]} == {name}
    assert made.addresses()[Task("worker", 1)] == f"{name}-2.{name}.{NAMESPACE}.svc:2222"
    told = {variable["name"]: variable.get("value") for variable in container_of(made)["env"]}["MAINLINE_ADDRESSES"]
    assert list(json.loads(told)) == ["chief-0", "worker-0", "worker-1", "ps-0", "ps-1"]
    assert service["spec"]["selector"].items() <= job["spec"]["template"]["metadata"]["labels"].items()
    assert (service["spec"]["clusterIP"], service["spec"]["publishNotReadyAddresses"]) == ("None", True)


def test_only_replaceable_pods_are_replaced():
    assert make_job(launch(WORKERS))["spec"]["backoffLimit"] == 0
    assert make_job(launch(SERVERS))["spec"]["backoffLimit"] == 5
    spec = make_job(launch(SERVERS))["spec"]
    assert (spec["completionMode"], spec["completions"], spec["parallelism"]) == ("Indexed", 5, 5)


def test_orphaned_workers_end_at_the_deadline():
    assert "activeDeadlineSeconds" not in make_job(launch())["spec"]
    job = make_job(launch(worker=read_worker_pod('{"timeout_s": 86400}')))
    kubernetes_validate.validate(job, kubernetes_validate.latest_version(), strict=True)
    assert job["spec"]["activeDeadlineSeconds"] == 86_400


def test_names_are_short_dns_labels_with_hash_and_attempt():
    longest = launch(attempt=999).name + "-9999"
    assert re.fullmatch(r"[a-z][a-z0-9-]{0,62}", longest)
    assert launch(attempt=1).name != launch(attempt=2).name
    assert launch(folder=FOLDER / "other").labels[CALL_LABEL] != launch().labels[CALL_LABEL]


def test_a_folder_on_another_volume_has_another_hash():
    one, other = pod_of_a_node(), pod_of_a_node()
    other["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"] = "another"
    renamed = copy.deepcopy(one)
    renamed["metadata"]["name"] = "census-trainer-2"
    assert call_hash(one, FOLDER) == call_hash(renamed, FOLDER) != call_hash(other, FOLDER)


def test_objects_are_owned_by_the_launcher_s_pod():
    owner = {"apiVersion": "v1", "kind": "Pod", "name": "census-trainer-1", "uid": pod_of_a_node()["metadata"]["uid"]}
    for body in (make_job(launch()), make_service(launch())):
        assert body["metadata"]["ownerReferences"] == [owner]


def test_sidecars_are_disabled_and_finished_jobs_expire():
    spec = make_job(launch())["spec"]
    assert spec["template"]["metadata"]["labels"]["sidecar.istio.io/inject"] == "false"
    assert spec["template"]["metadata"]["annotations"]["sidecar.istio.io/inject"] == "false"
    assert spec["ttlSecondsAfterFinished"] == 3600


def test_variables_of_the_node_override_ours():
    own = {
        variable["name"]: variable for variable in container_of(launch(pod=pod_of_a_node(PYTHONUNBUFFERED="x")))["env"]
    }
    assert own["PYTHONUNBUFFERED"]["value"] == "x"
    assert own["TF_NUM_INTRAOP_THREADS"] == {
        "name": "TF_NUM_INTRAOP_THREADS", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}
    }  # fmt: skip


def test_settings_for_workers_are_read_from_the_config():
    text = '{"cpu": "2", "memory": null, "gpu": 1, "node_selector": {"a": "b"}, "tolerations": [{"key": "k"}]}'
    read = read_worker_pod(text)
    assert read == WorkerPod("2", None, 1, None, {"a": "b"}, ({"key": "k"},))
    assert read_worker_pod("") == replace(read, cpu=None, gpu=None, node_selector=None, tolerations=None)
    asked = Kubeflow(pods={"Workers": Pod(cpu="2", retries=1, tolerations=(Toleration(key="spot"),))}).pod_of("Workers")
    read = read_worker_pod(asked.model_dump_json())
    assert (read.cpu, read.memory, read.tolerations) == ("2", None, ({"key": "spot", "operator": "Equal"},))
    for wrong in ("[]", "{"):
        with pytest.raises(ConfigError, match=WORKER_POD_ENV):
            read_worker_pod(wrong)
