"""Checks what is served before the cache is asked, so that an outdated push is not answered from the cache."""

from typing import Any

from tfx import types
from tfx.components.util import model_utils
from tfx.dsl.components.base import base_driver
from tfx.orchestration import metadata
from tfx.orchestration.portable import base_driver as portable
from tfx.orchestration.portable import data_types
from tfx.proto.orchestration import driver_output_pb2
from tfx.types import artifact_utils
from tfx.types import standard_component_specs as specs

from components.versioned_pusher.inputs import DECISION, PUSHED_BY, REVIEW, destination, judged_digest, review_outcome
from components.versioned_pusher.versions import served

Artifacts = dict[str, list[types.Artifact]]


class Driver(base_driver.BaseDriver, portable.BaseDriver):
    """A driver that passes ``pushed_by`` to the executor, as a property that is part of the cache key."""

    def __init__(self, metadata_handle: metadata.Metadata) -> None:
        base_driver.BaseDriver.__init__(self, metadata_handle)
        portable.BaseDriver.__init__(self, metadata_handle)

    def run(self, execution_info: data_types.ExecutionInfo) -> driver_output_pb2.DriverOutput:
        """Run before TFX's launcher looks into the cache."""
        inputs, properties = execution_info.input_dict, execution_info.exec_properties
        result = driver_output_pb2.DriverOutput()
        result.exec_properties[PUSHED_BY].string_value = pushed_by(inputs, properties, execution_info.pipeline_run_id)
        return result


def pushed_by(inputs: Artifacts, properties: dict[str, Any], run: str) -> str:
    """Return the run that pushed the served model; this run, if another model is served.

    Empty if the model is not to be pushed.
    """
    if not is_due(inputs, properties):
        return ""
    found = served(destination(properties))
    return found.run if found is not None and found.digest == judged_digest(inputs) else run


def is_due(inputs: Artifacts, properties: dict[str, Any]) -> bool:
    """Return True if the model is blessed and, if a review is required, approved."""
    blessing = artifact_utils.get_single_instance(inputs[specs.MODEL_BLESSING_KEY])
    approved = properties.get(REVIEW, "none") == "none" or review_outcome(inputs.get(DECISION, [])) == "approved"
    return approved and model_utils.is_model_blessed(blessing)
