"""Choose the earlier run whose nodes a partial run reuses: the latest one that ran them with the same settings.

The config, the report and the model card of a run describe how its model was made, so reused nodes must match them.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ml_metadata as mlmd
from ml_metadata.proto import metadata_store_pb2
from tfx.proto.orchestration import pipeline_pb2

from components.artifacts.metadata_store import node_name, producer
from pipeline.errors import ConfigError
from pipeline.nodes import (
    EVALUATOR,
    EXAMPLE_GEN,
    SCHEMA_IMPORT,
    SLICE_REPORT,
    TRAINER,
    TRANSFORM,
    TUNER,
    VALIDATION_GATE,
)
from pipeline.run.artifacts import OUTPUTS
from pipeline.run.executions import executions_of_run

Execution = metadata_store_pb2.Execution
SKIP = pipeline_pb2.NodeExecutionOptions.Skip
FINISHED = (Execution.COMPLETE, Execution.CACHED)
INPUTS = (metadata_store_pb2.Event.INPUT, metadata_store_pb2.Event.DECLARED_INPUT)
# The key of the config by node and prefix of the execution property; empty for a property that is no setting, such as a
# digest of code, a path or a record of all settings.
CONFIG_KEYS: Mapping[str, Mapping[str, str]] = {
    EXAMPLE_GEN: {
        "input_base": "data (the folder of the rows)",
        "settings.columns.others": "data.other_columns",
        "settings.columns": "schema",
        "settings.splitting": "data.split_by",
        "settings.layout": "",
        "settings": "data",
    },
    SCHEMA_IMPORT: {"schema_file": "schema"},
    VALIDATION_GATE: {"labels": "schema", "accept": "gate.accept", "block_on": "gate.block_on"},
    TRANSFORM: {"preprocessing_fn": "workload", "custom_config.source": "", "custom_config.domains": "schema"},
    TUNER: {
        "run_fn": "workload",
        "source": "",
        "training": "training",
        "settings.fixed": "",
        "settings": "tuning",
    },
    TRAINER: {
        "run_fn": "workload",
        "custom_config.source": "",
        "custom_config.labels": "",
        "custom_config.training": "training",
        "hyperparameters": "tuning",
        "base_model": "training.warm_start",
    },
    EVALUATOR: {"eval_config": "evaluation"},
    SLICE_REPORT: {
        "settings.config": "",
        "settings.sources": "",
        "settings.card": "",
        "settings.workload_package": "",
        "settings": "report",
    },
}
# Keys that are compared as a whole.
SINGLE_SETTINGS = (
    "schema",
    "workload",
    "data.split_by",
    "gate.accept",
    "evaluation",
    "report",
    "data (the folder of the rows)",
)
MISSING = "not given"


@dataclass(frozen=True)
class Difference:
    """A setting with which a reused node ran, and its value in this run."""

    node: str
    key: str
    ran_with: Any
    now: Any


def reuse_matching_run(store: mlmd.MetadataStore, ir: pipeline_pb2.Pipeline, run: str) -> None:
    """Set the earlier run that a partial run reuses: the latest with the same settings. A full run reuses none.

    If no earlier run has all nodes, TFX reports that.

    Raises:
        ConfigError: all runs that have the nodes ran them with other settings; the message has those of the latest.
    """
    taken = [node for node in (item.pipeline_node for item in ir.nodes) if is_reused(node)]
    latest: list[Difference] = []
    for earlier in earlier_runs(store, ir.pipeline_info.id, run) if taken else ():
        found = executions_of(store, earlier)
        if all(node.node_info.id in found for node in taken):
            differing = [item for node in taken for item in differences(store, node, found[node.node_info.id])]
            if not differing:
                ir.runtime_spec.snapshot_settings.base_pipeline_run_strategy.base_run_id = earlier
                return
            latest = latest or differing
    if latest:
        raise settings_differ(latest)


def is_reused(node: pipeline_pb2.PipelineNode) -> bool:
    """Whether this run reads the outputs of a node in an earlier run."""
    options = node.execution_options
    return options.skip.reuse_artifacts_mode == SKIP.REQUIRED if options.HasField("skip") else False


def earlier_runs(store: mlmd.MetadataStore, pipeline: str, run: str) -> list[str]:
    """The other runs of a pipeline, the latest first, by the clock of the store."""
    context = store.get_context_by_type_and_name("pipeline", pipeline)
    contexts = store.get_children_contexts_by_context(context.id) if context else []
    runs = [found for found in contexts if found.type == "pipeline_run" and found.name != run]
    return [found.name for found in sorted(runs, key=lambda found: (found.create_time_since_epoch, found.id))][::-1]


def executions_of(store: mlmd.MetadataStore, run: str) -> dict[str, int]:
    """The executions, by node, that produced the outputs of a run; they may belong to earlier runs."""
    whole = [execution for execution in executions_of_run(store, run) if execution.last_known_state in FINISHED]
    return {node_name(store, execution.id): origin(store, execution.id) for execution in whole}


def origin(store: mlmd.MetadataStore, execution: int) -> int:
    """The execution that produced the outputs of an execution, which may itself have been cached."""
    written = [event for event in store.get_events_by_execution_ids([execution]) if event.type in OUTPUTS]
    first = producer(store, written[0].artifact_id)[0] if written else None
    return execution if first is None else first


def differences(store: mlmd.MetadataStore, node: pipeline_pb2.PipelineNode, execution: int) -> Iterator[Difference]:
    """The settings of a node that differ from those of an execution."""
    (record,) = store.get_executions_by_id([execution])
    parameters = {name: value.field_value for name, value in node.parameters.parameters.items()}
    now = settings_of(node.node_info.id, parameters, inputs=())
    read = {event.path.steps[0].key for event in store.get_events_by_execution_ids([execution]) if event.type in INPUTS}
    before = settings_of(
        node.node_info.id,
        {name: value for name, value in record.custom_properties.items() if name in parameters},
        inputs=sorted(read - set(node.inputs.inputs)),
    )
    for key in sorted({*now, *before}):
        ran_with, wanted = before.get(key, MISSING), now.get(key, MISSING)
        if ran_with != wanted:
            yield Difference(node.node_info.id, key, ran_with, wanted)


def settings_of(node: str, parameters: Mapping[str, metadata_store_pb2.Value], inputs: Sequence[str]) -> dict[str, Any]:
    """The settings of a node by key of the config; ``inputs`` are the inputs that it only has because of a setting."""
    plain = {name: getattr(value, value.WhichOneof("value")) for name, value in parameters.items()}
    leaves = {**dict(flatten("", plain)), **dict.fromkeys(inputs, "given")}
    found: dict[str, Any] = {}
    for path, value in leaves.items():
        key = key_of(node, path)
        if key in SINGLE_SETTINGS:
            # The copy of a schema is named by its content, and lies below the root, which may have moved.
            is_file = path == "schema_file"
            found.setdefault(key, {})[path] = value.rsplit("/", 1)[-1] if is_file else value
        elif key:
            found[key] = value
    return found


def flatten(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The leaves of nested values by dotted path, including JSON inside texts.

    >>> dict(flatten("", {"a": '{"b": 1, "c": {"d": [2]}}', "custom_config": {"custom_config": {"settings": "x"}}}))
    {'a.b': 1, 'a.c.d': [2], 'settings': 'x'}
    """
    inner = as_mapping(value)
    if inner is None:
        yield path, value
        return
    for name, below in inner.items():
        # TFX wraps custom_config in itself.
        yield from flatten(name if name == "settings" else f"{path}.{name}".lstrip("."), below)


