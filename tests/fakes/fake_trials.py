"""Tuner searches without TensorFlow: a trial acts by its settings.

``python -m fakes.fake_trials trial SPEC_FILE`` is a trial; ``… search FOLDER JOB_FILE`` a whole search.
"""

import json
import math
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from components.tuner.report import report
from components.tuner.search import Search, SearchSpec
from components.tuner.settings import Settings, from_json
from components.tuner.spec import TrialSpec
from components.tuner.trial import main as trial_main
from pipeline.search_space import Range

RATE = Range(1e-4, 1e-1, log=True)
TRIAL = (sys.executable, "-m", "fakes.fake_trials", "trial")


def make_settings(**changed: Any) -> Settings:
    """A small search over the learning rate."""
    plain: dict[str, Any] = {
        "trials": 4, "parallel": 1, "seed": 7, "metric": "val_log_loss", "epochs": None, "prune_after_epochs": None,
        "ranges": {"learning_rate": RATE},
    }  # fmt: skip
    return Settings(**{**plain, **changed})


def make_spec(calls: Path, model: dict[str, Any] | None = None, epochs: int = 3, **changed: Any) -> SearchSpec:
    """A job whose trials write their values into ``calls``, a line for each start."""
    training = {"epochs": epochs, "learning_rate": 1e-2, "model": {"calls": str(calls), **(model or {})}}
    return SearchSpec("fake_trials.none", {"train_files": ["train/*"]}, training, "digest", make_settings(**changed))


def value(rate: float, epoch: int) -> float:
    """A loss that is least at a rate of 0.01, and falls with every epoch."""
    return round(0.5 + 0.1 * (math.log10(rate) + 2.0) ** 2 + 0.1 / (epoch + 1), 9)


def fit(spec: TrialSpec) -> None:
    """A training that does as ``training.model`` says."""
    training = spec.fn_args["custom_config"]["training"]
    model, rate = training["model"], training["learning_rate"]
    with open(model["calls"], "a", encoding="utf-8") as file:
        file.write(json.dumps({"rate": rate, "pid": os.getpid()}) + "\n")
    for epoch in range(0 if model.get("silent") else training["epochs"]):
        time.sleep(model.get("epoch_s", 0.0))
        if rate > model.get("nan_above", 1.0):
            report(epoch, math.nan)
        if rate > model.get("dies_above", 1.0):
            os.kill(os.getpid(), signal.SIGKILL)
        report(epoch, value(rate, epoch))


def calls(path: Path) -> list[dict[str, Any]]:
    """The starts of trials so far."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.is_file() else []


def processes(word: str) -> list[int]:
    """The living processes on whose command line a word is."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if word in line:
            found.append(int(path.parent.name))
    return found


def save_spec(job: SearchSpec, path: Path) -> None:
    """Writes a job for ``python -m fakes.fake_trials search``."""
    plain = {**vars(job), "settings": job.settings.as_json()}
    path.write_text(json.dumps(plain), encoding="utf-8")


def load_spec(path: Path) -> SearchSpec:
    """The job that ``save_spec`` wrote."""
    plain = json.loads(path.read_text(encoding="utf-8"))
    return SearchSpec(**{**plain, "settings": from_json(plain["settings"])})


def main(arguments: list[str]) -> int:
    """A trial or a search."""
    if arguments[0] == "trial":
        return trial_main(arguments[1:], fit)
    Search(load_spec(Path(arguments[2])), Path(arguments[1]), TRIAL).run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
