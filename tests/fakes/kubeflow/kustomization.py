"""A reader of kustomizations that supports what deploy/kubeflow uses, and raises on anything else.

https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/
"""

import base64
import copy
from pathlib import Path
from typing import Any

import yaml

Json = dict[str, Any]
KEYS = {
    "apiVersion", "kind", "namespace", "resources", "labels", "configMapGenerator", "secretGenerator",
    "generatorOptions", "images", "patches",
}  # fmt: skip
WITHOUT_NAMESPACE = ("Namespace",)


def kustomization(folder: Path) -> Json:
    """The settings of a folder."""
    found: Json = yaml.safe_load((folder / "kustomization.yaml").read_text(encoding="utf-8"))
    assert set(found) <= KEYS, f"{folder}: {set(found) - KEYS}"
    return found


def referenced(folder: Path) -> set[Path]:
    """The files that a folder's settings, and those of the folders that it builds upon, name."""
    settings = kustomization(folder)
    names = [one for one in settings.get("resources", []) if (folder / one).is_file()]
    names += [patch["path"] for patch in settings.get("patches", [])]
    names += [name for generator in settings.get("configMapGenerator", []) for name in generator["files"]]
    names += [name for generator in settings.get("secretGenerator", []) for name in generator["envs"]]
    found = {(folder / name).resolve() for name in ["kustomization.yaml", *names]}
    for one in settings.get("resources", []):
        if not (folder / one).is_file():
            found |= referenced(folder / one)
    return found


def build(folder: Path) -> list[Json]:
    """The objects of a folder."""
    settings = kustomization(folder)
    objects = [found for name in settings.get("resources", []) for found in resource(folder / name)]
    objects += [config_map(folder, one) for one in settings.get("configMapGenerator", [])]
    objects += [secret(folder, one) for one in settings.get("secretGenerator", [])]
    if "configMapGenerator" in settings or "secretGenerator" in settings:
        assert settings["generatorOptions"] == {"disableNameSuffixHash": True}
    for patch in settings.get("patches", []):
        apply_patch(objects, yaml.safe_load((folder / patch["path"]).read_text(encoding="utf-8")))
    for found in objects:
        finish(found, settings)
    return objects


def resource(path: Path) -> list[Json]:
    """The objects of a file, or of another folder."""
    if path.is_dir():
        return build(path)
    return [found for found in yaml.safe_load_all(path.read_text(encoding="utf-8")) if found]


def config_map(folder: Path, generator: Json) -> Json:
    data = {name: (folder / name).read_text(encoding="utf-8") for name in generator["files"]}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": generator["name"]}, "data": data}


def secret(folder: Path, generator: Json) -> Json:
    lines = [line for name in generator["envs"] for line in (folder / name).read_text(encoding="utf-8").splitlines()]
    pairs = [line.partition("=") for line in lines if line and not line.startswith("#")]
    data = {key: base64.b64encode(value.encode()).decode() for key, _, value in pairs}
    head = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": generator["name"]}, "type": "Opaque"}
    return {**head, "data": data}


def apply_patch(objects: list[Json], patch: Json) -> None:
    """Lays a patch over the one object that it names."""
    (target,) = [one for one in objects if name_of(one) == name_of(patch)]
    merged = merge(target, patch)
    target.clear()
    target.update(merged)


def merge(base: Any, over: Any) -> Any:
    """Mappings are merged; a list would need its merge key, and no patch has one."""
    if not isinstance(over, dict):
        assert not isinstance(over, list)
        return over
    return {**base, **{key: merge(base.get(key, {}), value) for key, value in over.items()}}


def finish(found: Json, settings: Json) -> None:
    """Namespace, labels and tags of images."""
    namespace = settings.get("namespace")
    if namespace and found["kind"] in WITHOUT_NAMESPACE:
        found["metadata"]["name"] = namespace
    elif namespace:
        found["metadata"]["namespace"] = namespace
        for subject in found.get("subjects", []):
            subject["namespace"] = namespace
    for label in settings.get("labels", []):
        assert set(label) == {"pairs"}
        found["metadata"].setdefault("labels", {}).update(label["pairs"])
    tags = {image["name"]: image["newTag"] for image in settings.get("images", [])}
    for container in containers(found):
        if container["image"] in tags:
            container["image"] = f"{container['image']}:{tags[container['image']]}"


def pod_template(found: Json) -> Json | None:
    """The template of the pods of an object that makes some."""
    spec = found.get("spec", {})
    if found["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    template: Json | None = spec.get("template")
    return template


def containers(found: Json) -> list[Json]:
    """The containers of an object."""
    template = pod_template(found)
    listed: list[Json] = template["spec"]["containers"] if template else []
    return listed


def name_of(found: Json) -> tuple[str, str]:
    """Kind and name."""
    return found["kind"], found["metadata"]["name"]


def with_secrets(source: Path, target: Path) -> Path:
    """A copy of deploy/kubeflow in which each overlay has the file of the password that a user makes."""
    for path in source.rglob("*"):
        if path.is_file() and path.name != "metadata.env":
            place = target / path.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(path.read_bytes())
    for example in target.rglob("metadata.env.example"):
        example.with_name("metadata.env").write_text(f"{example.read_text(encoding='utf-8').strip()}s3cret=x\n")
    return target


def sorted_objects(objects: list[Json]) -> list[Json]:
    """In an order that does not depend on who made the list."""
    return sorted(copy.deepcopy(objects), key=name_of)