def as_mapping(value: Any) -> Mapping[str, Any] | None:
    """A mapping, or the mapping that a text has as JSON; None for anything else."""
    if isinstance(value, str) and value.startswith("{"):
        try:
            value = json.loads(value)
        except ValueError:
            return None
    return value if isinstance(value, Mapping) else None


def key_of(node: str, path: str) -> str:
    """The key of the config for a leaf; empty if the leaf is not a setting."""
    names = CONFIG_KEYS.get(node, {})
    start = max((name for name in names if f"{path}.".startswith(f"{name}.")), key=len, default=None)
    if start is None:
        return ""
    key = names[start]
    return key + path.removeprefix(start) if key and key not in SINGLE_SETTINGS else key


def settings_differ(differing: Sequence[Difference]) -> ConfigError:
    """The error for settings that differ from those with which the reused nodes ran."""
    by_key = {difference.key: difference for difference in reversed(differing)}
    ordered = [difference for difference in differing if by_key[difference.key] is difference]
    first = ordered[0]
    return ConfigError(
        "--from", "the nodes before it ran with other settings: " + ", ".join(item.key for item in ordered),
        expected=shown((item.key, item.ran_with) for item in ordered),
        received=shown((item.key, item.now) for item in ordered),
        next_step=f"Give the settings that they ran with, or run {first.node}, too: --from {first.node}, or no --from.",
    )  # fmt: skip


def shown(pairs: Iterator[tuple[str, Any]]) -> str:
    """Settings in one line; long ones are left out."""
    return ", ".join(f"{key}={json.dumps(value)}" for key, value in pairs if not isinstance(value, Mapping)) or "others"
