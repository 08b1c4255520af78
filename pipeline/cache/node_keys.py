"""Add to TFX's cache key of each node the code that it runs and the versions of libraries.

TFX hashes the dotted path of an executor and of a user's function, which stay the same when the code behind them
changes (tfx/orchestration/portable/cache_utils.py). It also hashes all execution properties, so that is where both go;
ML Metadata then records with every execution which code and which libraries made its outputs.
"""

from collections.abc import Iterator

from google.protobuf import message
from tfx.orchestration.local import runner_utils
from tfx.proto.orchestration import local_deployment_config_pb2, pipeline_pb2

from pipeline.cache.bytecode import DOTTED_NAME
from pipeline.cache.library_versions import library_versions
from pipeline.cache.source_tree import SourceTree

CODE, LIBRARIES = "code_digest", "library_versions"
# Parameters that name a function of the workload, which may be an installed package.
USER_FUNCTIONS = ("preprocessing_fn", "run_fn")


def add_code_to_keys(ir: pipeline_pb2.Pipeline, tree: SourceTree | None = None) -> None:
    """Give every node that has an executor the two properties; resolvers, which are never cached, get none.

    Args:
        ir: a compiled pipeline, which is changed.
        tree: our code; by default that of this installation.
    """
    deployment = runner_utils.extract_local_deployment_config(ir)
    nodes = [node.pipeline_node for node in ir.nodes]
    tree = tree or SourceTree(user_packages={name.split(".")[0] for node in nodes for name in user_functions(node)})
    for node in nodes:
        classes = list(executed_classes(deployment, node.node_info.id))
        if classes:
            closure = tree.closure([*classes, *user_functions(node)], named_in_parameters(node))
            parameters = node.parameters.parameters
            parameters[CODE].field_value.string_value = tree.digest_of(closure)
            parameters[LIBRARIES].field_value.string_value = library_versions(closure.libraries)


def executed_classes(deployment: local_deployment_config_pb2.LocalDeploymentConfig, node: str) -> Iterator[str]:
    """Yield the dotted paths of the executor and of the driver of a node, as far as it has them."""
    specs = (
        runner_utils.extract_executor_spec(deployment, node), runner_utils.extract_custom_driver_spec(deployment, node)
    )  # fmt: skip
    yield from (class_path(spec) for spec in specs if spec is not None)


def class_path(spec: message.Message) -> str:
    """Return the dotted path of an executor or a driver; Beam's spec wraps the one of Python."""
    return str(getattr(spec, "python_executor_spec", spec).class_path)


def user_functions(node: pipeline_pb2.PipelineNode) -> Iterator[str]:
    """Yield the dotted paths of the workload's functions that a node calls."""
    parameters = node.parameters.parameters
    yield from (parameters[name].field_value.string_value for name in USER_FUNCTIONS if name in parameters)


def named_in_parameters(node: pipeline_pb2.PipelineNode) -> Iterator[str]:
    """Yield the parameters of a node that are dotted names, such as ``run_fn``."""
    values = (value.field_value.string_value for value in node.parameters.parameters.values())
    yield from (value for value in values if DOTTED_NAME.fullmatch(value))
