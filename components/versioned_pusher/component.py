"""Pusher with versions that only grow and an optional review."""

from typing import Literal

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.proto import pusher_pb2
from tfx.types import standard_artifacts
from tfx.types import standard_component_specs as standard
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.artifacts.types import ReviewDecision, SliceReport
from components.versioned_pusher.driver import Driver
from components.versioned_pusher.executor import Executor
from components.versioned_pusher.inputs import DECISION, HELD, PUSHED_BY, REPORT, REVIEW
from pipeline.errors import InputError


class VersionedPusherSpec(ComponentSpec):
    """Inputs, outputs and parameters, with keys as in TFX's PusherSpec."""

    PARAMETERS = {  # noqa: RUF012
        standard.PUSH_DESTINATION_KEY: ExecutionParameter(type=pusher_pb2.PushDestination),
        REVIEW: ExecutionParameter(type=str),
        PUSHED_BY: ExecutionParameter(type=str, optional=True),
        HELD: ExecutionParameter(type=str, optional=True),
    }
    INPUTS = {  # noqa: RUF012
        standard.MODEL_KEY: ChannelParameter(type=standard_artifacts.Model),
        standard.MODEL_BLESSING_KEY: ChannelParameter(type=standard_artifacts.ModelBlessing),
        REPORT: ChannelParameter(type=SliceReport, optional=True),
        DECISION: ChannelParameter(type=ReviewDecision, optional=True),
    }
    OUTPUTS = {  # noqa: RUF012
        standard.PUSHED_MODEL_KEY: ChannelParameter(type=standard_artifacts.PushedModel)
    }
    TYPE_ANNOTATION = standard.PusherSpec.TYPE_ANNOTATION


class VersionedPusher(base_component.BaseComponent):
    """Pusher of blessed models as new versions; with a review, only after the report is approved.

    A model that a reviewer rejected or took out of serving is not pushed, whether or not a review is required.
    The cache answers only while the pushed model is the one that is served.

    Args:
        model: output of Trainer.
        model_blessing: output of Evaluator.
        push_destination: the folder of the versions.
        review: ``required`` to wait for an approval, ``none`` to push every blessed model.
        report: the report on the model; a review needs it.
        decision: the decision on the report, or nothing yet; a review needs it.

    Raises:
        InputError: ``review`` has another value, or ``report`` or ``decision`` is missing.
    """

    SPEC_CLASS = VersionedPusherSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)
    DRIVER_CLASS = Driver

    def __init__(
        self,
        model: types.BaseChannel,
        model_blessing: types.BaseChannel,
        push_destination: pusher_pb2.PushDestination,
        review: Literal["none", "required"] = "none",
        report: types.BaseChannel | None = None,
        decision: types.BaseChannel | None = None,
    ) -> None:
        if review not in ("none", "required"):
            raise InputError("VersionedPusher.review", "no such review", expected="none, required", received=review)
        if review == "required" and (report is None or decision is None):
            raise InputError("VersionedPusher.review", "review: required needs the channels report and decision")
        pushed = types.Channel(type=standard_artifacts.PushedModel)
        spec = VersionedPusherSpec(
            model=model, model_blessing=model_blessing, push_destination=push_destination, review=review,
            report=report, decision=decision, pushed_model=pushed,
        )  # fmt: skip
        super().__init__(spec=spec)
