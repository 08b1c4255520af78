import json

import pytest
from fakes.kubeflow.kfp_server import Fault

from pipeline.shell import line, script

CENSUS = ("--config", "census", "--image", "registry/image:1")


def submit(kubeflow, *more):
    said = kubeflow("submit", *CENSUS, "--json", *more)
    assert said.code == 0, said.err
    return json.loads(said.out)


def test_the_first_submit_creates_pipeline_experiment_and_run(kubeflow, world):
    facts = submit(kubeflow, "--experiment", "nightly")
    (run,) = world.runs.values()
    (version,) = world.versions.values()
    (experiment,) = world.experiments.values()
    assert experiment["display_name"] == "nightly"
    assert run["experiment_id"] == experiment["experiment_id"]
    assert run["pipeline_version_reference"] == {
        "pipeline_id": version["pipeline_id"],
        "pipeline_version_id": version["pipeline_version_id"],
    }
    assert run["service_account"] == "mainline-runner"
    assert facts["run"] == run["run_id"]
    assert facts["url"] == f"{world.url}/#/runs/details/{run['run_id']}"
    assert facts["new_version"] is True
    assert [path.split("?")[0] for path in world.asked("POST")] == [
        "/apis/v2beta1/pipelines/upload",
        "/apis/v2beta1/experiments",
        "/apis/v2beta1/runs",
    ]


def test_submit_prints_the_url_and_the_status_command(kubeflow, world):
    said = kubeflow("submit", *CENSUS)
    (run,) = world.runs
    assert f"{world.url}/#/runs/details/{run}" in said.out
    assert f"status --host {world.url} {run}" in said.out
    assert "0.1 s of it for imports" in said.err


def test_the_same_config_is_uploaded_once(kubeflow, world):
    first, second = submit(kubeflow), submit(kubeflow)
    assert first["version"] == second["version"]
    assert (first["new_version"], second["new_version"]) == (True, False)
    assert len(world.asked("POST", "upload")) == 1
    assert len(world.runs) == 2


def test_upload_only_starts_no_run_and_keeps_the_parameters_as_defaults(kubeflow, world):
    facts = submit(kubeflow, "--upload-only", "--set", "data.seed=7")
    assert facts == {"pipeline": "census", "version": facts["version"], "new_version": True}
    assert (world.runs, world.experiments) == ({}, {})
    assert submit(kubeflow, "--upload-only", "--set", "data.seed=7")["new_version"] is False


def test_another_config_is_another_version_named_by_its_digest(kubeflow, world):
    first, second = submit(kubeflow), submit(kubeflow, "--set", "data.seed=7")
    assert first["version"] != second["version"]
    assert second["version"].startswith("census-")
    assert [version["display_name"] for version in world.versions.values()] == ["census", second["version"]]
    assert submit(kubeflow, "--set", "data.seed=7")["new_version"] is False


def test_a_parameter_of_the_run_needs_no_new_version(kubeflow, world):
    first, second = submit(kubeflow), submit(kubeflow, "--set", "training.epochs=3")
    assert second["version"] == first["version"]
    assert second["parameters"] == {"training_epochs": 3}
    runs = list(world.runs.values())
    assert [run["runtime_config"].get("parameters", {}) for run in runs] == [{}, {"training_epochs": 3}]


def test_an_invalid_parameter_never_reaches_the_server(kubeflow, world):
    said = kubeflow("submit", *CENSUS, "--set", "training.epochs=many")
    assert said.code == 2
    assert "training.epochs" in said.err
    assert world.requests == []


def test_a_version_is_found_on_a_later_page(kubeflow, world):
    world.page = 2
    first = submit(kubeflow)
    for seed in range(1, 5):
        submit(kubeflow, "--set", f"data.seed={seed}")
    assert submit(kubeflow)["version"] == first["version"]
    assert len(world.versions) == 5


def test_an_archived_experiment_is_refused(kubeflow, world):
    submit(kubeflow, "--experiment", "old")
    next(iter(world.experiments.values()))["storage_state"] = "ARCHIVED"
    said = kubeflow("submit", *CENSUS, "--experiment", "old")
    assert said.code == 2
    assert "archived" in said.err
    assert len(world.runs) == 1


def test_the_compiled_package_is_uploaded(kubeflow, world):
    submit(kubeflow)
    (body,) = world.bodies("upload")
    assert "registry/image:1-0" in body
    assert "MAINLINE" not in body


@pytest.mark.parametrize(
    ("status", "code"), [("pushed", 0), ("not blessed", 3), ("data rejected", 4), ("awaiting review", 5)]
)
def test_waiting_ends_with_the_exit_code_of_the_run(kubeflow, world, status, code):
    world.script.summary = {"status": status, "exit_code": code}
    said = kubeflow("submit", *CENSUS, "--wait", "--json")
    facts = json.loads(said.out)
    assert (said.code, facts["exit_code"], facts["summary"]["status"]) == (code, code, status)
    assert {node["node"]: node["state"] for node in facts["nodes"]} == dict.fromkeys(
        ("ExampleGen", "Trainer", "Pusher"), "done"
    )


