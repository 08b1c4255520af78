"""The Kubernetes objects of deploy/kubeflow: valid, consistent, and matching the config."""

import base64
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from fakes.image.dockerfile import read_dockerfile
from fakes.image.image_tree import DOCKERFILE
from fakes.kubeflow import kustomization as kustomize

from components.distributed_trainer.kubernetes import indexed_job
from pipeline.config.load import load_config

ROOT = Path(__file__).resolve().parents[2]
KUBEFLOW = ROOT / "deploy" / "kubeflow"
OVERLAYS = sorted(path.name for path in (KUBEFLOW / "overlays").iterdir())
# The oldest and the newest supported Kubernetes.
VERSIONS = ("1.27", "1.37")
CONFIG = load_config("census", (), env="kubeflow")
METADATA = CONFIG.metadata.host
PORTS = {"example": 3306, "postgresql": 5432}
ANY_POD_OF_A_RUN = {"matchExpressions": [{"key": "pipeline/runid", "operator": "Exists"}]}
# The allowed verbs by resource: of our components, then of Argo's executor and the launcher.
OWN_RULES = {
    "jobs": {"create", "get", "list", "patch", "delete"},
    "services": {"create", "get", "list", "patch", "delete"},
    "pods": {"get", "list", "watch", "delete"},
    "pods/log": {"get"},
}
FOREIGN_RULES = {"workflowtaskresults": {"create", "patch"}, "configmaps": {"get", "list", "watch"}, "secrets": {"get"}}

