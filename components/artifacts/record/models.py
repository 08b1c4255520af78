"""What ML Metadata knows of models: their digests, which of them were blessed, and the versions they were pushed as."""

from dataclasses import dataclass

import ml_metadata as mlmd

from components.artifacts.metadata_store import WRITTEN, inputs_of, live_artifacts, producer, text, whole
from components.artifacts.model_digest import JUDGED

BLESSING_TYPE, PUSHED_TYPE, MODEL_TYPE = "ModelBlessing", "PushedModel", "Model"


@dataclass(frozen=True)
class Push:
    """A version that was pushed; ``at_ms`` is in milliseconds since 1970."""

    version: int
    model_digest: str
    run: str
    at_ms: int


def pushes(store: mlmd.MetadataStore, pipeline: str) -> list[Push]:
    """Return the pushes of a pipeline, in the order in which they were recorded."""
    ours = written_by(store, pipeline)
    return [
        Push(
            int(text(artifact, "pushed_version")), text(artifact, "model_digest"), text(artifact, "pushed_run"),
            artifact.create_time_since_epoch,
        )
        for artifact in live_artifacts(store, PUSHED_TYPE)
        if artifact.id in ours and whole(artifact, "pushed") == 1
    ]  # fmt: skip


def model_digests(store: mlmd.MetadataStore) -> dict[int, str]:
    """Return the digests of models by artifact id, as Evaluator recorded them, or else Pusher."""
    found = {
        whole(blessing, "current_model_id"): text(blessing, JUDGED) for blessing in live_artifacts(store, BLESSING_TYPE)
    }
    known = {model: digest for model, digest in found.items() if digest}
    pushed = [artifact for artifact in live_artifacts(store, PUSHED_TYPE) if text(artifact, "model_digest")]
    for artifact in pushed:
        if text(artifact, "model_digest") in known.values():
            continue
        execution, _ = producer(store, artifact.id)
        read = store.get_artifacts_by_id(inputs_of(store, execution)) if execution else []
        known |= {model.id: text(artifact, "model_digest") for model in read if model.type == MODEL_TYPE}
    return known


def blessed_before(store: mlmd.MetadataStore, pipeline: str, model_id: int) -> int:
    """Return how many models of a pipeline were trained before a model and blessed."""
    ours = written_by(store, pipeline)
    blessings = (found for found in live_artifacts(store, BLESSING_TYPE) if found.id in ours)
    blessed = {whole(found, "current_model_id") for found in blessings if whole(found, "blessed") == 1}
    return sum(0 < other < model_id for other in blessed)


def written_by(store: mlmd.MetadataStore, pipeline: str) -> set[int]:
    """Return the ids of the artifacts that a pipeline wrote; several pipelines may share a store.

    Asked of executions, since ML Metadata ends the process if a context has an artifact that was deleted.
    """
    context = store.get_context_by_type_and_name("pipeline", pipeline)
    executions = [found.id for found in store.get_executions_by_context(context.id)] if context else []
    events = store.get_events_by_execution_ids(executions) if executions else []
    return {event.artifact_id for event in events if event.type in WRITTEN}
