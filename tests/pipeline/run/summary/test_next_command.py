"""Printed commands: a shell parses them as intended, and they repeat the request."""

import os
import random
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import local_runner
from pipeline import shell
from pipeline.run.request import Request
from pipeline.run.summary.outcome import next_command, rerun_command
from pipeline.run.summary.summary import Summary, show

ROOT = Path(local_runner.__file__).parent
ODD = [
    "a b",
    "it's",
    'say "x"',
    "$HOME",
    "`id`",
    "a;b",
    "-x",
    "größe",
    "*",
    "a\\b",
    "{a: [1, 'x y']}",
    "#c",
    "~",
    "a\nb",
]


def asked(command: str) -> Request:
    """The request of a command, as the runner parses it."""
    python, script, *arguments = shlex.split(command)
    assert Path(python).resolve() == Path(sys.executable).resolve()
    assert Path(script).resolve() == ROOT / "local_runner.py"
    options = local_runner.parse(arguments)
    return Request(
        config=options.config, overrides=tuple(options.set), env=options.env, from_node=options.from_node,
        to_node=options.to_node, cache=not options.no_cache, root=options.root, orchestrator=options.orchestrator,
        as_json=options.json,
    )  # fmt: skip


def summary(status: str, folder: str, code: int = 0) -> Summary:
    return Summary(
        pipeline="census", run="r", status=status, exit_code=code, elapsed_s=1.0, nodes=(), verdict=None, error=None,
        model=f"{folder}/serving/1", evaluation=None, report=f"{folder}/reports/r/index.html", folder=folder,
        log=f"{folder}/run.log", next_command="",
    )  # fmt: skip


@pytest.mark.parametrize(
    "request_",
    [
        Request("census"),
        Request("census", ("training.epochs=3", "data.path=/my rows/span-{SPAN}"), env="flink"),
        Request("my conf/census.yaml", root=Path("/mnt/my runs")),
        Request("census", orchestrator="beam", cache=False, from_node="Trainer", as_json=True),
    ],
)
def test_after_to_the_next_command_repeats_all_other_options(request_):
    stopped = replace(request_, to_node="Transform")
    assert asked(next_command(summary("stopped as asked", "runs"), stopped, {})) == request_


def test_any_request_can_be_repeated():
    drawn = random.Random(3)
    for _ in range(500):
        text = lambda: "".join(drawn.choices(ODD, k=drawn.randint(1, 3)))  # noqa: E731
        request_ = Request(
            text(), tuple(f"data.path={text()}" for _ in range(drawn.randint(0, 3))), text(), text(),
            drawn.random() < 0.5, Path(text()), "beam", drawn.random() < 0.5, text(),
        )  # fmt: skip
        assert asked(rerun_command(request_)) == request_


@pytest.mark.parametrize("name", ODD)
def test_each_path_is_one_word(name, tmp_path):
    folder = f"{tmp_path}/{name}"
    assert shlex.split(next_command(summary("failed", folder), Request(), {})) == ["less", f"{folder}/run.log"]
    pushed = shlex.split(next_command(summary("pushed", folder), Request(), {}))
    assert pushed[1:] == ["show", "--dir", f"{folder}/serving/1", "--tag_set", "serve"]
    waits = shlex.split(next_command(summary("awaiting review", folder, 5), Request(), {}))
    assert waits[-6:] == ["approve", f"{folder}/reports/r", "--by", "NAME", "--note", "TEXT"]


def test_a_module_is_found_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-dash").mkdir()
    assert shell.near(tmp_path / "-dash") == "./-dash"
    words = [*shell.module("pipeline.review"), "--help"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert (done.returncode, "approve" in done.stdout) == (0, True), done.stderr


def test_a_long_command_stays_one_line(capsys):
    request_ = Request("census", tuple(f"training.epochs={number}" for number in range(40)))
    ended = replace(summary("stopped as asked", "runs"), next_command=rerun_command(request_))
    show(ended, as_json=False)
    (found,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("next")]
    assert asked(found.removeprefix("next").strip()) == request_
