"""Names each private part of TFX's launcher that is gone."""

from pathlib import Path

import pytest
from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.component.experimental.annotations import OutputArtifact
from tfx.dsl.component.experimental.decorators import component
from tfx.orchestration.pipeline import Pipeline
from tfx.orchestration.portable import outputs_utils
from tfx.types import standard_artifacts

from components.compat.tfx import launcher
from pipeline.metadata.connection import sqlite
from pipeline.run.local import graph as local_graph


@component
def Writer(written: OutputArtifact[standard_artifacts.Model]):
    Path(written.uri, "model").write_text("weights")


class SilentObserver:
    def nodes(self, statuses):
        pass

    def changed(self, status):
        pass


def test_the_hook_is_called_before_the_outputs_exist(tmp_path, monkeypatch):
    calls = []

    def before_executor(node_folder, execution, uris):
        calls.append((node_folder, execution.id, uris, [Path(uri).exists() for uri in uris]))

    monkeypatch.setattr(local_graph, "claim_outputs", before_executor)
    made = Pipeline(
        "one", str(tmp_path), components=[Writer()], metadata_connection_config=sqlite(tmp_path / "metadata.db")
    )
    graph = local_graph.Graph(local_graph.compile_pipeline(made, "run", None, None), SilentObserver(), SilentObserver())
    graph.launch("Writer")
    assert calls == [(tmp_path / "Writer", 1, [str(tmp_path / "Writer" / "written" / "1")], [False])]


def test_the_working_folder_of_a_failed_execution_is_where_tfx_creates_it(tmp_path):
    execution = metadata_store_pb2.Execution()
    assert launcher.stateful_folder(tmp_path, execution) is None
    execution.custom_properties[outputs_utils._STATEFUL_WORKING_DIR_INDEX].string_value = "0b0f3f7e"
    expected = outputs_utils.get_stateful_working_directory(str(tmp_path), execution)
    assert launcher.stateful_folder(tmp_path, execution) == Path(expected)


@pytest.mark.parametrize("attribute", ["_mlmd_connection", "_pipeline_runtime_spec", "_pipeline_node"])
def test_the_launcher_has_what_the_hook_reads(attribute):
    assert attribute in launcher.launcher.Launcher.__init__.__code__.co_names
