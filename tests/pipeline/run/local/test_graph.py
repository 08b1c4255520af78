"""A graph of two nodes, launched by TFX."""

import pytest
from ml_metadata.proto import metadata_store_pb2 as pb
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact
from tfx.dsl.component.experimental.decorators import component
from tfx.orchestration import metadata
from tfx.orchestration.pipeline import Pipeline
from tfx.types import standard_artifacts

from pipeline.errors import MainlineError
from pipeline.metadata.connection import sqlite
from pipeline.run.local.graph import Graph, compile_pipeline


@component
def Giver(given: OutputArtifact[standard_artifacts.Model]):
    given.set_string_custom_property("said", "something")


@component
def Taker(taken: InputArtifact[standard_artifacts.Model]):
    pass


class Quiet:
    """Stands in for the observer and the progress handler."""

    def nodes(self, statuses):
        pass

    def changed(self, status):
        pass


@pytest.fixture
def graph(tmp_path):
    giver = Giver()
    made = Pipeline(
        "two", str(tmp_path), components=[giver, Taker(taken=giver.outputs["given"])],
        metadata_connection_config=sqlite(tmp_path / "metadata.db"),
    )  # fmt: skip
    return Graph(compile_pipeline(made, "run", None, None), Quiet(), Quiet())


def test_nodes_run_one_by_one(graph):
    for node in graph.to_run():
        graph.launch(node)
    assert [status.state for status in graph.statuses.values()] == ["done", "done"]
    assert [output.key for output in graph.outputs["Giver"]] == ["given"]


def test_a_node_whose_inputs_are_gone_fails(graph):
    graph.launch("Giver")
    with metadata.Metadata(graph.connection) as handle:
        (artifact,) = handle.store.get_artifacts()
        artifact.state = pb.Artifact.DELETED
        handle.store.put_artifacts([artifact])
    with pytest.raises(MainlineError, match="Taker: not run: ML Metadata does not have all outputs"):
        graph.launch("Taker")
    assert graph.statuses["Taker"].state == "failed"
    assert graph.failure is not None
