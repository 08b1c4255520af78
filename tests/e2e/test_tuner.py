"""A search that is killed and run again: Trainer gets the best settings, and nothing is left behind."""

import json
import os
import signal
import time
from pathlib import Path

import harness
import pytest
from fakes.fake_trials import processes

SEARCH = (
    "tuning={trials: 3, parallel: 2, ranges: {training.learning_rate: {low: 1e-3, high: 1e-1, log: true},"
    " training.batch_size: {choices: [128, 256]}, training.model.dropout: {low: 0, high: 0.5}}}"
)


def only(folder: Path, pattern: str) -> Path:
    """The only path of a pattern."""
    (path,) = folder.glob(pattern)
    return path


def kill_in_search(rows: Path, root: Path) -> None:
    """Start a run and kill it with SIGKILL as soon as a trial is training."""
    process = harness.start([*harness.command(rows, root, SEARCH), "--to", "Trainer"])
    while not list(root.glob("census/artifacts/Tuner/searches/*/trial-*/model_run/0/*")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_search_that_was_killed_goes_on_and_gives_trainer_its_settings(finished):
    rows, root = finished.rows, finished.root
    kill_in_search(rows, root)
    deadline_s = time.monotonic() + 10.0
    while processes(str(root)) and time.monotonic() < deadline_s:
        time.sleep(0.1)
    assert processes(str(root)) == []
    outcome = harness.run_here(rows, root, SEARCH, to_node="Trainer")
    assert (outcome.code, outcome.facts["error"]) == (0, None)
    assert (outcome.states()["Transform"], outcome.states()["Tuner"]) == ("cached", "done")
    assert processes(str(root)) == []
    artifacts = root / "census" / "artifacts"
    assert list((artifacts / "Tuner" / "searches").iterdir()) == []
    check_search(artifacts)
    again = harness.run_here(rows, root, SEARCH, to_node="Trainer")
    assert (again.states()["Tuner"], again.states()["Trainer"]) == ("cached", "cached")


def check_search(artifacts: Path) -> None:
    """Check that there are three trials, the first with the config, and that Trainer used the best."""
    facts = json.loads(only(artifacts, "Tuner/tuner_results/*/trials.json").read_text(encoding="utf-8"))
    assert [trial["trial"] for trial in facts["trials"]] == [1, 2, 3]
    assert facts["trials"][0]["params"] == {"batch_size": 256, "learning_rate": 0.002, "model.dropout": 0.3}
    assert {trial["state"] for trial in facts["trials"]} <= {"complete", "pruned"}
    best = json.loads(only(artifacts, "Tuner/best_hyperparameters/*/*.json").read_text(encoding="utf-8"))
    assert best == facts["trials"][facts["best"] - 1]["params"]
    # The finished run trained too.
    _, latest = sorted(artifacts.glob("Trainer/model_run/*/training.json"), key=lambda path: int(path.parent.name))
    settings = json.loads(latest.read_text(encoding="utf-8"))["settings"]
    assert settings["batch_size"] == best["batch_size"]
    assert settings["learning_rate"] == best["learning_rate"]
    assert settings["model"] == {"dropout": best["model.dropout"]}
    assert len(list(artifacts.glob("Tuner/tuner_results/*/tensorboard/trial-*/events*"))) == 3
