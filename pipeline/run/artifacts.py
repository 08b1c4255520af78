"""The artifacts that an execution produced, from ML Metadata, whether it ran now or was answered from the cache."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ml_metadata as mlmd
from ml_metadata.proto import metadata_store_pb2

OUTPUTS = (
    metadata_store_pb2.Event.OUTPUT,
    metadata_store_pb2.Event.DECLARED_OUTPUT,
    metadata_store_pb2.Event.INTERNAL_OUTPUT,
)


@dataclass(frozen=True)
class Output:
    """An artifact with the key of its output, its type, URI, splits and custom properties."""

    id: int
    key: str
    type: str
    uri: str
    splits: tuple[str, ...]
    properties: Mapping[str, Any]

    def split_folders(self) -> dict[str, str]:
        return {split: f"{self.uri}/Split-{split}" for split in self.splits}


def outputs_of(store: mlmd.MetadataStore, execution_id: int) -> list[Output]:
    """The artifacts that an execution produced."""
    events = [event for event in store.get_events_by_execution_ids([execution_id]) if event.type in OUTPUTS]
    keys = {event.artifact_id: event.path.steps[0].key for event in events}
    artifacts = store.get_artifacts_by_id(list(keys))
    return [as_output(artifact, keys[artifact.id]) for artifact in artifacts]


def as_output(artifact: metadata_store_pb2.Artifact, key: str) -> Output:
    """Convert ML Metadata's record of an artifact."""
    splits = artifact.properties["split_names"].string_value if "split_names" in artifact.properties else ""
    properties = {name: getattr(value, value.WhichOneof("value")) for name, value in artifact.custom_properties.items()}
    return Output(artifact.id, key, artifact.type, artifact.uri, tuple(json.loads(splits or "[]")), properties)
