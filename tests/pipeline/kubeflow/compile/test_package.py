"""The compiled pipeline: its content, that Kubeflow Pipelines and Argo accept it, and that changes show in review."""

import json
import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from fakes.kubeflow.compiling import make_package
from shipped import CONFIGS

from pipeline.config.load import load_config
from pipeline.config.root import Config
from pipeline.errors import ConfigError, MainlineError
from pipeline.kubeflow.compile.package import Package
from pipeline.kubeflow.parameters import parameters_of

ROOT = Path(__file__).resolve().parents[4]
# What is compiled depends on the SDK, whose version differs between the two stacks.
GOLDEN = Path(__file__).parent / "golden" / "kfp-{}.{}".format(*version("kfp").split("."))
IMAGE = "registry.example/mainline@sha256:" + "0" * 64
LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
REWRITE = "MAINLINE_WRITE_GOLDEN=1 make test ARGS=tests/pipeline/kubeflow/compile/test_package.py"


def config_of(name: str = "census", *sets: str, image: str = IMAGE) -> Config:
    return load_config(name, (f"kubeflow.image={image}", *sets), env="kubeflow")


@pytest.fixture(scope="module")
def packages() -> dict[str, Package]:
    """The packages of all configs in ``conf/``."""
    return {name: make_package(config_of(name)) for name in CONFIGS}


@pytest.fixture(params=CONFIGS)
def package(request, packages) -> Package:
    return packages[request.param]


def documents(package: Package) -> tuple[dict, dict]:
    spec, platform = yaml.safe_load_all(package.text)
    return spec, platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]


def graph_tasks(spec: dict) -> dict[str, dict]:
    return spec["components"]["comp-exit-handler-1"]["dag"]["tasks"]


def test_the_sdk_loads_the_package(package):
    from kfp import components

    loaded = components.load_component_from_text(package.text)
    assert loaded.component_spec.name == package.name
    assert set(loaded.component_spec.inputs) == {"config", "overrides", *package.parameters}
    assert loaded.platform_spec.platforms["kubernetes"].deployment_spec.executors


def test_all_names_are_valid_for_argo(package):
    spec, platform = documents(package)
    names = [package.name, *graph_tasks(spec), *spec["components"], *platform, *spec["root"]["dag"]["tasks"]]
    assert [name for name in names if not LABEL.fullmatch(name)] == []


def test_every_node_is_a_container_after_its_upstream_nodes(package):
    spec, _ = documents(package)
    tasks = graph_tasks(spec)
    shown = {name: task["taskInfo"]["name"] for name, task in tasks.items()}
    assert sorted(shown.values()) == sorted(package.nodes)
    for task in tasks.values():
        container = container_of(spec, task)
        after = container["args"][container["args"].index("--after") + 1]
        assert {shown[name] for name in task.get("dependentTasks", ())} == set(filter(None, after.split(",")))
        assert container["command"] == ["python", "-m", "pipeline.kubeflow.pod.run_node"]
    images = {row["container"]["image"] for row in spec["deploymentSpec"]["executors"].values()}
    assert images == {IMAGE}


def container_of(spec: dict, task: dict) -> dict:
    label = spec["components"][task["componentRef"]["name"]]["executorLabel"]
    return spec["deploymentSpec"]["executors"][label]["container"]


def test_the_order_of_nodes_is_that_of_the_graph(packages):
    nodes = packages["census"].nodes
    for before, after in (("ExampleGen", "StatisticsGen"), ("ValidationGate", "Transform"), ("Trainer", "Evaluator"),
                          ("Evaluator", "Pusher")):  # fmt: skip
        assert nodes.index(before) < nodes.index(after)
    tasks = graph_tasks(documents(packages["census"])[0])
    assert "validation-gate" in tasks["transform"]["dependentTasks"]


def test_the_cache_of_kubeflow_pipelines_is_off(package):
    spec, _ = documents(package)
    tasks = [*graph_tasks(spec).values(), *spec["root"]["dag"]["tasks"].values()]
    assert [task["taskInfo"]["name"] for task in tasks if task.get("cachingOptions", {}).get("enableCache")] == []


