import json

import pytest

CENSUS = ("--config", "census")
IMAGE = ("--image", "registry/image:1")


@pytest.fixture
def uploaded(kubeflow, world):
    """A pipeline on the server with one ended run."""
    facts = json.loads(kubeflow("submit", *CENSUS, *IMAGE, "--json").out)
    world.runs.clear()
    return facts


def retrain(kubeflow, *more):
    said = kubeflow("retrain", *CENSUS, "--json", *more)
    assert said.code == 0, said.err
    return json.loads(said.out)


def test_the_latest_version_is_run_with_the_reason_in_its_name(kubeflow, world, uploaded):
    latest = json.loads(kubeflow("submit", *CENSUS, *IMAGE, "--json", "--set", "data.seed=7").out)["version"]
    facts = retrain(kubeflow, "--reason", "drift of age: 0.31")
    run = world.runs[facts["run"]]
    assert facts["version"] == latest
    assert run["display_name"] == "census retrain: drift of age: 0.31"
    assert world.versions[run["pipeline_version_reference"]["pipeline_version_id"]]["display_name"] == latest


def test_the_first_version_has_our_name_although_the_server_gives_it_another(kubeflow, uploaded):
    assert retrain(kubeflow, "--reason", "r")["version"] == uploaded["version"]


def test_a_version_can_be_chosen_by_name(kubeflow, world, uploaded):
    kubeflow("submit", *CENSUS, *IMAGE, "--set", "data.seed=7", "--upload-only")
    assert retrain(kubeflow, "--reason", "r", "--version", uploaded["version"])["version"] == uploaded["version"]
    said = kubeflow("retrain", *CENSUS, "--reason", "r", "--version", "census-0")
    assert said.code == 2
    assert uploaded["version"] in said.err


def test_nothing_is_compiled(kubeflow, world, uploaded, monkeypatch):
    monkeypatch.setattr("pipeline.kubeflow.client.submit.compile_config", None)
    assert retrain(kubeflow, "--reason", "merge")["started"] is True


def test_settings_become_parameters_or_overrides(kubeflow, world, uploaded):
    facts = retrain(
        kubeflow, "--reason", "span 8", "--set", "training.epochs=2", "--set", "data.seed=9",
        "--set", "gate.block_on=warning",
    )  # fmt: skip
    sent = world.runs[facts["run"]]["runtime_config"]["parameters"]
    assert sent["training_epochs"] == 2
    assert json.loads(sent["overrides"]) == {"data": {"seed": 9}, "gate": {"block_on": "warning"}}
    assert "\n" not in sent["overrides"]


@pytest.mark.parametrize("bad", ["training.epoch=2", "training.epochs=many", "nonsense"])
def test_an_unknown_setting_starts_no_run(kubeflow, world, uploaded, bad):
    said = kubeflow("retrain", *CENSUS, "--reason", "r", "--set", bad)
    assert said.code == 2
    assert world.runs == {}


def test_a_version_without_overrides_lists_its_parameters(kubeflow, world, uploaded):
    for version in world.versions.values():
        del version["pipeline_spec"]["root"]["inputDefinitions"]["parameters"]["overrides"]
    said = kubeflow("retrain", *CENSUS, "--reason", "r", "--set", "data.seed=9")
    assert said.code == 2
    assert "training_epochs" in said.err
    assert retrain(kubeflow, "--reason", "r", "--set", "training.epochs=2")["started"] is True


def test_without_a_version_submit_is_suggested(kubeflow, world):
    said = kubeflow("retrain", *CENSUS, "--reason", "r")
    assert said.code == 2
    assert "submit" in said.err


@pytest.mark.parametrize("state", ["PENDING", "RUNNING", "SUCCEEDED"])
def test_a_key_has_one_run(kubeflow, world, uploaded, state):
    first = retrain(kubeflow, "--reason", "span 7", "--key", "span-7")
    world.runs[first["run"]]["state"] = state
    said = kubeflow("retrain", *CENSUS, "--reason", "again", "--key", "span-7", "--json")
    second = json.loads(said.out)
    assert (said.code, second["started"], second["run"]) == (0, False, first["run"])
    assert "census retrain: span 7 [span-7]" in said.err
    assert len(world.runs) == 1


@pytest.mark.parametrize("state", ["FAILED", "CANCELED"])
def test_a_key_has_another_run_if_the_first_failed(kubeflow, world, uploaded, state):
    first = retrain(kubeflow, "--reason", "span 7", "--key", "span-7")
    world.runs[first["run"]]["state"] = state
    assert retrain(kubeflow, "--reason", "span 7", "--key", "span-7")["started"] is True


def test_another_key_has_another_run(kubeflow, world, uploaded):
    for key in ("span-7", "span-70", "pan-7"):
        assert retrain(kubeflow, "--reason", "rows", "--key", key)["started"] is True


def test_a_key_of_another_pipeline_does_not_count(kubeflow, world, uploaded):
    world.add_run("pipeline-9", "version-9", display_name="other retrain: rows [span-7]")
    assert retrain(kubeflow, "--reason", "rows", "--key", "span-7")["started"] is True


def test_the_first_run_of_two_simultaneous_triggers_stays(kubeflow, world, uploaded):
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


def test_if_idle_starts_no_run_beside_an_active_one(kubeflow, world, uploaded):
    (pipeline,) = world.pipelines
    busy = world.add_run(pipeline, next(iter(world.versions)))
    facts = retrain(kubeflow, "--reason", "rows", "--if-idle")
    assert (facts["started"], facts["run"]) == (False, busy)
    world.runs[busy]["state"] = "FAILED"
    assert retrain(kubeflow, "--reason", "rows", "--if-idle")["started"] is True


def test_if_idle_counts_runs_with_other_keys(kubeflow, world, uploaded):
    other = retrain(kubeflow, "--reason", "rows", "--key", "span-6")
    facts = retrain(kubeflow, "--reason", "rows", "--key", "span-7", "--if-idle")
    assert (facts["started"], facts["run"]) == (False, other["run"])


def test_waiting_for_an_earlier_run_ends_with_its_exit_code(kubeflow, world, uploaded):
    retrain(kubeflow, "--reason", "rows", "--key", "span-7")
    world.script.summary = {"status": "not blessed", "exit_code": 3}
    said = kubeflow("retrain", *CENSUS, "--reason", "rows", "--key", "span-7", "--wait", "--json")
    assert (said.code, json.loads(said.out)["started"]) == (3, False)


@pytest.mark.parametrize(
    "arguments",
    [("--reason", ""), ("--reason", "two\nlines"), ("--reason", "x" * 151), ("--reason", "r", "--key", "a b")],
)
def test_an_invalid_reason_or_key_is_refused_before_a_request(kubeflow, world, arguments):
    said = kubeflow("retrain", *CENSUS, *arguments)
    assert said.code == 2
    assert world.requests == []
