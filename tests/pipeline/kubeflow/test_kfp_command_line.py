import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

import kubeflow_runner
from pipeline.errors import ConfigError, InputError
from pipeline.kubeflow.client.connection import server_of
from pipeline.kubeflow.command_line import parse
from pipeline.kubeflow.compile.compiler import read_request

ROOT = Path(__file__).resolve().parents[3]
COMMANDS = ("compile", "submit", "schedule", "retrain", "status", "logs", "cancel")


def start(*arguments):
    """Start the command in its own process, like a user."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("KF_", "MAINLINE_KFP"))}
    command = [sys.executable, str(ROOT / "kubeflow_runner.py"), *arguments]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=environment
    )


def ended(process):
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_exit_codes(command, capsys):
    with pytest.raises(SystemExit) as raised:
        parse([command, "--help"], "")
    assert raised.value.code == 0
    assert "exit codes:" in capsys.readouterr().out


def test_the_command_line_only_imports_the_standard_library():
    code = (
        "import sys; before = set(sys.modules); import pipeline.kubeflow.command_line;"
        "new = {name.split('.')[0] for name in set(sys.modules) - before};"
        "print(sorted(new - sys.stdlib_module_names - {'pipeline'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


def test_the_host_comes_from_the_variable_of_the_sdk(monkeypatch):
    monkeypatch.setenv("KF_PIPELINES_ENDPOINT", "https://kubeflow.example.com")
    assert parse(["status", "r"], "").host == "https://kubeflow.example.com"
    assert parse(["status", "r", "--host", "http://other"], "").host == "http://other"


@pytest.mark.parametrize("arguments", [[], ["retrain"], ["status"], ["submit", "--nonsense"], ["schedule", "burn"]])
def test_an_invalid_command_line_has_exit_code_2(arguments, capsys):
    with pytest.raises(SystemExit) as raised:
        parse(arguments, "")
    assert raised.value.code == 2
    capsys.readouterr()


def test_a_parameter_of_the_run_does_not_change_the_package():
    plain, changed = (read_request("census", sets, "i:1") for sets in ((), ("training.epochs=3",)))
    assert changed.config == plain.config
    assert changed.parameters == {"training_epochs": 3}
    assert changed.full_config.training.epochs == 3
    assert read_request("census", ("data.seed=3",), "i:1").config != plain.config


def test_keys_are_not_parameters_unless_the_config_lists_them():
    wanted = read_request("census", ("kubeflow.parameters=[]", "training.epochs=3"), "i:1")
    assert (wanted.parameters, wanted.config.training.epochs) == ({}, 3)


def test_the_last_of_two_values_counts():
    assert read_request("census", ("training.epochs=3", "training.epochs=4"), "").parameters == {"training_epochs": 4}


def test_the_image_is_a_key_of_the_config():
    assert read_request("census", (), "registry/image:1").config.kubeflow.image == "registry/image:1"
    with pytest.raises(ConfigError):
        read_request("nowhere", (), "")


def test_a_failed_write_leaves_no_file(kubeflow, world, tmp_path, capsys):
    blocked = tmp_path / "file"
    blocked.write_text("")
    arguments = ["compile", "--config", "census", "--image", "i:1", "--output", str(blocked / "pipeline.yaml")]
    assert kubeflow_runner.main(arguments) == 1
    assert "cannot be written" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [blocked]


def test_compile_prints_json(kubeflow, world, tmp_path, capsys):
    output = tmp_path / "new" / "pipeline.yaml"
    arguments = ["compile", "--config", "census", "--image", "i:1", "--output", str(output), "--json"]
    assert kubeflow_runner.main(arguments) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["pipeline"], facts["nodes"], facts["output"]) == (
        "census", ["ExampleGen", "Trainer", "Pusher"], str(output),
    )  # fmt: skip
    assert [path.name for path in output.parent.iterdir()] == ["pipeline.yaml"]
    assert world.requests == []


def test_ctrl_c_in_a_real_process_leaves_the_run_active(kubeflow, world):
    world.script.held = True
    run = json.loads(kubeflow("submit", "--config", "census", "--image", "i:1", "--json").out)["run"]
    key = ("--key", "span-7", "--reason", "rows", "--config", "census", "--host", world.url)
    process = start("retrain", *key, "--wait")
    deadline_s = time.monotonic() + 60
    while len(world.runs) < 2 or len(world.asked("GET", f"/runs/(?!{run})run")) < 2:
        assert time.monotonic() < deadline_s, ended(process)
        assert process.poll() is None, ended(process)
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    code, _, err = ended(process)
    assert code == 1
    assert "kubeflow_runner.py status" in err.split("The run continues: ")[1]
    assert "Traceback" not in err
    assert world.asked("POST", "terminate") == []


@pytest.mark.slow
def test_the_real_pipeline_is_compiled_submitted_and_scheduled_with_clean_output(world, tmp_path):
    options = ("--config", "census", "--image", "registry/image:1")
    code, out, err = ended(start("compile", *options, "--output", str(tmp_path / "p.yaml"), "--json"))
    assert (code, err) == (0, "")
    facts = json.loads(out)
    assert 0 < facts["import_seconds"] < facts["seconds"]
    documents = list(yaml.safe_load_all((tmp_path / "p.yaml").read_text(encoding="utf-8")))
    assert documents[0]["pipelineInfo"]["name"] == "census"
    code, out, err = ended(start("submit", *options, "--host", world.url, "--json"))
    submitted = json.loads(out)
    assert code == 0
    assert submitted["version"] == f"census-{facts['digest']}"
    assert err.startswith("compiled in ")
    assert len(err.splitlines()) == 1
    code, out, err = ended(start("schedule", *options, "--host", world.url, "--cron", "@daily", "--json"))
    assert (code, json.loads(out)["version"]) == (0, submitted["version"])
    assert len(world.versions) == 1


def test_without_an_image_compile_fails_at_once(tmp_path, capsys):
    output = tmp_path / "p.yaml"
    assert kubeflow_runner.main(["compile", "--config", "census", "--output", str(output)]) == 2
    assert "kubeflow.image" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("option", "name"), [("--namespace", "Team A"), ("--namespace", "-a"), ("--service-account", "../x")]
)
def test_an_invalid_name_is_refused_before_a_request(option, name):
    options = parse(["submit", "--host", "https://kubeflow.example.com", f"{option}={name}"], "")
    with pytest.raises(InputError, match=f"{option}: not a valid name in Kubernetes"):
        server_of(options)


def test_valid_names_are_accepted():
    asked = ["--host", "https://kubeflow.example.com", "--namespace", "team-a"]
    assert server_of(parse(["submit", *asked, "--service-account", "a.b"], "")).namespace == "team-a"
    assert server_of(parse(["status", "run", *asked], "")).namespace == "team-a"