def test_the_exit_handler_always_runs(package):
    spec, _ = documents(package)
    finish = spec["root"]["dag"]["tasks"]["finish"]
    assert finish["triggerPolicy"]["strategy"] == "ALL_UPSTREAM_TASKS_COMPLETED"
    assert container_of(spec, finish)["command"][-1] == "pipeline.kubeflow.pod.exit_handler"
    assert "retryPolicy" not in finish


def test_the_settings_of_a_pod_are_in_the_spec():
    package = make_package(config_of(
        "census", "kubeflow.pods.Trainer={cpu: '7', memory: 30Gi, gpu: 2, retries: 5, timeout_s: 99, "
        "node_selector: {pool: gpu}, tolerations: [{key: gpu, operator: Exists, effect: NoSchedule}]}",
        "kubeflow.image_pull_secrets=[registry]",
    ))  # fmt: skip
    spec, platform = documents(package)
    trainer = graph_tasks(spec)["trainer"]
    resources = container_of(spec, trainer)["resources"]
    # All backends read the numbers, only newer ones the strings.
    assert resources["cpuLimit"] == resources["cpuRequest"] == 7.0
    assert resources["memoryLimit"] == pytest.approx(30 * 1024**3 / 1e9)
    assert resources["accelerator"].items() >= {"count": "2", "type": "nvidia.com/gpu"}.items()
    assert trainer["retryPolicy"]["maxRetryCount"] == 5
    asked = platform["exec-trainer"]
    assert asked["activeDeadlineSeconds"] == "99"
    assert asked["nodeSelector"] == {"labels": {"pool": "gpu"}}
    assert asked["tolerations"] == [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}]
    assert asked["imagePullSecret"] == [{"secretName": "registry"}]
    assert asked["pvcMount"] == [{"constant": "mainline", "mountPath": "/mnt/mainline"}]
    others = platform["exec-pusher"]
    assert "nodeSelector" not in others
    assert "tolerations" not in others
    assert "accelerator" not in container_of(spec, graph_tasks(spec)["pusher"])["resources"]


def test_no_password_is_in_the_package(monkeypatch):
    monkeypatch.setenv("MAINLINE_METADATA_PASSWORD", "correct-horse")
    package = make_package(config_of())
    assert "correct-horse" not in package.text
    env = documents(package)[1]["exec-trainer"]["secretAsEnv"]
    assert env == [{"secretName": "mainline-metadata",
                    "keyToEnv": [{"secretKey": "password", "envVar": "MAINLINE_METADATA_PASSWORD"}]}]  # fmt: skip


def test_settings_are_parameters_with_the_values_of_the_config():
    config = config_of("census", "kubeflow.parameters=[training.epochs, training.optimizer]", "training.epochs=3")
    package = make_package(config)
    assert package.parameters == {"training_epochs": 3, "training_optimizer": "adamw"}
    inputs = documents(package)[0]["root"]["inputDefinitions"]["parameters"]
    assert inputs["training_epochs"] == {
        "defaultValue": 3.0, "isOptional": True, "parameterType": "NUMBER_INTEGER",
    }  # fmt: skip
    assert inputs["training_optimizer"]["parameterType"] == "STRING"
    assert json.loads(inputs["config"]["defaultValue"])["training"]["epochs"] == 3
    trainer = container_of(documents(package)[0], graph_tasks(documents(package)[0])["trainer"])
    at = trainer["args"].index("training.epochs")
    assert trainer["args"][at - 1 : at + 2] == [
        "--parameter", "training.epochs", "{{$.inputs.parameters['training_epochs']}}",
    ]  # fmt: skip


def test_all_attempts_of_a_node_may_take_as_long_as_the_config_says():
    """The limit of the pauses in the spec is the limit of all attempts together in Argo."""
    spec, _ = documents(make_package(config_of("census", "kubeflow.pods.Trainer={retries: 3, timeout_s: 50000}")))
    policies = [task["retryPolicy"] for task in graph_tasks(spec).values()]
    assert {int(policy["backoffMaxDuration"].removesuffix("s")) for policy in policies} == {4 * 50_000 + 240}


