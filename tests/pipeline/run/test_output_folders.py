import pytest
from ml_metadata.proto import metadata_store_pb2 as pb

from pipeline.errors import InputError
from pipeline.run.output_folders import claim_outputs, owns, remove_outputs

FIRST = pb.Execution(id=7, name="a1", create_time_since_epoch=1000)
# The same id and name, as in a copy of a store; and only the same id, as in another store.
LATER = pb.Execution(id=7, name="a1", create_time_since_epoch=2000)
OTHER = pb.Execution(id=7, name="b2", create_time_since_epoch=1000)


@pytest.fixture
def artifacts(tmp_path):
    return tmp_path / "artifacts"


def write(artifacts, execution, node="Trainer"):
    """Run an execution: claim its folders, then create them."""
    folder = artifacts / node / "model" / str(execution.id)
    working = artifacts / node / ".system" / "executor_execution" / str(execution.id)
    claim_outputs(artifacts / node, execution, [str(folder)])
    for path in (folder, working):
        path.mkdir(parents=True, exist_ok=True)
        (path / "file").write_text("x")
    return folder, working


def test_an_execution_may_write_to_its_own_folder_again(artifacts):
    write(artifacts, FIRST)
    write(artifacts, FIRST)
    assert owns(artifacts / "Trainer", FIRST)


@pytest.mark.parametrize("other", [LATER, OTHER])
def test_another_execution_with_the_same_id_neither_writes_there_nor_removes_it(artifacts, other):
    folder, working = write(artifacts, FIRST)
    with pytest.raises(InputError, match="written by another execution with the same id; nothing was changed"):
        claim_outputs(artifacts / "Trainer", other, [str(folder)])
    remove_outputs(artifacts, other)
    assert (folder / "file").is_file()
    assert (working / "file").is_file()
    assert owns(artifacts / "Trainer", FIRST)


def test_the_working_folder_that_tfx_keeps_for_a_retry_is_removed(artifacts):
    failed, other = (pb.Execution(id=number, name=str(number)) for number in (8, 9))
    kept = artifacts / "Trainer" / ".system" / "stateful_working_dir"
    for execution in (failed, other):
        write(artifacts, execution)
        execution.custom_properties["__stateful_working_dir_index__"].string_value = f"uuid-{execution.id}"
        (kept / f"uuid-{execution.id}" / "inner").mkdir(parents=True)
    remove_outputs(artifacts, failed)
    remove_outputs(artifacts, FIRST)
    assert [path.name for path in kept.iterdir()] == ["uuid-9"]


def test_an_unclaimed_folder_has_no_owner(artifacts):
    folder = artifacts / "Trainer" / "model" / "7"
    folder.mkdir(parents=True)
    with pytest.raises(InputError):
        claim_outputs(artifacts / "Trainer", FIRST, [str(folder)])
    remove_outputs(artifacts, FIRST)
    assert folder.is_dir()


def test_an_id_is_free_once_the_folders_of_its_owner_are_gone(artifacts):
    write(artifacts, FIRST)
    remove_outputs(artifacts, FIRST)
    folder, _ = write(artifacts, OTHER)
    assert owns(artifacts / "Trainer", OTHER)
    remove_outputs(artifacts, FIRST)
    assert folder.is_dir()


def test_ids_with_the_same_prefix_and_other_nodes_are_left_alone(artifacts):
    own = write(artifacts, FIRST)
    others = write(artifacts, pb.Execution(id=77, name="c")) + write(artifacts, OTHER, node="Pusher")
    remove_outputs(artifacts, FIRST)
    assert not any(folder.exists() for folder in own)
    assert all((folder / "file").is_file() for folder in others)
