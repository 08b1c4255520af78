"""Runs the trials of a search, several at a time, until the requested number is reached."""

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

from components.examples import FILE_ROWS
from components.tuner.overrides import trial_training
from components.tuner.process import COMMAND, TrialProcess
from components.tuner.settings import Settings
from components.tuner.spec import Outcome, TrialSpec
from components.tuner.study import Record, best, next_trial, open_study, records, started_trials
from pipeline.errors import MainlineError
from pipeline.nodes import TUNER

progress = logging.getLogger("mainline.progress")
POLL_S = 0.1


@dataclass(frozen=True)
class SearchSpec:
    """Everything that defines a search.

    Attributes:
        run_fn: dotted path of the training function.
        inputs: the fields of FnArgs with the paths of examples, schema and transform.
        training: the settings that the trials start from.
        source: digest of the code that is run.
        settings: trials, ranges, metric and seed.
        rows: the recorded rows of the files of the examples, by path.
        listed: the listed files of the examples, with their fingerprints.
    """

    run_fn: str
    inputs: Mapping[str, Any]
    training: Mapping[str, Any]
    source: str
    settings: Settings
    rows: Mapping[str, int] = field(default_factory=dict)
    listed: tuple[str, ...] = ()

    def key(self) -> str:
        """Return a key that is equal for searches of which one can resume the other."""
        same = [self.run_fn, self.inputs, self.training, self.source, self.settings.identity(), self.listed]
        return hashlib.sha256(json.dumps(same, sort_keys=True).encode()).hexdigest()[:16]

    def fn_args(self, params: Mapping[str, Any], folder: Path) -> dict[str, Any]:
        """Return the fields of FnArgs for a trial, whose outputs all go below ``folder``."""
        training = trial_training(self.training, params, self.settings.epochs, self.settings.fixed)
        return {
            **self.inputs,
            "working_dir": str(folder),
            "serving_model_dir": str(folder / "model" / "Format-Serving"),
            "eval_model_dir": str(folder / "model" / "Format-TFMA"),
            "model_run_dir": str(folder / "model_run" / "0"),
            "custom_config": {"training": training, "source": self.source, FILE_ROWS: dict(self.rows)},
        }


@dataclass
class Search:
    """A search in a folder; it resumes a search that it finds there.

    Args:
        spec: the search.
        folder: of this search alone.
        command: the command line of a trial, without the name of its file.
    """

    spec: SearchSpec
    folder: Path
    command: Sequence[str] = COMMAND
    running: list[tuple[Trial, TrialProcess]] = field(default_factory=list)

    def run(self) -> list[Record]:
        """Run trials until there are enough, and return all of them, including failed ones.

        No trial process is left running, however this ends.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        study = open_study(self.folder, self.spec.settings)
        try:
            while self._fill(study):
                time.sleep(POLL_S)
                self._collect(study)
        finally:
            for _, process in self.running:
                process.kill()
        return records(study)

    def _fill(self, study: optuna.Study) -> bool:
        """Start trials up to the limit; return whether any are running."""
        settings = self.spec.settings
        while len(self.running) < settings.parallel and started_trials(study) < settings.trials:
            trial = next_trial(study, settings)
            self.running.append((trial, self._start(trial)))
            self._report_progress(study)
        return bool(self.running)

    def _start(self, trial: Trial) -> TrialProcess:
        folder = self._folder(trial)
        folder.mkdir(parents=True, exist_ok=True)
        arguments = self.spec.fn_args(trial.params, folder)
        spec = TrialSpec(trial.number, str(self.folder), self.spec.run_fn, arguments, self.spec.settings)
        return TrialProcess(folder.name, spec, folder, self.command)

    def _folder(self, trial: Trial) -> Path:
        """Return the folder of a trial; one that replaces an interrupted trial finds its checkpoints there."""
        return self.folder / f"trial-{trial.user_attrs['position']:03d}"

    def _collect(self, study: optuna.Study) -> None:
        """Record the outcomes of trials that have ended."""
        for trial, process in list(self.running):
            outcome = process.outcome()
            if outcome is not None:
                record_outcome(study, trial, outcome)
                self.running.remove((trial, process))
                shutil.rmtree(self._folder(trial), ignore_errors=True)
                self._report_progress(study)

    def _report_progress(self, study: optuna.Study) -> None:
        leader = best(records(study))
        text = f", best {leader.value:.4f}" if leader else ""
        progress.info("trial %d/%d%s", started_trials(study), self.spec.settings.trials, text)


def record_outcome(study: optuna.Study, trial: Trial, outcome: Outcome) -> None:
    """Write an outcome to the journal; a training that reported no epoch counts as failed."""
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


def winner(finished: list[Record]) -> Record:
    """Return the best trial.

    Raises:
        MainlineError: no trial is complete; the message holds the error of the first.
    """
    found = best(finished)
    if found is None:
        raise MainlineError(
            TUNER, f"all {len(finished)} trials failed", received=finished[0].error if finished else "no trial",
            next_step="The log of the run has the output of every trial. Check tuning.ranges first.",
        )  # fmt: skip
    return found
