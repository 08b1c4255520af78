import json

import pytest
from fakes.kubeflow.kfp_server import Fault

CENSUS = ("--config", "census", "--image", "registry/image:1", "--json")


@pytest.fixture
def run(kubeflow, world):
    """A run that makes no progress."""
    world.script.held = True
    return json.loads(kubeflow("submit", *CENSUS).out)["run"]


def at_step(world, run, step):
    world.runs[run]["step"] = step


def test_status_shows_every_node(kubeflow, world, run):
    at_step(world, run, 2)
    said = kubeflow("status", run)
    rows = {line.split()[0]: line.split()[1] for line in said.out.splitlines() if line[:1].isupper()}
    assert said.code == 0
    assert rows == {"ExampleGen": "done", "Trainer": "running", "Pusher": "waiting"}
    assert f"{world.url}/#/runs/details/{run}" in said.out


def test_status_accepts_the_url_of_a_page_and_prints_json(kubeflow, world, run):
    at_step(world, run, 2)
    facts = json.loads(kubeflow("status", f"{world.url}/#/runs/details/{run}", "--json").out)
    assert [(node["node"], node["state"]) for node in facts["nodes"]] == [
        ("ExampleGen", "done"), ("Trainer", "running"), ("Pusher", "waiting"),
    ]  # fmt: skip
    assert facts["nodes"][0]["elapsed_s"] == 12.0
    assert 25 < facts["nodes"][1]["elapsed_s"] < 60
    assert (facts["state"], facts["summary"]) == ("RUNNING", None)


def test_the_status_of_an_ended_run_has_its_summary(kubeflow, world, run):
    at_step(world, run, 9)
    facts = json.loads(kubeflow("status", run, "--json").out)
    assert facts["state"] == "SUCCEEDED"
    assert facts["summary"]["status"] == "pushed"
    assert "pushed, exit code 0" in kubeflow("status", run).out


@pytest.mark.parametrize("command", ["status", "logs", "cancel"])
def test_an_unknown_run_is_bad_input(kubeflow, world, command):
    said = kubeflow(command, "run-9999")
    assert said.code == 2
    assert "run-9999" in said.err
    assert "not found" in said.err


def test_every_line_of_a_log_starts_with_its_node(kubeflow, world, run):
    at_step(world, run, 9)
    said = kubeflow("logs", run)
    assert said.code == 0
    assert said.out.splitlines()[:4] == [
        "ExampleGen | example-gen begins, try 0",
        "ExampleGen | example-gen goes on",
        "Trainer    | trainer begins, try 0",
        "Trainer    | trainer goes on",
    ]
    assert "Finish     | MAINLINE_SUMMARY" in said.out


def test_logs_of_all_attempts_of_one_node(kubeflow, world, run):
    world.script.tries = {"trainer": 2}
    at_step(world, run, 3)
    said = kubeflow("logs", run, "--node", "Trainer")
    assert [line.partition(" | ")[2] for line in said.out.splitlines()] == [
        "trainer begins, try 0", "trainer goes on", "trainer begins, try 1", "trainer goes on",
    ]  # fmt: skip


def test_logs_of_an_unknown_node_are_bad_input(kubeflow, world, run):
    said = kubeflow("logs", run, "--node", "Trainr")
    assert said.code == 2
    assert "ExampleGen, Trainer, Pusher, Finish" in said.err


def test_missing_logs_are_reported_without_the_error_of_the_server(kubeflow, world, run):
    at_step(world, run, 9)
    world.script.gone = True
    said = kubeflow("logs", run)
    assert said.code == 0
    assert said.out == ""
    assert "no log of ExampleGen, Finish, Pusher, Trainer" in said.err


def test_following_prints_each_line_once_until_the_run_ends(kubeflow, world):
    run = json.loads(kubeflow("submit", *CENSUS).out)["run"]
    said = kubeflow("logs", run, "--follow")
    lines = said.out.splitlines()
    assert len([line for line in lines if "goes on" in line]) == 3
    assert len(lines) == len(set(lines))
    assert any("MAINLINE_SUMMARY" in line for line in lines)


def test_a_log_ends_where_the_server_failed(kubeflow, world, run):
    at_step(world, run, 2)
    kubeflow("status", run)
    for name in world.logs:
        world.logs[name] = 'first line\nsecond{"error_message": "stream broke"}'
    world.script.frozen = True
    said = kubeflow("logs", run, "--node", "ExampleGen")
    assert said.out == "ExampleGen | first line\nExampleGen | second\n"


def test_cancel_waits_until_the_run_has_stopped(kubeflow, world, run):
    said = kubeflow("cancel", run, "--json")
    assert (said.code, json.loads(said.out)["state"]) == (0, "CANCELED")
    assert world.runs[run]["state"] == "CANCELED"


def test_cancel_does_not_change_an_ended_run(kubeflow, world, run):
    at_step(world, run, 9)
    said = kubeflow("cancel", run)
    assert said.code == 0
    assert "had already ended: SUCCEEDED" in said.out
    assert world.asked("POST", "terminate") == []


def test_cancel_gives_up_after_its_timeout(kubeflow, world, run):
    world.script.stops = False
    said = kubeflow("cancel", run, "--timeout", "0.2")
    assert said.code == 1
    assert "not stopped within 0.2 s" in said.err
    assert "CANCELING" in said.err


def test_a_server_that_fails_while_logs_are_followed_is_reported(kubeflow, world, run):
    at_step(world, run, 2)
    world.faults.append(Fault("GET .*/log", 500, 1000))
    said = kubeflow("logs", run)
    assert said.code == 1
    assert "the server failed" in said.err
