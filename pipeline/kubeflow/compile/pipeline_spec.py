"""The graph as a pipeline spec, by the DSL of Kubeflow Pipelines.

One container per node runs ``pipeline.kubeflow.pod.run_node``; one more runs at the end, whatever came before it. All
that a pod needs to know is a parameter, so that a run, or a recurring run, can change it.
https://www.kubeflow.org/docs/components/pipelines/user-guides/components/container-components/
"""

import inspect
import json
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from components.compat.kubernetes import without_validation
from pipeline.config.kubeflow import Pod
from pipeline.config.root import Config
from pipeline.errors import MainlineError
from pipeline.kubeflow.compile.platform_spec import platform_config
from pipeline.kubeflow.graph_nodes import EXIT_HANDLER, GraphNode
from pipeline.kubeflow.parameters import parameter_name, value_at
from pipeline.nodes import EVALUATOR

# The SDK imports the Kubernetes client.
with without_validation():
    from kfp import compiler, dsl

# Artifacts that a node shows on its page, by the option that passes their path to the pod.
SHOWN_ARTIFACTS: Mapping[str, Mapping[str, type]] = {
    EVALUATOR: {"markdown": dsl.Markdown, "metrics": dsl.Metrics},
    EXIT_HANDLER: {"markdown": dsl.Markdown, "html": dsl.HTML},
}
RUN_NODE, RUN_EXIT_HANDLER = "pipeline.kubeflow.pod.run_node", "pipeline.kubeflow.pod.exit_handler"
FIRST_PAUSE_S, PAUSE_FACTOR = 30, 2.0
YEAR_S = 365 * 86_400
YamlLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def render(config: Config, nodes: tuple[GraphNode, ...], parameters: Mapping[str, Any]) -> str:
    """The pipeline as YAML: the pipeline spec, then the platform spec as a second document.

    Raises:
        MainlineError: the compiler of the SDK changed the time limit of retries.
    """
    defaults = {
        "config": json.dumps(config.model_dump(mode="json", exclude_defaults=True)),
        "overrides": "{}",
        **parameters,
    }
    components = {node.id: container(config, node) for node in nodes}
    exit_handler = container(config, GraphNode(EXIT_HANDLER, ()))

    def graph(*channels: Any) -> None:
        arguments = {"run": dsl.PIPELINE_JOB_ID_PLACEHOLDER, **dict(zip(defaults, channels, strict=True))}
        exit_task = configured(exit_handler(**arguments), config, EXIT_HANDLER)
        with dsl.ExitHandler(exit_task, name="Graph"):
            tasks: dict[str, Any] = {}
            for node in nodes:
                tasks[node.id] = configured(components[node.id](**arguments), config, node.id)
                tasks[node.id].after(*(tasks[upstream] for upstream in node.upstream))

    pipeline = pipeline_of(graph, defaults, config)
    limit_s = retry_limit_s(config, nodes)
    set_retry_limit(pipeline.pipeline_spec, limit_s)
    text = compile_text(pipeline)
    check_retry_limit(text, limit_s)
    return text


def retry_limit_s(config: Config, nodes: tuple[GraphNode, ...]) -> int:
    """The longest time in seconds that all attempts of a node may take together.

    Kubeflow Pipelines documents ``backoff_max_duration`` as a limit of the pauses. For Argo it is the time since the
    start of the first attempt after which no other attempt starts or continues.
    https://argo-workflows.readthedocs.io/en/latest/retries/#back-off
    """
    pods = [config.kubeflow.pod_of(node.id) for node in nodes]
    return max(
        (1 + (pod.retries or 0)) * (pod.timeout_s or YEAR_S) + int(FIRST_PAUSE_S * PAUSE_FACTOR ** (pod.retries or 0))
        for pod in pods
    )


def set_retry_limit(spec: Any, limit_s: int) -> None:
    """Set the limit in the retry policies of a ``PipelineSpec``; the DSL would cap it at one hour."""
    for component in (spec.root, *spec.components.values()):
        for task in component.dag.tasks.values():
            if task.HasField("retry_policy"):
                task.retry_policy.backoff_max_duration.FromSeconds(limit_s)


def check_retry_limit(text: str, limit_s: int) -> None:
    """Check the limit in compiled YAML: with another one, Argo would stop long trainings early.

    Raises:
        MainlineError: a retry policy has another limit.
    """
    spec = next(yaml.load_all(text, YamlLoader))
    for name, policy in retry_policies(spec):
        if policy.get("backoffMaxDuration") != f"{limit_s}s":
            raise MainlineError(
                f"compile, task {name}", "the SDK of Kubeflow Pipelines changed the time limit of retries",
                expected=f"backoffMaxDuration: {limit_s}s", received=str(policy),
                next_step="Install the version of kfp in requirements/lock.txt.",
            )  # fmt: skip


