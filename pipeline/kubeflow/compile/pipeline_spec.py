"""The graph as a pipeline of containers, by the DSL of Kubeflow Pipelines.

One container per node runs ``pipeline.kubeflow.pod.run_node``; one more runs at the end, whatever came before it. What
a pod needs to know is a parameter, so that a run, or a recurring run, can change it.
https://www.kubeflow.org/docs/components/pipelines/user-guides/components/container-components/
"""

import inspect
import json
import re
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from components.compat.kubernetes import without_validation
from pipeline.config.kubeflow import Pod
from pipeline.config.root import Config
from pipeline.kubeflow.compile.platform_spec import platform_config
from pipeline.kubeflow.graph_nodes import FINISH, Step
from pipeline.kubeflow.parameters import parameter_name, value_at
from pipeline.nodes import EVALUATOR

# The SDK imports the Kubernetes client.
with without_validation():
    from kfp import compiler, dsl

# What a node shows on its page in Kubeflow Pipelines, beside its log: output by the option that names its file.
SHOWN: Mapping[str, Mapping[str, type]] = {
    EVALUATOR: {"markdown": dsl.Markdown, "metrics": dsl.Metrics},
    FINISH: {"markdown": dsl.Markdown, "html": dsl.HTML},
}
MODULES = {FINISH: "pipeline.kubeflow.pod.exit_handler"}
FIRST_PAUSE_S, PAUSE_FACTOR = 30, 2.0
# The longest that the SDK writes, whatever it is told.
SDK_LONGEST, YEAR_S = "backoffMaxDuration: 3600s", 365 * 86_400


def render(config: Config, steps: tuple[Step, ...], parameters: Mapping[str, Any]) -> str:
    """The pipeline as YAML: pipeline spec, and platform spec as a second document."""
    given = {
        "config": json.dumps(config.model_dump(mode="json", exclude_defaults=True)),
        "overrides": "{}",
        **parameters,
    }
    tasks = {step.node: container(config, step) for step in steps}
    finish = container(config, Step(FINISH, ()))

    def graph(*channels: Any) -> None:
        arguments = {"run": dsl.PIPELINE_JOB_ID_PLACEHOLDER, **dict(zip(given, channels, strict=True))}
        end = settled(finish(**arguments), config, FINISH)
        with dsl.ExitHandler(end, name="Graph"):
            made: dict[str, Any] = {}
            for step in steps:
                made[step.node] = settled(tasks[step.node](**arguments), config, step.node)
                made[step.node].after(*(made[node] for node in step.after))

    text = compile_text(pipeline_of(graph, given, config))
    return text.replace(SDK_LONGEST, f"backoffMaxDuration: {longest_s(config, steps)}s")


def longest_s(config: Config, steps: tuple[Step, ...]) -> int:
    """How long all tries of a node may take together.

    What Kubeflow Pipelines calls the longest pause is for Argo the time from the start of the first try, after which no
    other one begins and none goes on: an hour would cut every long training short.
    https://argo-workflows.readthedocs.io/en/latest/retries/#back-off
    """
    pods = [config.kubeflow.pod_of(step.node) for step in steps]
    return max(
        (1 + (pod.retries or 0)) * (pod.timeout_s or YEAR_S) + int(FIRST_PAUSE_S * PAUSE_FACTOR ** (pod.retries or 0))
        for pod in pods
    )


def pipeline_of(function: Callable[..., None], given: Mapping[str, Any], config: Config) -> Any:
    """A pipeline of a function whose parameters are only known now; ``given`` are their defaults."""
    signed = [parameter(name, type(default), default) for name, default in given.items()]
    function.__signature__ = inspect.Signature(signed)  # type: ignore[attr-defined]
    return dsl.pipeline(name=config.name, description=f"Mainline: {config.workload}")(function)


def parameter(name: str, kind: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    """A parameter of a function that the DSL reads by its signature."""
    return inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=kind, default=default)


def container(config: Config, step: Step) -> Any:
    """The component of a node: its command, its inputs, what it shows."""
    shown = SHOWN.get(step.node, {})
    kinds: dict[str, Any] = {"run": str, "config": str, "overrides": str}
    kinds |= {name: kind for name, (_, kind) in named_parameters(config).items()}
    kinds |= {name: dsl.Output[kind] for name, kind in shown.items()}

    def body(*channels: Any) -> dsl.ContainerSpec:
        return dsl.ContainerSpec(
            image=config.kubeflow.image,
            command=["python", "-m", MODULES.get(step.node, "pipeline.kubeflow.pod.run_node")],
            args=arguments_of(config, step, dict(zip(kinds, channels, strict=True))),
        )

    signed = [parameter(name, kind) for name, kind in kinds.items()]
    body.__signature__ = inspect.Signature(signed)  # type: ignore[attr-defined]
    body.__name__ = snake(step.node)
    return dsl.container_component(body)


def named_parameters(config: Config) -> dict[str, tuple[str, type]]:
    """By name in Kubeflow Pipelines: the key of the config, and the type of its value."""
    return {parameter_name(key): (key, type(value_at(config, key))) for key in config.kubeflow.parameters}


def arguments_of(config: Config, step: Step, given: Mapping[str, Any]) -> list[Any]:
    """The arguments of a container; the backend knows no concatenation, so each value is one of its own."""
    arguments = [] if step.node == FINISH else ["--node", step.node, "--after", ",".join(step.after)]
    for name in ("run", "config", "overrides"):
        arguments += [f"--{name}", given[name]]
    for name, (key, _) in named_parameters(config).items():
        arguments += ["--parameter", key, given[name]]
    for name in SHOWN.get(step.node, {}):
        arguments += [f"--{name}", given[name].path]
    if "metrics" in SHOWN.get(step.node, {}):
        arguments += ["--executor-output", dsl.PIPELINE_TASK_EXECUTOR_OUTPUT_PATH_PLACEHOLDER]
    return arguments


def settled(task: Any, config: Config, node: str) -> Any:
    """A task with its display name and all that its pod gets."""
    pod = config.kubeflow.pod_of(node)
    task.set_display_name(node)
    # TFX answers from its own cache: a second one above it would go stale.
    task.set_caching_options(enable_caching=False)
    if pod.retries:
        task.set_retry(
            num_retries=pod.retries,
            backoff_duration=f"{FIRST_PAUSE_S}s",
            backoff_factor=PAUSE_FACTOR,
            backoff_max_duration="3600s",
        )
    limit(task, pod)
    task.platform_config["kubernetes"] = platform_config(config.kubeflow, pod)
    return task


def limit(task: Any, pod: Pod) -> None:
    """Cores, memory and accelerators of a task."""
    if pod.cpu:
        task.set_cpu_request(pod.cpu).set_cpu_limit(pod.cpu)
    if pod.memory:
        task.set_memory_request(pod.memory).set_memory_limit(pod.memory)
    if pod.gpu:
        task.set_accelerator_type(pod.gpu_type or "nvidia.com/gpu").set_accelerator_limit(pod.gpu)


def snake(node: str) -> str:
    """A node id as the name of a function.

    >>> snake("ImportSchemaGen")
    'import_schema_gen'
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", node).lower()


def compile_text(pipeline: Any) -> str:
    """The YAML of a pipeline; the compiler of Kubeflow Pipelines only writes files."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pipeline.yaml"
        compiler.Compiler().compile(pipeline, str(path))
        return path.read_text(encoding="utf-8")
