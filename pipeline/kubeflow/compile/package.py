"""What Kubeflow Pipelines is given: the graph of a config as a pipeline of containers, one for each node."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.distributed_trainer.xla_support import check_compiled
from pipeline.config.root import Config
from pipeline.errors import ConfigError, did_you_mean
from pipeline.kubeflow.compile.pipeline_spec import render
from pipeline.kubeflow.graph_nodes import FINISH, WORKERS, steps_of
from pipeline.kubeflow.parameters import parameters_of
from pipeline.kubeflow.pod.run_folder import rows_folder
from pipeline.nodes import TRAINER


@dataclass(frozen=True)
class Package:
    """A compiled pipeline.

    Attributes:
        name: of the pipeline, as Argo allows it.
        text: the pipeline spec in YAML and, as a second document, the platform spec.
        parameters: the defaults of the pipeline's parameters, by the name that Kubeflow Pipelines has for them.
        nodes: of the graph, in topological order.
    """

    name: str
    text: str
    parameters: Mapping[str, Any]
    nodes: tuple[str, ...]

    @property
    def digest(self) -> str:
        """Twelve hex digits of the SHA-256 of the text."""
        return hashlib.sha256(self.text.encode("utf-8")).hexdigest()[:12]


def make_package(config: Config) -> Package:
    """Compiles a config.

    Raises:
        ConfigError: no image, a key of ``kubeflow`` that names no node or no setting, rows that pods cannot reach.
    """
    if not config.kubeflow.image:
        raise ConfigError(
            "kubeflow.image", "required key is missing", expected="the image that every pod runs, by its digest",
            next_step="Pass --image REGISTRY/NAME@sha256:...; deploy/Dockerfile.pipeline makes one.",
        )  # fmt: skip
    rows_folder(config)
    steps = steps_of(config)
    nodes = tuple(step.node for step in steps)
    check_pods(config, nodes)
    pod = WORKERS if config.training.backend == "kubernetes" else TRAINER
    gpus = bool(config.kubeflow.pod_of(pod).gpu)
    check_compiled(config.training.strategy, config.training.jit_compile, gpus, f"kubeflow.pods.{pod}")
    parameters = parameters_of(config)
    return Package(config.name, render(config, steps, parameters), parameters, nodes)


def check_pods(config: Config, nodes: tuple[str, ...]) -> None:
    """Every pod that the config describes must be one that there is.

    Raises:
        ConfigError: another name.
    """
    known = (*nodes, FINISH, WORKERS)
    for name in config.kubeflow.pods:
        if name not in known:
            raise ConfigError(
                f"kubeflow.pods.{name}", f"no such node. {did_you_mean(name, known)}", expected=", ".join(known)
            )
