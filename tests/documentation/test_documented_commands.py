"""Every command in the documentation is accepted by the program that it calls."""

import importlib.util
import os
import re
import shlex
import subprocess
import sys

import pytest
from markdown_pages import DOCS, OWN_FILES, ROOT, Command, commands_of, section

import kubeflow_runner
import local_runner
from pipeline.config.load import load_config
from pipeline.kubeflow import command_line
from pipeline.run.watch.cron import parse_cron

ACTIVATE = [".", ".venv/bin/activate"]
COMMANDS = [command for document in DOCS if document.name not in OWN_FILES for command in commands_of(document)]
MAKE = [command for command in COMMANDS if command.starts("make")]
RUNNER = [command for command in COMMANDS if command.starts("python", "local_runner.py")]
KUBEFLOW = [
    command for document in DOCS for command in commands_of(document, "sh", "bash", "console")
    if command.starts("python", "kubeflow_runner.py")
]  # fmt: skip
MODULES = sorted({command.words[2] for command in COMMANDS if command.starts("python", "-m")})


def test_every_command_is_checked_by_some_test():
    known = [*MAKE, *RUNNER, *KUBEFLOW, *(command for command in COMMANDS if command.starts("python", "-m"))]
    assert [str(command) for command in COMMANDS if command not in known and list(command.words) != ACTIVATE] == []
    assert len(MAKE) >= 3
    assert len(RUNNER) >= 8


@pytest.mark.parametrize("command", MAKE, ids=str)
def test_a_make_command_names_a_target(command):
    # For make, a folder such as tests is a target that is up to date.
    rules = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert [word for word in command.words[1:] if "=" not in word and word not in rules] == []
    # If the tests run below make, its arguments must not reach this one.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "ARGS"))}
    done = subprocess.run(["make", "-n", *command.words[1:]], capture_output=True, text=True, cwd=ROOT, env=environment)
    assert done.returncode == 0, done.stderr
    for word in command.words[1:]:
        if word.startswith("ARGS="):
            check_arguments(shlex.split(word.removeprefix("ARGS=")))


@pytest.mark.parametrize("command", RUNNER, ids=str)
def test_the_local_runner_accepts_a_command(command):
    arguments = list(command.words[2:])
    if "--help" in arguments:
        with pytest.raises(SystemExit, match="0"):
            local_runner.parse(arguments)
    else:
        check_arguments(arguments)


def check_arguments(arguments: list[str]) -> None:
    """Check that the runner accepts the arguments, that the config loads, and that the graph has the nodes."""
    options = local_runner.parse(arguments)
    load_config(options.config, tuple(options.set))
    if options.cron:
        parse_cron(options.cron)
    for node in filter(None, (options.from_node, options.to_node)):
        assert node in section("README.md", "The graph")


@pytest.mark.parametrize("command", KUBEFLOW, ids=str)
def test_the_kubeflow_runner_accepts_a_command(command):
    options = command_line.parse(list(command.words[2:]), "")
    if "config" in options:
        assert load_config(options.config, tuple(options.set), env="kubeflow").name


def test_compile_commands_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    compiling = [command for command in KUBEFLOW if "compile" in command.words and "sh" in languages_of(command)]
    assert compiling
    for command in compiling:
        assert kubeflow_runner.main(list(command.words[2:])) == 0
        assert (tmp_path / "pipeline.yaml").stat().st_size > 10_000
        (tmp_path / "pipeline.yaml").unlink()


def languages_of(command: Command) -> list[str]:
    """Return the languages of the blocks that contain a command."""
    return [name for name in ("sh", "console") if command in commands_of(ROOT / command.document, name)]


@pytest.mark.parametrize("module", MODULES)
def test_a_module_has_a_help_text(module):
    assert importlib.util.find_spec(module) is not None
    done = subprocess.run([sys.executable, "-m", module, "--help"], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
