"""The inputs of a push, as driver and executor read them."""

from pathlib import Path
from typing import Any

from tfx import types
from tfx.proto import pusher_pb2
from tfx.types import artifact_utils
from tfx.types import standard_component_specs as specs
from tfx.utils import path_utils, proto_utils

from components.artifacts.decision import APPROVED, REJECTED
from components.artifacts.model_digest import JUDGED, content_digest

Artifacts = dict[str, list[types.Artifact]]
REPORT, DECISION, REVIEW, PUSHED_BY, HELD = "report", "decision", "review", "pushed_by", "held"


def destination(properties: dict[str, Any]) -> Path:
    """Return the folder of the versions."""
    found = pusher_pb2.PushDestination()
    proto_utils.json_to_proto(properties[specs.PUSH_DESTINATION_KEY], found)
    return Path(found.filesystem.base_directory)


def model_path(inputs: Artifacts) -> str:
    """Return the path of the SavedModel, found as stock Pusher does."""
    model = artifact_utils.get_single_instance(inputs[specs.MODEL_KEY])
    return str(path_utils.serving_model_path(model.uri, path_utils.is_old_model_artifact(model)))


def judged_digest(inputs: Artifacts) -> str:
    """Return the digest of the evaluated model; of the current files, if the blessing does not have it."""
    blessing = artifact_utils.get_single_instance(inputs[specs.MODEL_BLESSING_KEY])
    return blessing.get_string_custom_property(JUDGED) or content_digest(Path(model_path(inputs)))


def review_outcome(decisions: list[types.Artifact]) -> str:
    """Return ``approved``, ``rejected``, or ``awaiting`` without a decision."""
    if not decisions:
        return "awaiting"
    decided = artifact_utils.get_single_instance(decisions).get_string_custom_property("decision")
    return APPROVED if decided == APPROVED else REJECTED
