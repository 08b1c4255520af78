"""Runs the trials of a search, several at a time, until there are as many as asked for."""

import hashlib
import json
import logging
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import Trial, TrialState

from components.tuner.overrides import trial_training
from components.tuner.process import COMMAND, TrialProcess
from components.tuner.settings import Settings
from components.tuner.spec import Outcome, Spec
from components.tuner.study import Record, begin, begun, best, open_study, records
from pipeline.errors import MainlineError
from pipeline.nodes import TUNER

progress = logging.getLogger("mainline.progress")
POLL_S = 0.1


@dataclass(frozen=True)
class Job:
    """All that a search needs.

    Attributes:
        run_fn: dotted path of what fits the model.
        inputs: the fields of FnArgs that say where examples, schema and transform are.
        training: the settings that the trials start from.
        source: digest of the code that is run.
        listed: which files the examples have, with the marks of what is in them.
    """

    run_fn: str
    inputs: Mapping[str, Any]
    training: Mapping[str, Any]
    source: str
    settings: Settings
    listed: tuple[str, ...] = ()

    def key(self) -> str:
        """Equal for searches of which one can go on where the other was cut short."""
        same = [self.run_fn, self.inputs, self.training, self.source, self.settings.identity(), self.listed]
        return hashlib.sha256(json.dumps(same, sort_keys=True).encode()).hexdigest()[:16]

    def fn_args(self, params: Mapping[str, Any], folder: Path) -> dict[str, Any]:
        """The fields of FnArgs of a trial, all of whose outputs go below ``folder``."""
        training = trial_training(self.training, params, self.settings.epochs, self.settings.fixed)
        return {
            **self.inputs,
            "working_dir": str(folder),
            "serving_model_dir": str(folder / "model" / "Format-Serving"),
            "eval_model_dir": str(folder / "model" / "Format-TFMA"),
            "model_run_dir": str(folder / "model_run" / "0"),
            "custom_config": {"training": training, "source": self.source},
        }


@dataclass
class Search:
    """A search in a folder, which it goes on with if it finds one there.

    Args:
        job: what to do.
        folder: of this search alone.
        command: the words that start a trial, before the name of its file.
    """

    job: Job
    folder: Path
    command: Sequence[str] = COMMAND
    running: list[tuple[Trial, TrialProcess]] = field(default_factory=list)

    def run(self) -> list[Record]:
        """Runs trials until there are enough of them; gives all of them, whatever became of them.

        However this is left, no process of a trial is.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        study = open_study(self.folder, self.job.settings)
        try:
            while self._fill(study):
                time.sleep(POLL_S)
                self._collect(study)
        finally:
            for _, process in self.running:
                process.kill()
        return records(study)

    def _fill(self, study: optuna.Study) -> bool:
        """Starts trials while there is room; whether any run."""
        settings = self.job.settings
        while len(self.running) < settings.parallel and begun(study) < settings.trials:
            trial = begin(study, settings)
            self.running.append((trial, self._start(trial)))
            self._tell(study)
        return bool(self.running)

    def _start(self, trial: Trial) -> TrialProcess:
        folder = self._folder(trial)
        folder.mkdir(parents=True, exist_ok=True)
        arguments = self.job.fn_args(trial.params, folder)
        spec = Spec(trial.number, str(self.folder), self.job.run_fn, arguments, self.job.settings)
        return TrialProcess(folder.name, spec, folder, self.command)

    def _folder(self, trial: Trial) -> Path:
        """The same for a trial that was cut short and the one that takes its place, which finds the checkpoints."""
        return self.folder / f"trial-{trial.user_attrs['position']:03d}"

    def _collect(self, study: optuna.Study) -> None:
        """Writes down what became of the trials that are over."""
        for trial, process in list(self.running):
            outcome = process.outcome()
            if outcome is not None:
                conclude(study, trial, outcome)
                self.running.remove((trial, process))
                shutil.rmtree(self._folder(trial), ignore_errors=True)
                self._tell(study)

    def _tell(self, study: optuna.Study) -> None:
        leader = best(records(study))
        text = f", best {leader.value:.4f}" if leader else ""
        progress.info("trial %d/%d%s", begun(study), self.job.settings.trials, text)


def conclude(study: optuna.Study, trial: Trial, outcome: Outcome) -> None:
    """Puts an outcome into the journal; a training that reported nothing cannot be judged, and has failed."""
    values = study.trials[trial.number].intermediate_values.values()
    if outcome.state == "complete" and not values:
        outcome = Outcome("failed", "the training reported no epoch: components.tuner.report.report was not called")
    if outcome.error:
        trial.set_user_attr("error", outcome.error)
    match outcome.state:
        case "complete":
            study.tell(trial, min(values))
        case "pruned":
            study.tell(trial, state=TrialState.PRUNED)
        case "failed":
            study.tell(trial, state=TrialState.FAIL)


def winner(over: list[Record]) -> Record:
    """The best trial.

    Raises:
        MainlineError: none is complete; it carries the error of the first.
    """
    found = best(over)
    if found is None:
        raise MainlineError(
            TUNER, f"all {len(over)} trials failed", received=over[0].error if over else "no trial",
            next_step="The log of the run has what every trial printed. Look at tuning.ranges first.",
        )  # fmt: skip
    return found
