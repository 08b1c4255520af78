import json

import ml_metadata as mlmd
import pytest
from ml_metadata.proto import metadata_store_pb2 as pb

from pipeline.run.artifacts import Output, as_output, outputs_of
from pipeline.run.executions import clean_up_executions, mark_failed, unfinished_in_root
from pipeline.run.output_folders import claim_outputs

State = pb.Execution.State
FINISHED = ("COMPLETE", "CACHED")


@pytest.fixture
def store(tmp_path):
    config = pb.ConnectionConfig()
    config.sqlite.filename_uri = str(tmp_path / "metadata.db")
    return mlmd.MetadataStore(config)


@pytest.fixture
def artifacts(tmp_path):
    return tmp_path / "artifacts"


@pytest.fixture
def examples(store):
    """The id of an artifact type with splits."""
    return store.put_artifact_type(pb.ArtifactType(name="Examples", properties={"split_names": pb.STRING}))


def execute(store, state="COMPLETE") -> int:
    kind = store.put_execution_type(pb.ExecutionType(name="Trainer"))
    (execution,) = store.put_executions([pb.Execution(type_id=kind, last_known_state=State.Value(state))])
    return execution


def state_of(store, execution) -> str:
    (record,) = store.get_executions_by_id([execution])
    return State.Name(record.last_known_state)


def write(store, execution, artifact, key="examples", kind=pb.Event.OUTPUT) -> int:
    """Put an artifact into the store, linked to an execution by an event of some type."""
    (number,) = store.put_artifacts([artifact])
    path = pb.Event.Path(steps=[pb.Event.Path.Step(key=key), pb.Event.Path.Step(index=0)])
    store.put_events([pb.Event(artifact_id=number, execution_id=execution, type=kind, path=path)])
    return number


def folders_of(store, artifacts, execution) -> list:
    """The folders that TFX creates for an execution: outputs and working folders."""
    names = (f"Trainer/model/{execution}", f"Trainer/.system/executor_execution/{execution}")
    folders = [artifacts / name for name in names]
    (record,) = store.get_executions_by_id([execution])
    claim_outputs(artifacts / "Trainer", record, [str(folders[0])])
    for folder in folders:
        (folder / "deep").mkdir(parents=True)
        (folder / "deep" / "file").write_text("x")
    return folders


@pytest.mark.parametrize("state", ["NEW", "RUNNING"])
def test_unfinished_executions_are_marked_failed_and_their_folders_removed(store, artifacts, state):
    execution = execute(store, state)
    folders = folders_of(store, artifacts, execution)
    assert clean_up_executions(store, artifacts) == [execution]
    assert state_of(store, execution) == "FAILED"
    assert not any(folder.exists() for folder in folders)


@pytest.mark.parametrize("state", FINISHED)
def test_finished_executions_are_left_alone(store, artifacts, state):
    finished, dead = execute(store, state), execute(store, "RUNNING")
    folders, _ = folders_of(store, artifacts, finished), folders_of(store, artifacts, dead)
    assert clean_up_executions(store, artifacts) == [dead]
    assert state_of(store, finished) == state
    assert all((folder / "deep" / "file").is_file() for folder in folders)


def test_folders_of_failed_executions_are_removed(store, artifacts):
    execution = execute(store, "FAILED")
    folders = folders_of(store, artifacts, execution)
    assert clean_up_executions(store, artifacts) == []
    assert not any(folder.exists() for folder in folders)


def test_a_second_cleanup_finds_nothing(store, artifacts):
    execute(store, "RUNNING")
    assert len(clean_up_executions(store, artifacts)) == 1
    assert clean_up_executions(store, artifacts) == []


def test_an_empty_store_without_folders_needs_no_cleanup(store, artifacts):
    assert clean_up_executions(store, artifacts) == []
    assert not artifacts.exists()


def test_only_the_named_executions_are_marked(store):
    first, second = execute(store), execute(store)
    mark_failed(store, store.get_executions_by_id([first]))
    mark_failed(store, [])
    assert (state_of(store, first), state_of(store, second)) == ("FAILED", "COMPLETE")


