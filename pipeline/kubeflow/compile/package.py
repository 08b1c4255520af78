"""The package that is uploaded to Kubeflow Pipelines: the graph of a config as a pipeline of containers."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.distributed_trainer.xla_support import check_compiled
from pipeline.config.root import Config
from pipeline.errors import ConfigError, did_you_mean
from pipeline.kubeflow.compile.pipeline_spec import render
from pipeline.kubeflow.graph_nodes import EXIT_HANDLER, WORKERS, graph_nodes
from pipeline.kubeflow.parameters import parameters_of
from pipeline.kubeflow.volume_paths import rows_folder
from pipeline.nodes import TRAINER


@dataclass(frozen=True)
class Package:
    """A compiled pipeline.

    Attributes:
        name: of the pipeline, valid for Argo.
        text: YAML: the pipeline spec, then the platform spec as a second document.
        parameters: the defaults of the pipeline's parameters, by their names in Kubeflow Pipelines.
        nodes: the ids of the graph's nodes, in topological order.
    """

    name: str
    text: str
    parameters: Mapping[str, Any]
    nodes: tuple[str, ...]

    @property
    def digest(self) -> str:
        """The first twelve hex digits of the SHA-256 of the text."""
        return hashlib.sha256(self.text.encode("utf-8")).hexdigest()[:12]


def make_package(config: Config) -> Package:
    """Compile a config.

    Raises:
        ConfigError: no image, an unknown node or setting in ``kubeflow``, or rows that pods cannot reach.
    """
    if not config.kubeflow.image:
        raise ConfigError(
            "kubeflow.image", "required key is missing", expected="the image that every pod runs, by its digest",
            next_step="Build it from deploy/Dockerfile.pipeline, and pass --image REGISTRY/NAME@sha256:...",
        )  # fmt: skip
    rows_folder(config)
    nodes = graph_nodes(config)
    ids = tuple(node.id for node in nodes)
    check_pod_names(config, ids)
    pod = WORKERS if config.training.backend == "kubernetes" else TRAINER
    gpus = bool(config.kubeflow.pod_of(pod).gpu)
    check_compiled(config.training.strategy, config.training.jit_compile, gpus, f"kubeflow.pods.{pod}")
    parameters = parameters_of(config)
    return Package(config.name, render(config, nodes, parameters), parameters, ids)


def check_pod_names(config: Config, nodes: tuple[str, ...]) -> None:
    """Check the names in ``kubeflow.pods``.

    Raises:
        ConfigError: a name that is not a pod of this pipeline.
    """
    known = (*nodes, EXIT_HANDLER, WORKERS)
    for name in config.kubeflow.pods:
        if name not in known:
            problem = f"no such node. {did_you_mean(name, known)}".rstrip()
            raise ConfigError(f"kubeflow.pods.{name}", problem, expected=", ".join(known))
