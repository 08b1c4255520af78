"""Looks up the origin of the inputs in ML Metadata, which an executor on another machine cannot reach."""

from dataclasses import replace

from tfx.dsl.components.base import base_driver
from tfx.orchestration import metadata
from tfx.orchestration.portable import base_driver as portable
from tfx.orchestration.portable import data_types
from tfx.proto.orchestration import driver_output_pb2

from components.artifacts.record.models import blessed_before
from components.compat.tfx.executors import driver_metadata
from components.slice_report.trace import trace


class Driver(base_driver.BaseDriver, portable.BaseDriver):
    """A driver that passes the trace of the inputs to the executor, as a property that is part of the cache key."""

    def __init__(self, metadata_handle: metadata.Metadata) -> None:
        base_driver.BaseDriver.__init__(self, metadata_handle)
        portable.BaseDriver.__init__(self, metadata_handle)

    def run(self, execution_info: data_types.ExecutionInfo) -> driver_output_pb2.DriverOutput:
        """Run before TFX's launcher looks into the cache."""
        inputs = execution_info.input_dict
        baseline = [artifact.id for artifact in inputs.get("baseline_model", [])]
        ids = {artifact.id for artifacts in inputs.values() for artifact in artifacts} - set(baseline)
        with driver_metadata(self) as handle:
            found = trace(handle.store, ids, baseline[0] if baseline else None)
            if not baseline:
                pipeline = execution_info.pipeline_info.id
                model = max((artifact.id for artifact in inputs.get("model", [])), default=0)
                found = replace(found, blessed_before=blessed_before(handle.store, pipeline, model))
        result = driver_output_pb2.DriverOutput()
        result.exec_properties["trace"].string_value = found.as_json()
        return result
