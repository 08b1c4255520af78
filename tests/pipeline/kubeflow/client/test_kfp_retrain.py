import json

import pytest

CENSUS = ("--config", "census")
IMAGE = ("--image", "registry/image:1")


@pytest.fixture
def uploaded(kubeflow, world):
    """A pipeline of which one run is over; nothing is known of it but its versions."""
    facts = json.loads(kubeflow("submit", *CENSUS, *IMAGE, "--json").out)
    world.runs.clear()
    return facts


def retrain(kubeflow, *more):
    said = kubeflow("retrain", *CENSUS, "--json", *more)
    assert said.code == 0, said.err
    return json.loads(said.out)


def test_a_run_of_the_latest_version_with_the_reason_in_its_name(kubeflow, world, uploaded):
    latest = json.loads(kubeflow("submit", *CENSUS, *IMAGE, "--json", "--set", "data.seed=7").out)["version"]
    facts = retrain(kubeflow, "--reason", "drift of age: 0.31")
    run = world.runs[facts["run"]]
    assert facts["version"] == latest
    assert run["display_name"] == "census retrain: drift of age: 0.31"
    assert world.versions[run["pipeline_version_reference"]["pipeline_version_id"]]["display_name"] == latest


def test_the_first_version_is_called_by_its_digest_though_the_server_calls_it_as_the_pipeline(kubeflow, uploaded):
    assert retrain(kubeflow, "--reason", "r")["version"] == uploaded["version"]


def test_a_version_can_be_named(kubeflow, world, uploaded):
    kubeflow("submit", *CENSUS, *IMAGE, "--set", "data.seed=7", "--upload-only")
    assert retrain(kubeflow, "--reason", "r", "--version", uploaded["version"])["version"] == uploaded["version"]
    said = kubeflow("retrain", *CENSUS, "--reason", "r", "--version", "census-0")
    assert said.code == 2
    assert uploaded["version"] in said.err


def test_nothing_is_compiled(kubeflow, world, uploaded, monkeypatch):
    monkeypatch.setattr("pipeline.kubeflow.client.submit.compile_config", None)
    assert retrain(kubeflow, "--reason", "merge")["started"] is True


def test_keys_become_parameters_or_go_into_the_overrides(kubeflow, world, uploaded):
    facts = retrain(
        kubeflow, "--reason", "span 8", "--set", "training.epochs=2", "--set", "data.seed=9",
        "--set", "gate.block_on=warning",
    )  # fmt: skip
    sent = world.runs[facts["run"]]["runtime_config"]["parameters"]
    assert sent["training_epochs"] == 2
    assert json.loads(sent["overrides"]) == {"data": {"seed": 9}, "gate": {"block_on": "warning"}}
    assert "\n" not in sent["overrides"]


@pytest.mark.parametrize("bad", ["training.epoch=2", "training.epochs=many", "nonsense"])
def test_a_key_that_the_config_does_not_know_starts_nothing(kubeflow, world, uploaded, bad):
    said = kubeflow("retrain", *CENSUS, "--reason", "r", "--set", bad)
    assert said.code == 2
    assert world.runs == {}


def test_a_version_without_overrides_says_what_it_takes(kubeflow, world, uploaded):
    for version in world.versions.values():
        del version["pipeline_spec"]["root"]["inputDefinitions"]["parameters"]["overrides"]
    said = kubeflow("retrain", *CENSUS, "--reason", "r", "--set", "data.seed=9")
    assert said.code == 2
    assert "training_epochs" in said.err
    assert retrain(kubeflow, "--reason", "r", "--set", "training.epochs=2")["started"] is True


def test_without_a_version_it_says_to_submit_first(kubeflow, world):
    said = kubeflow("retrain", *CENSUS, "--reason", "r")
    assert said.code == 2
    assert "submit" in said.err