def test_the_time_limit_does_not_depend_on_what_the_sdk_writes(monkeypatch):
    from kfp.dsl import structures

    original = structures.RetryPolicy.to_proto

    def to_proto(policy):
        proto = original(policy)
        proto.backoff_max_duration.FromSeconds(1800)
        return proto

    expected = make_package(config_of()).text
    monkeypatch.setattr(structures.RetryPolicy, "to_proto", to_proto)
    assert make_package(config_of()).text == expected


def test_a_compiler_that_changes_the_time_limit_is_an_error(monkeypatch):
    from kfp import compiler

    original = compiler.Compiler.compile

    def compile_with_cap(self, pipeline, path):
        original(self, pipeline, path)
        text = Path(path).read_text()
        assert "backoffMaxDuration: " in text
        Path(path).write_text(re.sub(r"backoffMaxDuration: \d+s", "backoffMaxDuration: 3600.0s", text))

    monkeypatch.setattr(compiler.Compiler, "compile", compile_with_cap)
    with pytest.raises(MainlineError, match="changed the time limit of retries") as caught:
        make_package(config_of())
    assert "backoffMaxDuration: 259320s" in str(caught.value)
    assert "3600.0s" in caught.value.received


def test_optional_nodes_are_in_the_package():
    sets = ("release.review=required", "training.warm_start=latest_blessed",
            "tuning={trials: 2, ranges: {training.learning_rate: {low: 1e-4, high: 1e-2}}}")  # fmt: skip
    assert {"Tuner", "WarmStart", "Approval"} <= set(make_package(config_of("census", *sets)).nodes)


@pytest.mark.parametrize(
    ("sets", "where", "said"),
    [
        (("kubeflow.pods.Trainr={cpu: '1'}",), "kubeflow.pods.Trainr", "Did you mean 'Trainer'?"),
        (("kubeflow.parameters=[training.epoch]",), "kubeflow.parameters", "training.epoch"),
        (("kubeflow.parameters=[training.model]",), "kubeflow.parameters", "not a single value"),
        (("data.dataset=null", "data.path=rows"), "data.path", "below /mnt/mainline"),
    ],
)
def test_an_invalid_config_for_pods_is_refused(sets, where, said):
    with pytest.raises(ConfigError) as caught:
        make_package(config_of("census", *sets))
    assert caught.value.where == where
    assert said in str(caught.value)


def test_an_image_is_required():
    with pytest.raises(ConfigError, match=r"kubeflow\.image") as caught:
        make_package(load_config("census", (), env="kubeflow"))
    assert "--image" in str(caught.value)


def test_a_root_outside_the_volume_is_refused():
    with pytest.raises(ConfigError, match="would be lost with the pod"):
        config_of("census", "kubeflow.root=/data/runs")


def test_the_same_config_gives_the_same_text():
    assert make_package(config_of()).digest == make_package(config_of()).digest
    assert make_package(config_of("census", "training.epochs=3")).digest != make_package(config_of()).digest
    assert parameters_of(config_of()) == make_package(config_of()).parameters


def test_a_change_shows_in_review(package):
    """Compare the text with the one in git, without the version of the SDK."""
    text = re.sub(r"^sdkVersion: .*$", "sdkVersion: kfp", package.text, flags=re.MULTILINE)
    path = GOLDEN / f"{package.name}.yaml"
    if os.environ.get("MAINLINE_WRITE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), f"The package has changed. If that is intended: {REWRITE}"


def test_code_of_pods_never_imports_kfp():
    code = (
        "import sys, pipeline.kubeflow.pod.run_node, pipeline.kubeflow.pod.node_graph, "
        "pipeline.kubeflow.pod.exit_handler, pipeline.kubeflow.pod.kfp_outputs, pipeline.run.summary.report; "
        "print('kfp' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "False", done.stderr


def test_compiled_steps_on_several_workers_need_gpus_in_their_pods():
    sets = ("training.jit_compile=true", "training.strategy=multi_worker", "training.workers=2")
    with pytest.raises(ConfigError, match="XLA cannot reduce the gradients") as caught:
        make_package(config_of("census", *sets))
    assert "kubeflow.pods.Workers" in str(caught.value)
    make_package(config_of("census", *sets, "kubeflow.pods.Workers.gpu=1"))