Json = kustomize.Json


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The manifests, with the password files that a user creates."""
    return kustomize.with_secrets(KUBEFLOW, tmp_path_factory.mktemp("kubeflow"))


@pytest.fixture(params=OVERLAYS)
def name(request) -> str:
    return request.param


@pytest.fixture
def objects(name, folder) -> list[Json]:
    return kustomize.build(folder / "overlays" / name)


def of_kind(objects: list[Json], kind: str) -> dict[str, Json]:
    return {found["metadata"]["name"]: found for found in objects if found["kind"] == kind}


def containers(objects: list[Json]) -> Iterator[tuple[Json, Json]]:
    """Each container and the spec of its pod."""
    for found in objects:
        for container in kustomize.containers(found):
            yield container, kustomize.pod_template(found)["spec"]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_is_valid(objects, version):
    for found in objects:
        kubernetes_validate.validate(found, version, strict=True)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_is_valid_without_an_overlay(version):
    documents = [
        found for path in KUBEFLOW.rglob("*.yaml") if path.name != "kustomization.yaml"
        for found in yaml.safe_load_all(path.read_text(encoding="utf-8"))
    ]  # fmt: skip
    assert len(documents) > 20
    for found in documents:
        kubernetes_validate.validate(found, version, strict=True)


def test_an_invalid_object_is_found(objects):
    found = of_kind(objects, "StatefulSet")[METADATA]
    kustomize.containers(found)[0]["readynessProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(found, VERSIONS[-1], strict=True)


def test_every_file_is_in_a_kustomization_and_exists(folder):
    named = {path for overlay in OVERLAYS for path in kustomize.referenced(folder / "overlays" / overlay)}
    there = {path.resolve() for path in folder.rglob("*") if path.is_file() and path.suffix != ".example"}
    assert named == there
    assert all((KUBEFLOW / "overlays" / overlay / "metadata.env.example").is_file() for overlay in OVERLAYS)


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="no kubectl")
def test_kustomize_gives_the_same_objects(name, objects, folder):
    command = ["kubectl", "kustomize", str(folder / "overlays" / name)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert kustomize.sorted_objects(list(yaml.safe_load_all(text))) == kustomize.sorted_objects(objects)


def test_all_objects_are_in_one_namespace(objects):
    assert len({found["metadata"].get("namespace", found["metadata"]["name"]) for found in objects}) == 1


def test_names_match_the_config(name, objects):
    settings = CONFIG.kubeflow
    assert of_kind(objects, "PersistentVolumeClaim")[settings.claim]["spec"]["accessModes"] == ["ReadWriteMany"]
    assert METADATA in of_kind(objects, "Service")
    (secret,) = settings.secrets
    assert secret.env[CONFIG.metadata.password_env] in of_kind(objects, "Secret")[secret.name]["data"]
    (server,) = kustomize.containers(of_kind(objects, "StatefulSet")[METADATA])
    values = {variable["value"] for variable in server["env"]}
    assert values >= {CONFIG.metadata.database, CONFIG.metadata.user}
    for job in of_kind(objects, "CronJob").values():
        (container,) = kustomize.containers(job)
        variables = {variable["name"]: variable["value"] for variable in container["env"]}
        assert variables["METADATA_HOST"] == METADATA
        assert variables["METADATA_DATABASE"] == CONFIG.metadata.database
        assert variables["METADATA_USER"] == CONFIG.metadata.user
        assert server["image"] == container["image"]


def test_scripts_get_the_variables_that_they_read(name, objects):
    for job in of_kind(objects, "CronJob").values():
        (container,) = kustomize.containers(job)
        given = {variable["name"] for variable in container["env"]}
        script = Path(container["command"][-1]).name
        text = of_kind(objects, "ConfigMap")["mainline-metadata-backup"]["data"][script]
        read = set(re.findall(r"\$\{?([A-Z_]{3,})\b(?!:-)", text)) - {"PGPASSWORD"}
        assert read - {"METADATA_PORT"} <= given


def test_a_password_is_never_in_git():
    tracked = subprocess.run(["git", "ls-files", "deploy"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "metadata.env\n" not in tracked
    ignored = ["git", "check-ignore", *(f"deploy/kubeflow/overlays/{one}/metadata.env" for one in OVERLAYS)]
    assert len(subprocess.run(ignored, cwd=ROOT, capture_output=True, text=True).stdout.split()) == len(OVERLAYS)
    written = [path.read_text(encoding="utf-8") for path in KUBEFLOW.rglob("*.yaml")]
    assert [text for text in written if re.search(r"^kind: Secret$", text, re.MULTILINE)] == []
    for example in KUBEFLOW.rglob("metadata.env.example"):
        assert example.read_text(encoding="utf-8").splitlines()[-1] == "password="


def test_a_password_arrives_unchanged(objects):
    data = of_kind(objects, "Secret")["mainline-metadata"]["data"]
    assert {key: base64.b64decode(value).decode() for key, value in data.items()} == {"password": "s3cret=x"}


def test_the_role_allows_exactly_the_requests_of_pods(objects):
    rules = of_kind(objects, "Role")["mainline-runner"]["rules"]
    allowed = {resource: set(rule["verbs"]) for rule in rules for resource in rule["resources"]}
    assert allowed == OWN_RULES | FOREIGN_RULES
    assert [rule for rule in rules if "*" in (*rule["apiGroups"], *rule["resources"], *rule["verbs"])] == []
    named = [rule for rule in rules if set(rule["resources"]) & {"configmaps", "secrets"}]
    assert all(len(rule["resourceNames"]) == 1 for rule in named)
    (binding,) = of_kind(objects, "RoleBinding").values()
    assert binding["roleRef"]["name"] == "mainline-runner"
    (subject,) = binding["subjects"]
    assert subject["name"] in of_kind(objects, "ServiceAccount")
    assert not [found for found in objects if found["kind"].startswith("Cluster")]


def test_the_role_allows_the_requests_of_distributed_training():
    """Check every verb and kind of a request."""
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "components/distributed_trainer").rglob("*.py")]
    called = {
        found for text in sources for found in re.findall(r'api\.(create|read|listed|patch|delete)\("(\w+)"', text)
    }
    verbs = {"read": "get", "listed": "list"}
    asked = {(f"{kind}s", verbs.get(verb, verb)) for verb, kind in called}
    assert len(asked) >= 3
    assert [one for one in asked if one[1] not in OWN_RULES[one[0]]] == []


def test_every_container_has_limits_and_few_rights(objects):
    for container, pod in containers(objects):
        resources, security = container["resources"], container["securityContext"]
        assert set(resources["limits"]) == set(resources["requests"]) == {"cpu", "memory"}
        assert security["allowPrivilegeEscalation"] is False
        assert security["readOnlyRootFilesystem"] is True
        if container["name"] == "chown":
            assert security["capabilities"] == {"drop": ["ALL"], "add": ["CHOWN"]}
        else:
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert pod["securityContext"]["runAsNonRoot"] is True
            assert pod["securityContext"]["runAsUser"] >= 100
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        assert ":" in container["image"]
        assert not container["image"].endswith(":latest")


def test_every_server_has_probes_and_every_job_a_deadline(objects):
    for found in of_kind(objects, "StatefulSet").values():
        for container in kustomize.containers(found):
            assert {"startupProbe", "readinessProbe", "livenessProbe"} <= set(container)
    for job in of_kind(objects, "CronJob").values():
        spec = job["spec"]
        assert spec["concurrencyPolicy"] == "Forbid"
        assert spec["jobTemplate"]["spec"]["activeDeadlineSeconds"] > 0
        assert spec.get("suspend", False) is ("restore" in job["metadata"]["name"])


def test_the_user_of_the_image_owns_the_volume(objects):
    user = read_dockerfile(DOCKERFILE)[-1].user
    (container,) = kustomize.containers(of_kind(objects, "Job")["mainline-volume"])
    assert re.findall(r"chown (\d\S+) ([\w/]+)", container["command"][-1]) == [(user, CONFIG.kubeflow.mount_path)]


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_the_job_of_the_volume_needs_one_capability_and_can_run_again(folder, tmp_path):
    (container,) = kustomize.containers(of_kind(kustomize.build(folder / "base"), "Job")["mainline-volume"])
    words = [word.replace(CONFIG.kubeflow.mount_path, str(tmp_path / "volume")) for word in container["command"]]
    (tmp_path / "volume").mkdir(mode=0o755)
    for _ in range(2):
        subprocess.run(["setpriv", "--bounding-set=-all,+chown", *words], check=True)
        status = (tmp_path / "volume").stat()
        assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (10001, 10001, 0o770)


def test_every_claim_exists(objects):
    claims, maps, secrets = (of_kind(objects, kind) for kind in ("PersistentVolumeClaim", "ConfigMap", "Secret"))
    for container, pod in containers(objects):
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        assert mounted - set(volumes) <= {"data"}
        assert set(volumes) <= mounted
        for volume in volumes.values():
            assert volume.get("persistentVolumeClaim", {}).get("claimName") in {None, *claims}
            assert volume.get("configMap", {}).get("name") in {None, *maps}
            assert volume.get("secret", {}).get("secretName") in {None, *secrets}


def labels_of_pods(objects: list[Json]) -> list[dict[str, str]]:
    """The labels of all pods: of the objects, of a run, and of training workers."""
    templates = [kustomize.pod_template(found) for found in objects]
    own = [template["metadata"]["labels"] for template in templates if template]
    pod = {"metadata": {"name": "x", "uid": "y"}, "spec": {"containers": [{"name": "main"}], "volumes": []}}
    return [*own, {"pipeline/runid": "x"}, indexed_job.call_labels(pod, Path("/x"))]


def selects(selector: Json, labels: dict[str, str]) -> bool:
    exists = [one["key"] for one in selector.get("matchExpressions", [])]
    wanted = selector.get("matchLabels", {})
    return all(key in labels for key in exists) and wanted.items() <= labels.items()


def test_every_selector_matches_pods(objects):
    pods = labels_of_pods(objects)
    selectors = [
        found["spec"]["selector"] for found in objects if found["kind"] in ("StatefulSet", "PodDisruptionBudget")
    ]
    selectors += [{"matchLabels": found["spec"]["selector"]} for found in of_kind(objects, "Service").values()]
    for policy in of_kind(objects, "NetworkPolicy").values():
        rules = [*policy["spec"].get("ingress", []), *policy["spec"].get("egress", [])]
        peers = [peer for rule in rules for peer in (*rule.get("from", []), *rule.get("to", []))]
        selectors += [policy["spec"]["podSelector"], *(peer["podSelector"] for peer in peers if "podSelector" in peer)]
    assert len(selectors) > 8
    assert [selector for selector in selectors if not selector or not any(selects(selector, one) for one in pods)] == []


def test_ports_of_services_policies_and_containers_match(name, objects):
    (server,) = kustomize.containers(of_kind(objects, "StatefulSet")[METADATA])
    (port,) = server["ports"]
    (service,) = of_kind(objects, "Service")[METADATA]["spec"]["ports"]
    assert (port["containerPort"], port["name"], service["port"]) == (PORTS[name], service["targetPort"], PORTS[name])
    policies = of_kind(objects, "NetworkPolicy")
    assert allowed_ports(policies[METADATA]["spec"]["ingress"]) == {PORTS[name]}
    assert allowed_ports(policies["mainline-run-metadata"]["spec"]["egress"]) == {PORTS[name]}
    assert allowed_ports(policies["mainline-worker"]["spec"]["ingress"]) == {indexed_job.PORT}


def allowed_ports(rules: list[Json]) -> set[int]:
    return {port["port"] for rule in rules for port in rule["ports"]}


def test_policies_only_allow_the_expected_connections(objects):
    policies = of_kind(objects, "NetworkPolicy")
    for labels in labels_of_pods(objects):
        chosen = [one["spec"] for one in policies.values() if selects(one["spec"]["podSelector"], labels)]
        assert {kind for spec in chosen for kind in spec["policyTypes"]} == {"Ingress", "Egress"}
        assert all(peer for spec in chosen for rule in spec.get("ingress", []) for peer in rule["from"])
    assert policies["mainline-run"]["spec"]["podSelector"] == ANY_POD_OF_A_RUN
    assert "ingress" not in policies["mainline-run"]["spec"]
    assert "egress" not in policies[METADATA]["spec"]
