"""Checks what is served before the cache is asked, so that an outdated push is not answered from the cache."""

from typing import Any

import ml_metadata as mlmd
from tfx import types
from tfx.components.util import model_utils
from tfx.dsl.components.base import base_driver
from tfx.orchestration import metadata
from tfx.orchestration.portable import base_driver as portable
from tfx.orchestration.portable import data_types
from tfx.proto.orchestration import driver_output_pb2
from tfx.types import artifact_utils
from tfx.types import standard_component_specs as specs

from components.artifacts.record.decisions import decision_on, decision_records
from components.artifacts.record.withdrawals import ALTERED, hold_on
from components.artifacts.served_versions import served
from components.compat.tfx.executors import driver_metadata
from components.versioned_pusher.inputs import (
    DECISION,
    HELD,
    PUSHED_BY,
    REPORT,
    REVIEW,
    destination,
    judged_digest,
    review_outcome,
)
from pipeline.errors import MainlineError

Artifacts = dict[str, list[types.Artifact]]


class Driver(base_driver.BaseDriver, portable.BaseDriver):
    """A driver that passes ``held`` and ``pushed_by`` to the executor, as properties that are part of the cache key."""

    def __init__(self, metadata_handle: metadata.Metadata) -> None:
        base_driver.BaseDriver.__init__(self, metadata_handle)
        portable.BaseDriver.__init__(self, metadata_handle)

    def run(self, execution_info: data_types.ExecutionInfo) -> driver_output_pb2.DriverOutput:
        """Run before TFX's launcher looks into the cache.

        Raises:
            MainlineError: ML Metadata's record of a decision on the model was altered.
        """
        inputs, properties = execution_info.input_dict, execution_info.exec_properties
        with driver_metadata(self) as handle:
            held = find_hold(handle.store, execution_info.pipeline_info.id, inputs)
        result = driver_output_pb2.DriverOutput()
        result.exec_properties[HELD].string_value = held
        result.exec_properties[PUSHED_BY].string_value = (
            "" if held else pushed_by(inputs, properties, execution_info.pipeline_run_id)
        )
        return result


def find_hold(store: mlmd.MetadataStore, pipeline: str, inputs: Artifacts) -> str:
    """Return who holds the model back and why; empty if nobody does.

    Raises:
        MainlineError: a record of a decision was altered, so that it is not known what was decided.
    """
    model = artifact_utils.get_single_instance(inputs[specs.MODEL_KEY])
    hold = hold_on(store, pipeline, model.id, judged_digest(inputs))
    flaws = [hold.note] if hold and hold.why == ALTERED else altered(store, inputs.get(REPORT, []))
    if flaws:
        raise MainlineError(
            "the review", "ML Metadata's record of the decision on this model was altered; nothing was pushed",
            received="; ".join(flaws), next_step="Find out who edited it. For a new review make a new report: run "
            "with --from SliceReport --no-cache.",
        )  # fmt: skip
    return f"{hold.why} by {hold.by}: {hold.note}" if hold else ""


def altered(store: mlmd.MetadataStore, reports: list[types.Artifact]) -> list[str]:
    """Return what is wrong with decisions that claim to be on a report, if none of them holds."""
    records = decision_records(store) if reports else []
    found = [decision_on(records, report.id, report.get_string_custom_property("report_digest")) for report in reports]
    return [flaw for holds in found if holds.record is None for flaw in holds.flaws]


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
