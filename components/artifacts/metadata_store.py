"""Calls of ML Metadata that several components need."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import ml_metadata as mlmd
from ml_metadata import errors
from ml_metadata.proto import metadata_store_pb2

from components.support.retry import Backoff, retry

Artifact, Event = metadata_store_pb2.Artifact, metadata_store_pb2.Event
Pairs = Sequence[tuple[metadata_store_pb2.Artifact, metadata_store_pb2.Event]]
Answer = TypeVar("Answer")
WRITTEN = (Event.OUTPUT, Event.DECLARED_OUTPUT)
READ = (Event.INPUT, Event.DECLARED_INPUT)
# About six seconds in total.
BACKOFF = Backoff(first_s=0.1, longest_s=3.2, attempts=7)


def live_artifacts(store: mlmd.MetadataStore, type_name: str) -> list[metadata_store_pb2.Artifact]:
    """Return the complete artifacts of a type, ordered by id; none if the store does not know the type."""
    found = (artifact for artifact in store.get_artifacts_by_type(type_name) if artifact.state == Artifact.LIVE)
    return sorted(found, key=lambda artifact: artifact.id)


def value(node: metadata_store_pb2.Artifact | metadata_store_pb2.Execution, name: str) -> str | int | float | None:
    """Return a custom property, or None if it is not set."""
    if name not in node.custom_properties:
        return None
    prop = node.custom_properties[name]
    found: str | int | float = getattr(prop, prop.WhichOneof("value"))
    return found


def text(artifact: metadata_store_pb2.Artifact, name: str) -> str:
    """Return a custom property as text, empty if it is not set."""
    return str(value(artifact, name) or "")


def whole(artifact: metadata_store_pb2.Artifact, name: str) -> int:
    """Return a custom property that is a whole number, 0 if it is not set or none."""
    found = value(artifact, name)
    return found if isinstance(found, int) else 0


def event(kind: "metadata_store_pb2.Event.Type", key: str) -> metadata_store_pb2.Event:
    """Return an event as TFX writes it, for the first artifact under a key."""
    made = Event(type=kind)
    made.path.steps.add().key = key
    made.path.steps.add().index = 0
    return made


def put_type(store: mlmd.MetadataStore, name: str) -> int:
    """Return the id of an artifact type, creating it if needed; open to new properties, like TFX's types."""
    kind = metadata_store_pb2.ArtifactType(name=name)
    return when_free(lambda: int(store.put_artifact_type(kind, can_add_fields=True, can_omit_fields=True)))


def put_execution_type(store: mlmd.MetadataStore, name: str) -> int:
    """Return the id of an execution type, creating it if needed."""
    kind = metadata_store_pb2.ExecutionType(name=name)
    return when_free(lambda: int(store.put_execution_type(kind, can_add_fields=True, can_omit_fields=True)))


def put(
    store: mlmd.MetadataStore,
    execution: metadata_store_pb2.Execution,
    pairs: Pairs,
    context: metadata_store_pb2.Context,
) -> None:
    """Write an execution with its inputs and outputs in one transaction.

    Raises:
        errors.AlreadyExistsError: an artifact of that type and name exists; nothing was written.
    """
    options = {"reuse_context_if_already_exist": True, "force_reuse_context": True}
    when_free(lambda: store.put_execution(execution, pairs, [context], **options))


def when_free(write: Callable[[], Answer]) -> Answer:
    """Write; retry while another process holds the store."""
    return retry(write, BACKOFF, lambda error: isinstance(error, errors.AbortedError))


def producer(store: mlmd.MetadataStore, artifact_id: int) -> tuple[int | None, str]:
    """Return the first execution that wrote an artifact, and the name of its output; cached executions come later."""
    events = [event for event in store.get_events_by_artifact_ids([artifact_id]) if event.type in WRITTEN]
    first = min(events, key=lambda event: event.execution_id, default=None)
    return (first.execution_id, first.path.steps[0].key) if first else (None, "")


def inputs_of(store: mlmd.MetadataStore, execution_id: int) -> list[int]:
    """Return the ids of the artifacts that an execution read."""
    events = store.get_events_by_execution_ids([execution_id])
    return sorted({event.artifact_id for event in events if event.type in READ})


def node_name(store: mlmd.MetadataStore, execution_id: int) -> str:
    """Return the node of an execution; TFX names the node's context ``<pipeline>.<node>``."""
    names = [context.name for context in store.get_contexts_by_execution(execution_id) if context.type == "node"]
    return names[0].split(".", 1)[1] if names else f"execution {execution_id}"
