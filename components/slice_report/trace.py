"""The origin of artifacts in ML Metadata: all artifacts that led to them, and those of the baseline's run."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TypeAlias

import ml_metadata as mlmd
from ml_metadata.proto import metadata_store_pb2
from pydantic import TypeAdapter

from components.artifacts.metadata_store import READ, WRITTEN, inputs_of, live_artifacts, node_name, producer
from components.artifacts.types import SliceReport
from components.slice_report.facts import ArtifactFact, Pairs

Event: TypeAlias = metadata_store_pb2.Event
Artifact: TypeAlias = metadata_store_pb2.Artifact
# Properties of artifacts that describe the data.
DATA_PROPERTIES = ("input_fingerprint", "span", "version")


@dataclass(frozen=True)
class Baseline:
    """The baseline, and where its statistics, schema and report are."""

    model_id: int
    statistics: str | None = None
    schema: str | None = None
    report: str | None = None


@dataclass(frozen=True)
class Trace:
    """Some artifacts and all that led to them; ``edges`` are (artifact id, node that read it).

    ``blessed_before`` counts the models that were blessed before, if there is no baseline all the same.
    """

    artifacts: tuple[ArtifactFact, ...] = ()
    edges: tuple[tuple[int, str], ...] = ()
    data: Pairs = ()
    baseline: Baseline | None = None
    blessed_before: int = 0

    def as_json(self) -> str:
        """Return one line of JSON, the same for equal traces."""
        return json.dumps(asdict(self), sort_keys=True)


ADAPTER = TypeAdapter(Trace)


def from_json(text: str) -> Trace:
    """Read the trace that the driver wrote."""
    return ADAPTER.validate_json(text)


def trace(store: mlmd.MetadataStore, artifact_ids: Iterable[int], baseline_model: int | None) -> Trace:
    """Follow artifacts back to the first ones, without following other models, which belong to other runs.

    The result does not depend on whether a run computed the artifacts or took them from the cache.
    """
    found: dict[int, ArtifactFact] = {}
    edges: set[tuple[int, str]] = set()
    earlier = set() if baseline_model is None else {baseline_model}
    waiting = sorted(artifact_ids)
    while waiting:
        (artifact,) = store.get_artifacts_by_id([waiting.pop()])
        if artifact.id in found:
            continue
        execution, output = producer(store, artifact.id)
        node = node_name(store, execution) if execution else ""
        found[artifact.id] = ArtifactFact(artifact.id, artifact.type, node, output, artifact.uri)
        read = inputs_of(store, execution) if execution and artifact.id not in earlier else []
        if artifact.type == "Model":
            # The model that the training started from.
            earlier |= {other.id for other in store.get_artifacts_by_id(read) if other.type == "Model"}
        edges |= {(source, node) for source in read}
        waiting += read
    data = data_facts(store.get_artifacts_by_id(sorted(found)))
    facts = tuple(found[key] for key in sorted(found))
    return Trace(facts, tuple(sorted(edges)), data, None if baseline_model is None else find(store, baseline_model))


def data_facts(artifacts: Sequence[Artifact]) -> Pairs:
    """Return span, version and checksums of the data, from the artifacts that have them."""
    pairs = [(name, value_of(artifact, name)) for artifact in artifacts for name in DATA_PROPERTIES]
    return tuple(dict.fromkeys((name, value) for name, value in pairs if value))


def value_of(artifact: Artifact, name: str) -> str:
    """Return a property, custom or not, as text; empty if there is none."""
    for properties in (artifact.custom_properties, artifact.properties):
        if name in properties:
            return str(getattr(properties[name], properties[name].WhichOneof("value")))
    return ""


def find(store: mlmd.MetadataStore, model_id: int) -> Baseline:
    """Return what the run of a model left: its training data, and what read that."""
    upstream = trace(store, [model_id], None).artifacts
    schemas = [fact.uri for fact in upstream if fact.type == "Schema"]
    examples = [fact.id for fact in upstream if fact.type == "Examples"]
    return Baseline(
        model_id,
        statistics=statistics_of(store, examples),
        schema=schemas[-1] if schemas else None,
        report=report_of(store, model_id),
    )


def statistics_of(store: mlmd.MetadataStore, examples: Sequence[int]) -> str | None:
    """Return the folder of the statistics of some examples."""
    readers = [event.execution_id for event in store.get_events_by_artifact_ids(examples) if event.type in READ]
    written = [event.artifact_id for event in store.get_events_by_execution_ids(readers) if event.type in WRITTEN]
    artifacts = store.get_artifacts_by_id(sorted(set(written)))
    return next((artifact.uri for artifact in artifacts if artifact.type == "ExampleStatistics"), None)


def report_of(store: mlmd.MetadataStore, model_id: int) -> str | None:
    """Return the folder of the latest report on a model."""
    reports = live_artifacts(store, SliceReport.TYPE_NAME)
    uris = [artifact.uri for artifact in reports if artifact.custom_properties["model_id"].int_value == model_id]
    return uris[-1] if uris else None
