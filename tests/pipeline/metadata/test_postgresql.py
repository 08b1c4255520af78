"""Strings with backslashes and the order of updated rows in ML Metadata on a real PostgreSQL."""

import contextlib
import json

import ml_metadata as mlmd
import pg8000.native
import pytest
from fakes.databases import DATABASE, PASSWORD, STARTERS, USER
from ml_metadata.proto import metadata_store_pb2

from pipeline.config.root import Metadata
from pipeline.metadata.connection import connection_config
from pipeline.metadata.postgresql import rewrite, with_backslash, without_backslash
from pipeline.metadata.server import wait_for_store

HOSTILE = [
    '{"a": "\\"b\\""}', "\\", "\\\\", "\\'", "'", "''",
    "a\\'; DROP TABLE Artifact; --", "\\', 1); DROP TABLE Event; --",
    "⧵", "⧷⧵\\", "${x} {0} $1 ?", "line\n\\nline", "C:\\rows\\new", "%s\\%s", "ü\\🙂", "'\\\\' || '", "E'\\x'",
]  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with STARTERS["postgresql"](tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture(scope="module")
def store(tmp_path_factory, server):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MAINLINE_METADATA_PASSWORD", PASSWORD)
        settings = Metadata(backend="postgresql", port=server.port, database=DATABASE, user=USER)
        yield mlmd.MetadataStore(connection_config(settings, tmp_path_factory.mktemp("root")))


@pytest.mark.parametrize("text", HOSTILE)
def test_a_string_is_read_as_it_was_written(store, text):
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


@pytest.mark.parametrize(
    "password", ["p@ss:w/o%rd", "with space", "it's", "a\\b\\", '"#$x', "' host='elsewhere", "ü", " "]
)
def test_any_password_works(store, server, password, tmp_path, monkeypatch):
    admin = {"host": "127.0.0.1", "port": server.port, "database": DATABASE, "user": USER, "password": PASSWORD}
    with contextlib.closing(pg8000.native.Connection(**admin)) as connection:
        connection.run('DROP ROLE IF EXISTS "some one"')
        connection.run(f'CREATE ROLE "some one" SUPERUSER LOGIN PASSWORD {pg8000.native.literal(password)}')
    monkeypatch.setenv("OTHER_PASSWORD", password)
    settings = Metadata(
        backend="postgresql", port=server.port, database=DATABASE, user="some one", password_env="OTHER_PASSWORD"
    )
    wait_for_store(settings, tmp_path, 0.0, print)


def test_updated_artifacts_keep_their_position(store):
    kind = store.put_artifact_type(metadata_store_pb2.ArtifactType(name="Ordered"))
    numbers = store.put_artifacts([metadata_store_pb2.Artifact(type_id=kind, uri="/same") for _ in range(3)])
    first, second, third = numbers
    (changed,) = store.get_artifacts_by_id([first])
    changed.state = metadata_store_pb2.Artifact.LIVE
    store.put_artifacts([changed])
    assert [item.id for item in store.get_artifacts_by_id(numbers)] == numbers
    assert [item.id for item in store.get_artifacts_by_id([third, first, second])] == [third, first, second]
    assert [item.id for item in store.get_artifacts_by_uri("/same")] == numbers
    latest = mlmd.ListOptions(limit=2, order_by=mlmd.OrderByField.ID, is_asc=False)
    assert [item.id for item in store.get_artifacts(latest)] == [third, second]


def test_executions_and_contexts_keep_their_order(store):
    execution_kind = store.put_execution_type(metadata_store_pb2.ExecutionType(name="Node"))
    context_kind = store.put_context_type(metadata_store_pb2.ContextType(name="Run"))
    executions = store.put_executions([metadata_store_pb2.Execution(type_id=execution_kind) for _ in range(3)])
    contexts = store.put_contexts([metadata_store_pb2.Context(type_id=context_kind, name=str(n)) for n in range(3)])
    pairs = [metadata_store_pb2.Association(execution_id=executions[n], context_id=contexts[0]) for n in range(3)]
    pairs += [metadata_store_pb2.Association(execution_id=executions[0], context_id=number) for number in contexts[1:]]
    store.put_attributions_and_associations([], pairs)
    changed = [*store.get_executions_by_id(executions[:1]), *store.get_contexts_by_id(contexts[:1])]
    for item in changed:
        item.custom_properties["changed"].int_value = 1
        item.name = f"changed {item.name}"
    store.put_executions(changed[:1])
    store.put_contexts(changed[1:])
    assert [item.id for item in store.get_executions_by_id(executions)] == executions
    assert [item.id for item in store.get_contexts_by_execution(executions[0])] == contexts


@pytest.mark.parametrize("text", HOSTILE)
def test_reading_reverses_writing(text):
    assert with_backslash(without_backslash(text)) == text
    assert "\\" not in without_backslash(text)


def test_all_strings_of_a_message_are_changed_except_queries():
    request = metadata_store_pb2.ListOperationOptions(filter_query="name = 'a\\'b'", next_page_token="a\\b")
    rewrite(request, without_backslash)
    assert (request.filter_query, request.next_page_token) == ("name = 'a\\'b'", "a⧵b")
    event = metadata_store_pb2.Event(path={"steps": [{"key": "a\\b"}, {"index": 1}]})
    rewrite(event, without_backslash)
    assert [step.key for step in event.path.steps] == ["a⧵b", ""]


def test_strings_in_other_databases_are_not_changed(tmp_path, store):
    other = mlmd.MetadataStore(connection_config(Metadata(), tmp_path))
    other.put_context_type(metadata_store_pb2.ContextType(name="a\\b"))
    assert b"a\\b" in (tmp_path / "metadata.db").read_bytes()


LONG = ["a" * 2000, "a" * 2001, "ü🙂" * 1500, json.dumps({"rows": list(range(40_000))}), "\\" * 5000]


@pytest.mark.parametrize("text", LONG)
def test_a_long_property_is_read_as_it_was_written(store, text):
    kind = store.put_execution_type(metadata_store_pb2.ExecutionType(name="Long"))
    execution = metadata_store_pb2.Execution(type_id=kind)
    execution.custom_properties["settings"].string_value = text
    execution.custom_properties["count"].int_value = 7
    execution.custom_properties["empty"].string_value = ""
    (number,) = store.put_executions([execution])
    (found,) = store.get_executions_by_id([number])
    assert found.custom_properties == execution.custom_properties


def test_a_property_that_becomes_shorter_keeps_nothing_of_the_long_one(store):
    kind = store.put_artifact_type(metadata_store_pb2.ArtifactType(name="Shrinks"))
    artifact = metadata_store_pb2.Artifact(type_id=kind, uri="/shrinks")
    artifact.custom_properties["settings"].string_value = "".join(map(str, range(5000)))
    (artifact.id,) = store.put_artifacts([artifact])
    artifact.custom_properties["settings"].string_value = "short"
    store.put_artifacts([artifact])
    (found,) = store.get_artifacts_by_uri("/shrinks")
    assert found.custom_properties == artifact.custom_properties
