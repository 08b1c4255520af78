import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from fakes.kubeflow import kfp_server

from pipeline.kubeflow.command_line import parse

ROOT = Path(__file__).resolve().parents[2]
CI = ROOT / "deploy" / "ci"
SCRIPT = CI / "retrain.sh"
DIGEST = "registry.example.com/team/mainline@sha256:" + "a" * 64
STAND_IN = """\
#!/bin/sh
echo "$(basename "$0") $*" >> "$CALLS"
case "$1" in
  "$FAILS") exit 7 ;;
  inspect) echo "elsewhere.example.com/mainline@sha256:bbbb $DIGEST" ;;
esac
"""


@pytest.fixture
def stub():
    with kfp_server.serving(kfp_server.ServerState(script=kfp_server.Script(pace=6))) as world:
        yield world


@pytest.fixture
def run(tmp_path, stub):
    """Run the script with fake docker and make; return its result and the calls."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("docker", "make"):
        (tools / name).write_text(STAND_IN)
        (tools / name).chmod(0o755)

    def start(**variables):
        environment = {
            **{name: os.environ[name] for name in ("HOME", "LANG", "LD_LIBRARY_PATH") if name in os.environ},
            "PATH": f"{tools}:{os.environ['PATH']}", "CALLS": str(tmp_path / "calls"), "FAILS": "nothing",
            "DIGEST": DIGEST, "IMAGE_REPOSITORY": DIGEST.partition("@")[0], "KF_PIPELINES_ENDPOINT": stub.url,
            "CONFIG": "census", "REVISION": "4f5c", "OUT": str(tmp_path / "out"), "PYTHON": sys.executable, **variables,
        }  # fmt: skip
        wanted = {name: value for name, value in environment.items() if value}
        done = subprocess.run([SCRIPT], capture_output=True, text=True, env=wanted, timeout=500)
        calls = tmp_path / "calls"
        return done, calls.read_text().splitlines() if calls.exists() else []

    return start


def commands_of(text):
    """Each command line of a shell script that calls our runner, variables unexpanded."""
    joined = text.replace("\\\n", " ")
    for line in re.findall(r"kubeflow_runner\.py (.*)", joined):
        words = shlex.split(re.sub(r"[>|].*", "", line))
        yield ["NUMBER" if word.startswith("$") else word for word in words]


def test_every_command_in_the_script_exists():
    text = SCRIPT.read_text(encoding="utf-8")
    commands = [parse(words, "").command for words in commands_of(text)]
    assert commands == ["submit", "retrain", "logs", "schedule"]
    targets = re.findall(r"^make (\S+)$", text, re.MULTILINE)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert targets
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)
    assert (ROOT / re.search(r"--file (\S+)", text)[1]).is_file()


def test_the_workflow_sets_the_variables_of_the_script():
    workflow = yaml.safe_load((CI / "retrain.yml").read_text(encoding="utf-8"))
    steps = workflow["jobs"]["retrain"]["steps"]
    runs = [step for step in steps if "run" in step]
    assert [step["run"] for step in runs] == ["deploy/ci/retrain.sh"]
    assert os.access(SCRIPT, os.X_OK)
    read = set(re.findall(r"^#   ([A-Z_]+) ", SCRIPT.read_text(encoding="utf-8"), re.MULTILINE))
    assert set(runs[0]["env"]) <= read
    assert {"IMAGE_REPOSITORY", "KF_PIPELINES_ENDPOINT"} <= set(runs[0]["env"])
    (artifact,) = (step for step in steps if "upload-artifact" in step.get("uses", ""))
    assert artifact["with"]["path"] == runs[0]["env"]["OUT"]
    assert artifact["if"] == "always()"
    assert workflow[True]["push"]["branches"] == ["main"]


def test_neither_file_contains_a_secret():
    for path in CI.iterdir():
        values = re.findall(r"(?:TOKEN|PASSWORD|password)\s*[:=]\s*(\S+)", path.read_text(encoding="utf-8"))
        assert all(value.startswith("${{") for value in values)


@pytest.mark.parametrize("missing", ["IMAGE_REPOSITORY", "KF_PIPELINES_ENDPOINT"])
def test_a_missing_variable_stops_the_script_at_once(run, stub, missing):
    done, calls = run(**{missing: ""})
    assert done.returncode != 0
    assert missing in done.stderr
    assert (calls, stub.requests) == ([], [])


@pytest.mark.parametrize(("fails", "last"), [("check", "make check"), ("test", "make test"), ("push", "docker push")])
def test_a_failed_step_is_the_last_one(run, stub, fails, last):
    done, calls = run(FAILS=fails)
    assert done.returncode == 7
    assert calls[-1].startswith(last)
    assert stub.requests == []


@pytest.mark.slow
def test_all_steps_from_the_tests_to_the_report(run, stub, tmp_path):
    claim = tmp_path / "claim"
    (claim / "runs/census/reports/r1").mkdir(parents=True)
    (claim / "runs/census/reports/r1/index.html").write_text("the report")
    stub.script.summary = {
        "status": "not blessed", "exit_code": 3, "report": "/mnt/mainline/runs/census/reports/r1/index.html",
    }  # fmt: skip
    done, calls = run(CRON="0 0 3 * * *", CLAIM=str(claim))
    assert done.returncode == 3, done.stderr
    repository = DIGEST.partition("@")[0]
    assert calls == [
        "make check",
        "make test",
        f"docker build --file deploy/Dockerfile.pipeline --build-arg REVISION=4f5c --tag {repository}:4f5c .",
        f"docker push {repository}:4f5c",
        f'docker inspect --format {{{{join .RepoDigests " "}}}} {repository}:4f5c',
    ]
    (version,) = stub.versions.values()
    assert DIGEST in json.dumps(version["pipeline_spec"])
    (one,) = stub.runs.values()
    assert one["pipeline_version_reference"]["pipeline_version_id"] == version["pipeline_version_id"]
    assert one["service_account"] == "mainline-runner"
    assert not stub.recurring
    assert one["display_name"] == "census retrain: merge of 4f5c [4f5c]"
    out = tmp_path / "out"
    assert json.loads((out / "run.json").read_text(encoding="utf-8"))["summary"]["status"] == "not blessed"
    assert "MAINLINE_SUMMARY" in (out / "run.log").read_text(encoding="utf-8")
    assert (out / "report/index.html").read_text() == "the report"
    assert f"{stub.url}/#/runs/details/{one['run_id']}\nnot blessed\n" in done.stdout


@pytest.mark.slow
def test_a_second_call_for_the_same_revision_joins_the_first_run(run, stub):
    for _ in range(2):
        done, _ = run(CRON="0 0 3 * * *")
        assert done.returncode == 0, done.stderr
    assert (len(stub.versions), len(stub.runs)) == (1, 1)
    (version,) = stub.versions.values()
    (recurring,) = stub.recurring.values()
    assert recurring["pipeline_version_reference"]["pipeline_version_id"] == version["pipeline_version_id"]
    assert recurring["service_account"] == "mainline-runner"
