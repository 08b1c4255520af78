"""Looks up in ML Metadata what an executor, which may run on another machine, cannot."""

from tfx.dsl.components.base import base_driver
from tfx.orchestration import metadata
from tfx.orchestration.portable import base_driver as portable
from tfx.orchestration.portable import data_types
from tfx.proto.orchestration import driver_output_pb2

from components.compat.tfx.executors import driver_metadata
from components.slice_report.trace import trace


class Driver(base_driver.BaseDriver, portable.BaseDriver):
    """Gives the executor the trace of its inputs as the property ``trace``; it is part of the key of the cache."""

    def __init__(self, metadata_handle: metadata.Metadata) -> None:
        base_driver.BaseDriver.__init__(self, metadata_handle)
        portable.BaseDriver.__init__(self, metadata_handle)

    def run(self, execution_info: data_types.ExecutionInfo) -> driver_output_pb2.DriverOutput:
        """Called by TFX's launcher before it asks the cache."""
        inputs = execution_info.input_dict
        baseline = [artifact.id for artifact in inputs.get("baseline_model", [])]
        ids = {artifact.id for artifacts in inputs.values() for artifact in artifacts} - set(baseline)
        with driver_metadata(self) as handle:
            found = trace(handle.store, ids, baseline[0] if baseline else None)
        result = driver_output_pb2.DriverOutput()
        result.exec_properties["trace"].string_value = found.as_json()
        return result
