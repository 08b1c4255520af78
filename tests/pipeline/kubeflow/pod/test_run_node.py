"""Parts of the pod of a node; whole runs are in tests/e2e/clusters/test_kubeflow.py."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from components.distributed_trainer.cluster import BACKEND_ENV
from pipeline.config.load import load_config
from pipeline.errors import ConfigError, MainlineError
from pipeline.kubeflow.client.logs import summary_in
from pipeline.kubeflow.pod.arguments import PodArguments
from pipeline.kubeflow.pod.process import print_error
from pipeline.kubeflow.pod.run_node import WORKER_POD_ENV, check_node, parse, set_worker_environment

ROOT = Path(__file__).resolve().parents[4]


@dataclass
class Nodes:
    """A graph with names of nodes and edges only."""

    nodes: dict[str, SimpleNamespace]


GRAPH = Nodes({"Trainer": SimpleNamespace(upstream_nodes=["Transform", "ImportSchemaGen"])})


def test_the_graph_of_the_image_must_match_the_compiled_one():
    check_node("Trainer", {"ImportSchemaGen", "Transform"}, GRAPH)
    with pytest.raises(ConfigError, match="differs from the compiled pipeline") as caught:
        check_node("Trainer", {"ImportSchemaGen", "Transform", "Tuner"}, GRAPH)
    assert caught.value.expected == "after ImportSchemaGen, Transform, Tuner"
    with pytest.raises(ConfigError) as caught:
        check_node("WarmStart", set(), GRAPH)
    assert caught.value.received == "no such node"


def test_the_pod_of_workers_is_passed_in_the_environment(monkeypatch):
    monkeypatch.setenv(BACKEND_ENV, "")
    monkeypatch.setenv(WORKER_POD_ENV, "")
    set_worker_environment(load_config("census", ("kubeflow.pods.Workers={gpu: 1, cpu: '3'}",), env="kubeflow"))
    assert os.environ[BACKEND_ENV] == "kubernetes"
    pod = json.loads(os.environ[WORKER_POD_ENV])
    assert (pod["gpu"], pod["cpu"], pod["memory"]) == (1, "3", "8Gi")
    # That of Trainer: it ends workers whose launcher is gone.
    assert pod["timeout_s"] == 86_400


def test_the_command_line_of_the_compiler_is_parsed():
    options = parse(["--node", "Trainer", "--after", "Transform", "--run", "1", "--config", "{}", "--overrides", "{}",
                     "--parameter", "training.epochs", "3", "--parameter", "data.path", "/x"])  # fmt: skip
    assert options.parameter == [["training.epochs", "3"], ["data.path", "/x"]]


def test_the_last_line_of_the_log_has_the_error(capsys):
    assert print_error("Trainer", ConfigError("training.epochs", "not usable", received="0")) == 2
    assert capsys.readouterr().err.splitlines()[-1] == "Trainer failed with exit code 2: training.epochs: not usable"
    assert print_error("Trainer", ValueError("broken\nin two")) == 1
    assert capsys.readouterr().err.splitlines()[-1] == "Trainer failed with exit code 1: Trainer: ValueError: broken"


def test_the_cause_of_an_error_is_in_the_log(capsys):
    def read():
        try:
            return {}["x"]
        except KeyError as error:
            raise MainlineError("run", "KeyError: 'x'") from error

    with pytest.raises(MainlineError) as caught:
        read()
    print_error("Trainer", caught.value)
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("module", ["run_node", "exit_handler"])
def test_a_pod_with_an_invalid_config_fails(module):
    given = PodArguments("run", '{"name": "census"}')
    words = ["--run", given.run, "--config", given.config]
    words += ["--node", "Trainer"] if module == "run_node" else []
    done = subprocess.run(
        [sys.executable, "-m", f"pipeline.kubeflow.pod.{module}", *words], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith(
        "parameters of the run: required keys are missing: workload, data, training.epochs, training.batch_size, "
        "training.learning_rate"
    )
    if module == "exit_handler":
        assert summary_in(done.stdout)["exit_code"] == 2
        assert summary_in(done.stdout)["status"] == "bad input"


def test_a_terminated_pod_ends_cleanly(tmp_path):
    code = (
        "import sys, time; from pipeline.kubeflow.pod.process import running_pod\n"
        "with running_pod('Trainer') as status:\n    print('up', flush=True); time.sleep(60)\n"
        "sys.exit(status.exit_code)"
    )
    pod = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert pod.stdout is not None
    assert pod.stdout.readline() == "up\n"
    started_s = time.monotonic()
    pod.send_signal(signal.SIGTERM)
    _, said = pod.communicate()
    assert (pod.returncode, time.monotonic() - started_s < 5) == (1, True)
    assert said.splitlines()[-1].startswith("Trainer failed with exit code 1")
