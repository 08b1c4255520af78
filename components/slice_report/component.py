"""The report on a model, as a node downstream of Evaluator. It also runs for a model that is not blessed."""

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.artifacts.types import GateVerdict
from components.artifacts.types import SliceReport as ReportArtifact
from components.slice_report.driver import Driver
from components.slice_report.executor import Executor
from components.slice_report.settings import Settings


class SliceReportSpec(ComponentSpec):
    """Inputs and outputs of the component."""

    PARAMETERS = {  # noqa: RUF012
        "settings": ExecutionParameter(type=str),
        "trace": ExecutionParameter(type=str, optional=True),
    }
    INPUTS = {  # noqa: RUF012
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "statistics": ChannelParameter(type=standard_artifacts.ExampleStatistics),
        "schema": ChannelParameter(type=standard_artifacts.Schema),
        "verdict": ChannelParameter(type=GateVerdict),
        "model": ChannelParameter(type=standard_artifacts.Model),
        "model_run": ChannelParameter(type=standard_artifacts.ModelRun),
        "evaluation": ChannelParameter(type=standard_artifacts.ModelEvaluation),
        "blessing": ChannelParameter(type=standard_artifacts.ModelBlessing),
        "baseline_model": ChannelParameter(type=standard_artifacts.Model, optional=True),
    }
    OUTPUTS = {"report": ChannelParameter(type=ReportArtifact)}  # noqa: RUF012


class SliceReport(base_component.BaseComponent):
    """Writes ``report.json``, ``index.html`` and ``model_card.md``.

    Args:
        settings: the config of the report.
        inputs: a channel for each input of the spec; ``baseline_model`` may be left out.
    """

    SPEC_CLASS = SliceReportSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)
    DRIVER_CLASS = Driver

    def __init__(self, settings: Settings, **inputs: types.BaseChannel) -> None:
        report = types.Channel(type=ReportArtifact)
        super().__init__(spec=SliceReportSpec(settings=settings.as_json(), report=report, **inputs))
