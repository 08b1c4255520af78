"""Texts with a backslash on a real PostgreSQL, by way of ML Metadata."""

import ml_metadata as mlmd
import pytest
from database_world import DATABASE, PASSWORD, STARTERS, USER
from ml_metadata.proto import metadata_store_pb2

from pipeline.config import Metadata
from pipeline.metadata import connection_config
from pipeline.postgresql import rewrite, with_backslash, without_backslash

HOSTILE = [
    '{"a": "\\"b\\""}', "\\", "\\\\", "\\'", "'", "''",
    "a\\'; DROP TABLE Artifact; --", "\\', 1); DROP TABLE Event; --",
    "⧵", "⧷⧵\\", "${x} {0} $1 ?", "line\n\\nline", "C:\\rows\\new", "%s\\%s", "ü\\🙂", "'\\\\' || '", "E'\\x'",
]  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    with STARTERS["postgresql"](tmp_path_factory.mktemp("server")) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("MAINLINE_METADATA_PASSWORD", PASSWORD)
        settings = Metadata(backend="postgresql", port=server.port, database=DATABASE, user=USER)
        yield mlmd.MetadataStore(connection_config(settings, tmp_path_factory.mktemp("root")))


@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_comes_back_as_it_was(store, text):
    kind = metadata_store_pb2.ArtifactType(name="Kind", properties={"typed": metadata_store_pb2.STRING})
    artifact = metadata_store_pb2.Artifact(type_id=store.put_artifact_type(kind), uri=f"/{text}", name=f"name {text}")
    artifact.properties["typed"].string_value = text
    artifact.custom_properties["free"].string_value = text
    artifact.custom_properties[f"key {text}"[:200]].string_value = text
    before = metadata_store_pb2.Artifact.FromString(artifact.SerializeToString())
    (number,) = store.put_artifacts([artifact])
    (found,) = store.get_artifacts_by_uri(f"/{text}")
    assert artifact == before
    assert (found.id, found.uri, found.name) == (number, f"/{text}", f"name {text}")
    assert (found.properties, found.custom_properties) == (before.properties, before.custom_properties)
    assert store.get_artifact_by_type_and_name("Kind", f"name {text}").id == number


@pytest.mark.parametrize("text", HOSTILE)
def test_writing_and_reading_are_each_others_inverse(text):
    assert with_backslash(without_backslash(text)) == text
    assert "\\" not in without_backslash(text)


def test_all_texts_of_a_message_are_changed_but_queries():
    request = metadata_store_pb2.ListOperationOptions(filter_query="name = 'a\\'b'", next_page_token="a\\b")
    rewrite(request, without_backslash)
    assert (request.filter_query, request.next_page_token) == ("name = 'a\\'b'", "a⧵b")
    event = metadata_store_pb2.Event(path={"steps": [{"key": "a\\b"}, {"index": 1}]})
    rewrite(event, without_backslash)
    assert [step.key for step in event.path.steps] == ["a⧵b", ""]


def test_texts_in_another_store_are_written_as_they_are(tmp_path, store):
    other = mlmd.MetadataStore(connection_config(Metadata(), tmp_path))
    other.put_context_type(metadata_store_pb2.ContextType(name="a\\b"))
    assert b"a\\b" in (tmp_path / "metadata.db").read_bytes()
