"""Names each private part of TFX's executors and drivers that is gone."""

import apache_beam as beam
import pytest
from tfx.components.pusher.executor import Executor as Pusher
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.orchestration.portable.base_driver import BaseDriver
from tfx.proto.orchestration import pipeline_pb2
from tfx.types import standard_artifacts

from components.compat.tfx import executors


class Executor(BaseBeamExecutor):
    def Do(self, input_dict, output_dict, exec_properties):
        """Nothing."""


def context(**details) -> BaseBeamExecutor.Context:
    return BaseBeamExecutor.Context(beam_pipeline_args=["--runner=DirectRunner"], **details)


def test_a_beam_pipeline_is_made():
    made = BaseBeamExecutor.Context(
        make_beam_pipeline_fn=lambda: beam.Pipeline(argv=["--no_direct_runner_use_stacked"])
    )
    assert isinstance(executors.beam_pipeline(Executor(made)), beam.Pipeline)


def test_pipeline_and_run_are_those_of_the_context():
    named = Executor(context(pipeline_info=pipeline_pb2.PipelineInfo(id="census"), pipeline_run_id="run-7"))
    assert (executors.pipeline_id(named), executors.run_id(named)) == ("census", "run-7")


def test_outside_a_pipeline_both_are_empty():
    assert (executors.pipeline_id(Executor(context())), executors.run_id(Executor(context()))) == ("", "")


def test_a_driver_has_the_connection_that_it_was_made_with():
    class Driver(BaseDriver):
        def run(self, execution_info):
            raise NotImplementedError

    connection = object()
    assert executors.driver_metadata(Driver(connection)) is connection


@pytest.mark.parametrize("pushes", [True, False])
def test_a_pushed_model_says_whether_and_where_it_was_pushed(pushes):
    pushed = standard_artifacts.PushedModel()
    if pushes:
        executors.mark_pushed(Pusher(context()), pushed, "/serving/3", "3")
        assert pushed.get_string_custom_property("pushed_destination") == "/serving/3"
        assert pushed.get_string_custom_property("pushed_version") == "3"
    else:
        executors.mark_not_pushed(Pusher(context()), pushed)
    assert pushed.get_int_custom_property("pushed") == int(pushes)