def test_waiting_shows_the_progress_of_each_node(kubeflow, world):
    said = kubeflow("submit", *CENSUS, "--wait")
    lines = [line.partition(" ")[2] for line in said.err.splitlines()]
    assert "3 nodes: ExampleGen, Trainer, Pusher" in lines
    shown = [" ".join(line.split()[:2]) for line in lines if "running" in line or "done" in line]
    for node in ("ExampleGen", "Trainer"):
        assert shown.index(f"{node} running") < shown.index(f"{node} done")
    assert "Pusher done" in shown
    assert said.out.splitlines()[-1].startswith("succeeded")


def test_a_failed_node_is_shown_and_later_nodes_are_skipped(kubeflow, world):
    world.script.fails, world.script.summary = "trainer", {"status": "failed", "exit_code": 1}
    said = kubeflow("submit", *CENSUS, "--wait", "--json")
    states = {node["node"]: node["state"] for node in json.loads(said.out)["nodes"]}
    assert (said.code, states) == (1, {"ExampleGen": "done", "Trainer": "failed", "Pusher": "skipped"})


@pytest.mark.parametrize(("fails", "code"), [("", 0), ("trainer", 1)])
def test_without_a_log_the_state_of_the_run_gives_the_exit_code(kubeflow, world, fails, code):
    world.script.gone, world.script.fails = True, fails
    said = kubeflow("submit", *CENSUS, "--wait", "--json")
    assert said.code == code
    assert "summary could not be read" in said.err
    assert json.loads(said.out)["summary"] is None


@pytest.mark.parametrize("pod_format", ["system-container-impl", "retry-system-container-impl", ""])
@pytest.mark.parametrize("tries", [0, 2])
def test_the_summary_is_found_for_every_pod_name_of_argo(kubeflow, world, pod_format, tries):
    world.script.pod_format, world.script.tries = pod_format, {"finish": tries}
    world.script.summary = {"status": "rejected", "exit_code": 3}
    assert kubeflow("submit", *CENSUS, "--wait").code == 3


def test_the_summary_of_a_run_is_shown_like_a_local_one(kubeflow, world):
    world.script.summary = {
        "pipeline": "census", "run": "r1", "status": "not blessed", "exit_code": 3, "elapsed_s": 61.0, "error": None,
        "nodes": [{"node": "Trainer", "state": "cached", "detail": "", "rows_in": 9, "elapsed_s": 1.5}],
        "verdict": {"blessed": False, "rows": 400, "checks": [
            {"metric": "AUC", "slice": "overall", "bound": "≥ 0.9", "value": 0.8, "interval": [0.7, 0.85],
             "missed_by": 0.1, "margin": -0.1}]},
        "model": None, "evaluation": None, "report": "/mnt/mainline/runs/census/reports/r1/index.html",
        "folder": "/mnt/f", "log": "/mnt/l", "next_command": "", "warnings": ["too few rows"],
    }  # fmt: skip
    said = kubeflow("submit", *CENSUS, "--wait")
    assert said.code == 3
    for text in (
        "Not blessed: 1 of 1 bound missed",
        "missed by 0.1000",
        "reports/r1/index.html",
        "too few rows",
        "cached",
    ):
        assert text in said.out


def test_waiting_survives_a_restart_of_the_server(kubeflow, world):
    world.faults += [Fault("GET .*/runs/run", 503, 6), Fault("GET .*/runs/run", 0, 2)]
    said = kubeflow("submit", *CENSUS, "--wait")
    assert said.code == 0
    assert "no answer: 503" in said.err or "the fault that was asked for" in said.err


def test_waiting_gives_up_after_some_minutes(kubeflow, world):
    world.faults.append(Fault("GET .*/runs/run", 503, 10_000))
    said = kubeflow("submit", *CENSUS, "--wait")
    (run,) = world.runs
    assert said.code == 1
    assert "the run may continue" in said.err
    assert f"status --host {world.url} {run}" in said.err
    assert len(world.asked("GET", "/runs/run")) < 30


def test_ctrl_c_leaves_the_run_active_and_prints_the_status_command(kubeflow, world, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    world.script.held = True
    monkeypatch.setattr("pipeline.kubeflow.client.waiting.update_nodes", interrupted)
    said = kubeflow("submit", *CENSUS, "--wait")
    (run,) = world.runs
    assert said.code == 1
    assert f"The run continues: {line(*script('kubeflow_runner.py'))} status --host {world.url} {run}" in said.err
    assert world.asked("POST", "terminate") == []


@pytest.mark.parametrize(("status", "said"), [(503, "the server failed"), (0, "no answer")])
def test_a_failed_start_is_not_retried(kubeflow, world, status, said):
    world.faults.append(Fault("POST .*/runs$", status, 1))
    failed = kubeflow("submit", *CENSUS)
    assert failed.code == 1
    assert said in failed.err
    assert len(world.asked("POST", "/runs$")) == 1
    assert world.runs == {}
