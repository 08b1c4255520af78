"""The gate between data and training: ExampleValidator reports anomalies, this node fails the run on them."""

import json
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.artifacts.types import GateVerdict
from components.validation_gate.executor import Executor


class ValidationGateSpec(ComponentSpec):
    """Anomalies and the data they were found in, to a verdict."""

    PARAMETERS = {  # noqa: RUF012
        "block_on": ExecutionParameter(type=str),
        "accept": ExecutionParameter(type=str),
        "labels": ExecutionParameter(type=str),
    }
    INPUTS = {  # noqa: RUF012
        "anomalies": ChannelParameter(type=standard_artifacts.ExampleAnomalies),
        "statistics": ChannelParameter(type=standard_artifacts.ExampleStatistics),
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "schema": ChannelParameter(type=standard_artifacts.Schema),
    }
    OUTPUTS = {"verdict": ChannelParameter(type=GateVerdict)}  # noqa: RUF012


class ValidationGate(base_component.BaseComponent):
    """Fails the run if the data breaks the schema, or if the task cannot learn from its labels.

    Args:
        anomalies: output of ExampleValidator.
        block_on: the lowest severity that blocks, ``warning`` or ``error``.
        accept: anomalies to accept, each with feature, rule, reason and splits.
        labels: the fields of ``components.data_validation.labels.Labels``; None without a label column.
        inputs: ``statistics``, ``examples`` and ``schema``, to find values that the statistics do not list.
    """

    SPEC_CLASS = ValidationGateSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        anomalies: types.BaseChannel,
        block_on: str,
        accept: list[dict[str, Any]],
        labels: dict[str, Any] | None,
        **inputs: types.BaseChannel,
    ) -> None:
        spec = ValidationGateSpec(
            anomalies=anomalies,
            block_on=block_on,
            accept=json.dumps(accept, sort_keys=True),
            labels=json.dumps(labels, sort_keys=True),
            verdict=types.Channel(type=GateVerdict),
            **inputs,
        )
        super().__init__(spec=spec)
