import errno
import os
import shutil
from pathlib import Path

import ml_metadata as mlmd
import pytest
from ml_metadata.proto import metadata_store_pb2 as pb

from pipeline.errors import InputError, MachineError
from pipeline.metadata.connection import sqlite
from pipeline.run.store_identity import FILE, check_store_exists, check_store_matches, read_owner, store_id

NAME = "tiny"


class RootWithStore:
    """A root with a store; ``run`` adds what a run of one node leaves."""

    def __init__(self, root, database=None):
        self.root = root
        self.connection = sqlite(database or root / "metadata.db")
        root.mkdir(parents=True, exist_ok=True)

    def store(self) -> mlmd.MetadataStore:
        return mlmd.MetadataStore(self.connection)

    def check(self, shared=False):
        check_store_exists(self.connection, self.root)
        check_store_matches(self.store(), shared, self.root, NAME)

    def run(self, shared=False, at=None) -> pb.Artifact:
        """Add a run and return its artifact; with ``at``, below another root."""
        self.check(shared)
        store = self.store()
        kind = store.put_execution_type(pb.ExecutionType(name="Trainer"))
        model = pb.Artifact(type_id=store.put_artifact_type(pb.ArtifactType(name="Model")))
        context = pb.Context(type_id=store.put_context_type(pb.ContextType(name="pipeline")), name=NAME)
        number, _, _ = store.put_execution(
            pb.Execution(type_id=kind), [], [context], reuse_context_if_already_exist=True
        )
        model.uri = f"{at or self.root}/artifacts/Trainer/model/{number}"
        event = pb.Event(type=pb.Event.OUTPUT)
        execution = store.get_executions_by_id([number])[0]
        store.put_execution(execution, [(model, event)], [context], reuse_context_if_already_exist=True)
        (self.root / "artifacts" / "Trainer" / "model" / str(number)).mkdir(parents=True)
        return store.get_artifacts()[-1]

    def uris(self) -> list[str]:
        return [artifact.uri for artifact in self.store().get_artifacts()]


@pytest.fixture
def world(tmp_path):
    return RootWithStore(tmp_path / "runs" / NAME)


def refused(world, text, shared=False):
    before = sorted(world.root.rglob("*"))
    with pytest.raises(InputError, match=text) as caught:
        world.check(shared)
    assert caught.value.exit_code == 2
    assert "--root" in caught.value.next_step
    assert sorted(world.root.rglob("*")) == before


def test_a_new_root_and_a_new_store_record_each_other(world):
    world.check()
    owner = read_owner(world.root)
    assert (owner.store, owner.root) == (store_id(world.store()), str(world.root))
    assert owner.store
    world.run()
    world.check()
    assert read_owner(world.root) == owner


def test_lost_metadata_are_not_created_anew(world):
    world.run()
    (world.root / "metadata.db").unlink()
    refused(world, "the ML Metadata store of this folder is gone")


def test_a_root_without_an_id_is_adopted_and_its_lost_metadata_are_not_created_anew(world):
    world.run()
    (world.root / FILE).unlink()
    (world.root / "metadata.db").rename(world.root / "kept")
    refused(world, "the ML Metadata store of this folder is gone")
    (world.root / "kept").rename(world.root / "metadata.db")
    world.check()
    assert read_owner(world.root).store == store_id(world.store())


def test_an_empty_store_instead_of_the_used_one_is_refused(world):
    world.run()
    (world.root / "metadata.db").unlink()
    world.store().get_context_types()
    refused(world, "was used with another ML Metadata store")
    (world.root / FILE).unlink()
    refused(world, "ML Metadata does not know the executions of some folders")


def test_the_store_of_another_root_is_refused_despite_equal_ids(world, tmp_path):
    world.run()
    other = RootWithStore(tmp_path / "elsewhere", tmp_path / "server.db")
    other.run(shared=True)
    world.connection = other.connection
    refused(world, "was used with another ML Metadata store", shared=True)
    (world.root / FILE).unlink()
    refused(world, "ML Metadata does not know the executions of some folders", shared=True)


def test_a_shared_store_may_have_many_roots(tmp_path):
    for place in ("a", "b", "a"):
        RootWithStore(tmp_path / place, tmp_path / "server.db").run(shared=True)
    assert read_owner(tmp_path / "a").store == read_owner(tmp_path / "b").store
    # A root without the file is recognized by its artifacts.
    (tmp_path / "a" / FILE).unlink()
    RootWithStore(tmp_path / "a", tmp_path / "server.db").check(shared=True)


def test_a_store_restored_from_an_older_backup_is_refused_until_unknown_folders_are_gone(world, tmp_path):
    world.run()
    shutil.copy(world.root / "metadata.db", tmp_path / "backup")
    world.run()
    shutil.copy(tmp_path / "backup", world.root / "metadata.db")
    refused(world, "ML Metadata does not know the executions of some folders")
    shutil.rmtree(world.root / "artifacts" / "Trainer" / "model" / "2")
    world.check()


@pytest.mark.parametrize("content", ["", "[]", '{"store": "a"}'])
def test_a_file_without_a_store_is_refused(world, content):
    world.run()
    (world.root / FILE).write_text(content)
    refused(world, "does not say which ML Metadata store")


@pytest.mark.parametrize("put", [shutil.move, shutil.copytree])
@pytest.mark.parametrize("with_file", [True, False])
def test_artifacts_are_found_after_a_root_was_moved_or_copied(world, tmp_path, put, with_file):
    world.run()
    if not with_file:
        (world.root / FILE).unlink()
    put(world.root, tmp_path / "new place" / NAME)
    moved = RootWithStore(tmp_path / "new place" / NAME)
    moved.check()
    assert moved.uris() == [f"{moved.root}/artifacts/Trainer/model/1"]
    assert read_owner(moved.root).root == str(moved.root)


def test_in_a_shared_store_a_moved_root_is_followed_and_a_copied_one_is_not(tmp_path):
    old = RootWithStore(tmp_path / "a", tmp_path / "server.db")
    old.run(shared=True)
    shutil.copytree(old.root, tmp_path / "b")
    RootWithStore(tmp_path / "b", tmp_path / "server.db").check(shared=True)
    assert old.uris() == [f"{old.root}/artifacts/Trainer/model/1"]
    shutil.move(old.root, tmp_path / "c")
    RootWithStore(tmp_path / "c", tmp_path / "server.db").check(shared=True)
    assert old.uris() == [f"{tmp_path}/c/artifacts/Trainer/model/1"]


def test_keys_of_trainings_and_other_folders_are_not_executions(world):
    for name in ("resume/1234567890123456", "resume/ab12", "notes"):
        (world.root / "artifacts" / "Trainer" / name).mkdir(parents=True)
    world.check()


def test_an_unreadable_owner_of_a_root_is_not_bad_input(tmp_path, monkeypatch):
    def refuse(self: Path) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(self))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(MachineError, match="Input/output error") as caught:
        read_owner(tmp_path)
    assert "Remove" not in caught.value.next_step
