"""Whole runs started by a watch: one for each span of rows, continuing after a kill."""

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import harness
import pytest

from pipeline.config.load import load_config
from pipeline.run.local.runner import run
from pipeline.run.request import Request


def start(spans: Path, root: Path) -> subprocess.Popen[str]:
    """A watch for two runs at most."""
    words = harness.command(spans / "span-{SPAN}", root)
    return harness.start([*words, "--watch", "--on-new-span", "--max-runs", "2", "--json"])


def next_run(process: subprocess.Popen[str]) -> dict:
    """The JSON line of the next run that ends."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, process.communicate()[1]
    return json.loads(line)


def add_span(spans: Path, number: int, rows: int) -> None:
    """Fill a folder under a temporary name, then rename it."""
    filled = harness.tiny_rows(spans / f".{number}.partial", sizes={**harness.TINY, "train": rows})
    (filled / "_SUCCESS").touch()
    filled.rename(spans / f"span-{number}")


def said_until(process: "subprocess.Popen[str]", text: str) -> None:
    """Wait until a watch has printed a text."""
    assert process.stderr is not None
    said: list[str] = []
    for line in process.stderr:
        said.append(line)
        if text in line:
            return
    raise AssertionError("".join(said))


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_each_span_is_trained_on_and_pushed_even_after_a_kill(tmp_path):
    spans, root = tmp_path / "spans", tmp_path / "runs"
    add_span(spans, 8, 1500)
    killed = start(spans, root)
    first = next_run(killed)
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    assert (first["status"], first["trigger"]) == ("pushed", {"tick": None, "span": 8})
    shutil.copytree(spans / "span-8", spans / "span-11", ignore=shutil.ignore_patterns("_SUCCESS"))
    process = start(spans, root)
    said_until(process, "span-11: no _SUCCESS, which other spans have")
    add_span(spans, 10, 1700)
    second = next_run(process)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert (second["status"], second["trigger"]) == ("pushed", {"tick": None, "span": 10})
    assert len(harness.versions(root)) == 2
    assert len(list((root / "census" / "history").iterdir())) == 2
    # The config of a run names its own span, so that it can be repeated when there are later ones.
    kept = root / "census" / "history" / first["run"] / "config.yaml"
    assert load_config(str(kept)).data.path == str(spans / "span-8")
    assert run(Request(config=str(kept), root=root, to_node="ExampleGen")) == 0
    assert harness.latest_facts(root)["nodes"][0]["state"] == "cached"