def retry_policies(spec: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The name and the retry policy of each task that has one."""
    for component in (spec["root"], *spec["components"].values()):
        for name, task in component.get("dag", {}).get("tasks", {}).items():
            if "retryPolicy" in task:
                yield name, task["retryPolicy"]


def pipeline_of(function: Callable[..., None], defaults: Mapping[str, Any], config: Config) -> Any:
    """Compile a function into a pipeline whose parameters have these names and defaults."""
    signature = [parameter(name, type(default), default) for name, default in defaults.items()]
    function.__signature__ = inspect.Signature(signature)  # type: ignore[attr-defined]
    return dsl.pipeline(name=config.name, description=f"Mainline: {config.workload}")(function)


def parameter(name: str, kind: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    """A parameter of a function whose signature the DSL reads."""
    return inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=kind, default=default)


def container(config: Config, node: GraphNode) -> Any:
    """The container component of a node: its command, its inputs, and the artifacts that it shows."""
    kinds: dict[str, Any] = {"run": str, "config": str, "overrides": str}
    kinds |= {name: kind for name, (_, kind) in named_parameters(config).items()}
    kinds |= {name: dsl.Output[kind] for name, kind in SHOWN_ARTIFACTS.get(node.id, {}).items()}

    def body(*channels: Any) -> dsl.ContainerSpec:
        return dsl.ContainerSpec(
            image=config.kubeflow.image,
            command=["python", "-m", RUN_EXIT_HANDLER if node.id == EXIT_HANDLER else RUN_NODE],
            args=arguments_of(config, node, dict(zip(kinds, channels, strict=True))),
        )

    signature = [parameter(name, kind) for name, kind in kinds.items()]
    body.__signature__ = inspect.Signature(signature)  # type: ignore[attr-defined]
    body.__name__ = snake_case(node.id)
    return dsl.container_component(body)


def named_parameters(config: Config) -> dict[str, tuple[str, type]]:
    """The key in the config and the type of each parameter, by its name in Kubeflow Pipelines."""
    return {parameter_name(key): (key, type(value_at(config, key))) for key in config.kubeflow.parameters}


def arguments_of(config: Config, node: GraphNode, channels: Mapping[str, Any]) -> list[Any]:
    """The arguments of a container. The backend cannot concatenate, so options and values are separate."""
    arguments = [] if node.id == EXIT_HANDLER else ["--node", node.id, "--after", ",".join(node.upstream)]
    for name in ("run", "config", "overrides"):
        arguments += [f"--{name}", channels[name]]
    for name, (key, _) in named_parameters(config).items():
        arguments += ["--parameter", key, channels[name]]
    for name in SHOWN_ARTIFACTS.get(node.id, {}):
        arguments += [f"--{name}", channels[name].path]
    if "metrics" in SHOWN_ARTIFACTS.get(node.id, {}):
        arguments += ["--executor-output", dsl.PIPELINE_TASK_EXECUTOR_OUTPUT_PATH_PLACEHOLDER]
    return arguments


def configured(task: Any, config: Config, node: str) -> Any:
    """Set the display name, retries and resources of a task, and return it."""
    pod = config.kubeflow.pod_of(node)
    task.set_display_name(node)
    # TFX has its own cache; a second one would return stale results.
    task.set_caching_options(enable_caching=False)
    if pod.retries:
        task.set_retry(
            num_retries=pod.retries, backoff_duration=f"{FIRST_PAUSE_S}s", backoff_factor=PAUSE_FACTOR,
            backoff_max_duration="3600s",
        )  # fmt: skip
    set_resources(task, pod)
    task.platform_config["kubernetes"] = platform_config(config.kubeflow, pod)
    return task


def set_resources(task: Any, pod: Pod) -> None:
    """Set the requests and limits of a task: cores, memory and accelerators."""
    if pod.cpu:
        task.set_cpu_request(pod.cpu).set_cpu_limit(pod.cpu)
    if pod.memory:
        task.set_memory_request(pod.memory).set_memory_limit(pod.memory)
    if pod.gpu:
        task.set_accelerator_type(pod.gpu_type or "nvidia.com/gpu").set_accelerator_limit(pod.gpu)


def snake_case(node: str) -> str:
    """A node id as the name of a function.

    >>> snake_case("ImportSchemaGen")
    'import_schema_gen'
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", node).lower()


def compile_text(pipeline: Any) -> str:
    """The YAML of a pipeline; the compiler of the SDK only writes files."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pipeline.yaml"
        compiler.Compiler().compile(pipeline, str(path))
        return path.read_text(encoding="utf-8")