@pytest.mark.parametrize("state", ["PENDING", "RUNNING", "SUCCEEDED"])
def test_the_run_of_a_key_is_started_once(kubeflow, world, uploaded, state):
    first = retrain(kubeflow, "--reason", "span 7", "--key", "span-7")
    world.runs[first["run"]]["state"] = state
    said = kubeflow("retrain", *CENSUS, "--reason", "again", "--key", "span-7", "--json")
    second = json.loads(said.out)
    assert (said.code, second["started"], second["run"]) == (0, False, first["run"])
    assert "census retrain: span 7 [span-7]" in said.err
    assert len(world.runs) == 1


@pytest.mark.parametrize("state", ["FAILED", "CANCELED"])
def test_the_run_of_a_key_is_started_again_when_it_failed(kubeflow, world, uploaded, state):
    first = retrain(kubeflow, "--reason", "span 7", "--key", "span-7")
    world.runs[first["run"]]["state"] = state
    assert retrain(kubeflow, "--reason", "span 7", "--key", "span-7")["started"] is True


def test_another_key_is_another_run(kubeflow, world, uploaded):
    for key in ("span-7", "span-70", "pan-7"):
        assert retrain(kubeflow, "--reason", "rows", "--key", key)["started"] is True


def test_a_key_of_another_pipeline_does_not_count(kubeflow, world, uploaded):
    world.add_run("pipeline-9", "version-9", display_name="other retrain: rows [span-7]")
    assert retrain(kubeflow, "--reason", "rows", "--key", "span-7")["started"] is True


def test_of_two_triggers_at_the_same_moment_the_first_run_stays(kubeflow, world, uploaded):
    (pipeline,) = world.pipelines
    version = next(iter(world.versions))

    def other(_):
        world.on_run = None
        name = "census retrain: rows [span-7]"
        world.add_run(pipeline, version, display_name=name, created_at="2026-01-01T00:00:00Z")

    world.on_run = other
    said = kubeflow("retrain", *CENSUS, "--reason", "rows", "--key", "span-7", "--json")
    facts = json.loads(said.out)
    assert facts["started"] is False
    (mine,) = (run for run in world.runs if run != facts["run"])
    assert world.runs[mine]["state"] == "CANCELING"
    assert world.runs[facts["run"]]["state"] == "RUNNING"


def test_only_if_idle_starts_nothing_beside_a_run_at_work(kubeflow, world, uploaded):
    (pipeline,) = world.pipelines
    busy = world.add_run(pipeline, next(iter(world.versions)))
    facts = retrain(kubeflow, "--reason", "rows", "--if-idle")
    assert (facts["started"], facts["run"]) == (False, busy)
    world.runs[busy]["state"] = "FAILED"
    assert retrain(kubeflow, "--reason", "rows", "--if-idle")["started"] is True


def test_only_if_idle_a_run_of_another_key_is_in_the_way_too(kubeflow, world, uploaded):
    other = retrain(kubeflow, "--reason", "rows", "--key", "span-6")
    facts = retrain(kubeflow, "--reason", "rows", "--key", "span-7", "--if-idle")
    assert (facts["started"], facts["run"]) == (False, other["run"])


def test_waiting_for_a_run_that_was_there_ends_as_that_did(kubeflow, world, uploaded):
    retrain(kubeflow, "--reason", "rows", "--key", "span-7")
    world.script.summary = {"status": "not blessed", "exit_code": 3}
    said = kubeflow("retrain", *CENSUS, "--reason", "rows", "--key", "span-7", "--wait", "--json")
    assert (said.code, json.loads(said.out)["started"]) == (3, False)


@pytest.mark.parametrize(
    "arguments",
    [("--reason", ""), ("--reason", "two\nlines"), ("--reason", "x" * 151), ("--reason", "r", "--key", "a b")],
)
def test_what_cannot_be_part_of_a_name_is_refused_before_anything_is_asked(kubeflow, world, arguments):
    said = kubeflow("retrain", *CENSUS, *arguments)
    assert said.code == 2
    assert world.requests == []