def test_outputs_are_read_with_key_type_splits_and_properties(store, examples):
    execution = execute(store)
    artifact = pb.Artifact(type_id=examples, uri="/rows")
    artifact.properties["split_names"].string_value = json.dumps(["train", "eval"])
    artifact.custom_properties["blessed"].int_value = 1
    artifact.custom_properties["version"].string_value = "7"
    number = write(store, execution, artifact)
    (output,) = outputs_of(store, execution)
    assert output == Output(number, "examples", "Examples", "/rows", ("train", "eval"), {"blessed": 1, "version": "7"})
    assert output.split_folders() == {"train": "/rows/Split-train", "eval": "/rows/Split-eval"}


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        (pb.Event.OUTPUT, 1),
        (pb.Event.DECLARED_OUTPUT, 1),
        (pb.Event.INTERNAL_OUTPUT, 1),
        (pb.Event.INPUT, 0),
        (pb.Event.DECLARED_INPUT, 0),
        (pb.Event.PENDING_OUTPUT, 0),
    ],
)
def test_events_tell_outputs_from_inputs(store, examples, kind, found):
    execution = execute(store)
    write(store, execution, pb.Artifact(type_id=examples, uri="/rows"), kind=kind)
    assert len(outputs_of(store, execution)) == found


def test_outputs_of_other_executions_are_left_out(store, examples):
    first, second = execute(store), execute(store)
    write(store, first, pb.Artifact(type_id=examples, uri="/first"))
    write(store, second, pb.Artifact(type_id=examples, uri="/second"))
    write(store, second, pb.Artifact(type_id=examples, uri="/third"), key="more")
    assert [output.uri for output in outputs_of(store, first)] == ["/first"]
    assert {output.key: output.uri for output in outputs_of(store, second)} == {"examples": "/second", "more": "/third"}


def test_a_cached_artifact_is_an_output_of_both_executions(store, examples):
    first, second = execute(store), execute(store, "CACHED")
    number = write(store, first, pb.Artifact(type_id=examples, uri="/rows"))
    path = pb.Event.Path(steps=[pb.Event.Path.Step(key="examples"), pb.Event.Path.Step(index=0)])
    store.put_events([pb.Event(artifact_id=number, execution_id=second, type=pb.Event.OUTPUT, path=path)])
    assert outputs_of(store, first) == outputs_of(store, second)


def test_an_execution_without_outputs_has_none(store):
    assert outputs_of(store, execute(store)) == []


def test_an_artifact_without_splits_has_no_folders(store):
    kind = store.put_artifact_type(pb.ArtifactType(name="Model"))
    output = as_output(pb.Artifact(type_id=kind, type="Model", uri="/model"), "model")
    assert (output.splits, output.split_folders(), dict(output.properties)) == ((), {}, {})


def test_on_a_shared_store_only_runs_with_their_history_here_are_cleaned_up(store, tmp_path):
    def run_of(run: str, state: str) -> int:
        kind = store.put_execution_type(pb.ExecutionType(name="Trainer"))
        types = [store.put_context_type(pb.ContextType(name=name)) for name in ("pipeline", "pipeline_run")]
        contexts = [pb.Context(type_id=key, name=name) for key, name in zip(types, ("census", run), strict=True)]
        execution = pb.Execution(type_id=kind, last_known_state=State.Value(state))
        number, _, _ = store.put_execution(execution, [], contexts, reuse_context_if_already_exist=True)
        return number

    root = tmp_path / "census"
    for run in ("killed", "whole"):
        (root / "history" / run).mkdir(parents=True)
    killed, whole, elsewhere = run_of("killed", "RUNNING"), run_of("whole", "COMPLETE"), run_of("elsewhere", "RUNNING")
    folders = {number: folders_of(store, root / "artifacts", number) for number in (killed, whole, elsewhere)}
    assert clean_up_executions(store, root / "artifacts", unfinished_in_root(store, root)) == [killed]
    assert [state_of(store, number) for number in (killed, whole, elsewhere)] == ["FAILED", "COMPLETE", "RUNNING"]
    kept = {number: all(folder.exists() for folder in found) for number, found in folders.items()}
    assert kept == {killed: False, whole: True, elsewhere: True}


def test_a_store_without_the_pipeline_needs_no_cleanup(store, tmp_path):
    assert unfinished_in_root(store, tmp_path / "census") == []
