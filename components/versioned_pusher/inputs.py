"""What a push is asked for, as the driver and the executor read it."""

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
REPORT, DECISION, REVIEW, PUSHED_BY = "report", "decision", "review", "pushed_by"


def destination(properties: dict[str, Any]) -> Path:
    """The folder of the versions."""
    found = pusher_pb2.PushDestination()
    proto_utils.json_to_proto(properties[specs.PUSH_DESTINATION_KEY], found)
    return Path(found.filesystem.base_directory)


def model_path(inputs: Artifacts) -> str:
    """The SavedModel, as stock Pusher finds it."""
    model = artifact_utils.get_single_instance(inputs[specs.MODEL_KEY])
    return str(path_utils.serving_model_path(model.uri, path_utils.is_old_model_artifact(model)))


def judged_digest(inputs: Artifacts) -> str:
    """The digest of the model that was judged; of a blessing that does not say it, that of the model as it is."""
    blessing = artifact_utils.get_single_instance(inputs[specs.MODEL_BLESSING_KEY])
    return blessing.get_string_custom_property(JUDGED) or content_digest(Path(model_path(inputs)))


def review_outcome(decisions: list[types.Artifact]) -> str:
    """``approved`` or ``rejected``; ``awaiting`` where nobody has decided."""
    if not decisions:
        return "awaiting"
    decided = artifact_utils.get_single_instance(decisions).get_string_custom_property("decision")
    return APPROVED if decided == APPROVED else REJECTED
