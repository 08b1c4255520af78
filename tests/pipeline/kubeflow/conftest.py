"""A server in memory and a command line for it, with a small pipeline that compiles fast."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from fakes.kubeflow import kfp_parts, kfp_server

import kubeflow_runner
from pipeline.config.root import Config
from pipeline.kubeflow.compile.compiler import Compilation
from pipeline.kubeflow.compile.package import Package

NODES = ("ExampleGen", "Trainer", "Pusher")


@dataclass(frozen=True)
class CommandResult:
    """The exit code and the output of a command."""

    code: int
    out: str
    err: str


def tiny(config: Config) -> Compilation:
    """A small package that depends on the image and the seed of a config."""
    text = kfp_parts.tiny_text(config.name, f"{config.kubeflow.image}-{config.data.seed}")
    return Compilation(Package(config.name, text, {"training_epochs": config.training.epochs}, NODES), 0.2, 0.1)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[kfp_server.ServerState]:
    """A server for clients that do not wait long and have no server in their environment."""
    monkeypatch.setattr("pipeline.kubeflow.client.submit.compile_config", tiny)
    sleep = time.sleep
    monkeypatch.setattr("time.sleep", lambda seconds: sleep(min(seconds, 0.01)))
    for name in ("KF_PIPELINES_ENDPOINT", "MAINLINE_KFP_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with kfp_server.serving(kfp_server.ServerState()) as served:
        yield served


@pytest.fixture
def kubeflow(world: kfp_server.ServerState, capsys: pytest.CaptureFixture[str]) -> Callable[..., CommandResult]:
    """Run a command of ``kubeflow_runner.py`` on the server, in this process."""

    def run(command: str, *arguments: str, host: str = "") -> CommandResult:
        code = kubeflow_runner.main([command, *arguments, "--host", host or world.url])
        said = capsys.readouterr()
        return CommandResult(code, said.out, said.err)

    return run
