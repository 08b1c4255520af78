"""A search as an Optuna study: its trials, the next one, and the outcome of each.

Trials are numbered by ``position``, from 1. A trial that was interrupted by the end of the search does not count: it
stays in the journal as failed, and another trial with its position and values replaces it.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, Trial, TrialState

from components.tuner.journal import open_journal
from components.tuner.settings import Params, Settings
from pipeline.search_space import Range

NAME, INTERRUPTED = "search", "interrupted"
STATES: Mapping[TrialState, Literal["complete", "pruned", "failed"]] = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
}
# Pruning starts once a quarter of the trials are complete, at most five.
WARMUP_SHARE, MAX_WARMUP_TRIALS = 4, 5


@dataclass(frozen=True)
class Record:
    """A finished trial; ``epochs`` holds the metric by epoch, ``value`` the best of them (less is better)."""

    trial: int
    state: Literal["complete", "pruned", "failed"]
    params: Params
    value: float | None
    epochs: tuple[float, ...]
    seconds: float
    error: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the trial for JSON."""
        return asdict(self)


def open_study(folder: Path, settings: Settings) -> optuna.Study:
    """Open the search in a folder, or create one; interrupted trials are queued again."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        storage=open_journal(folder), study_name=NAME, pruner=make_pruner(settings), load_if_exists=True
    )
    if not study.trials and settings.start:
        queue(study, 1, settings.start, {})
    for trial in study.get_trials(states=(TrialState.RUNNING,)):
        requeue(study, trial)
    return study


def requeue(study: optuna.Study, trial: FrozenTrial) -> None:
    """Mark a trial as interrupted, and queue another with its values and its reported epochs.

    A trial without values leaves nothing to queue. It is safe to be killed at any point of this.
    """
    study.set_user_attr(INTERRUPTED, sorted({trial.number, *study.user_attrs.get(INTERRUPTED, [])}))
    known = trial.user_attrs
    waiting = [other.user_attrs["position"] for other in study.get_trials(states=(TrialState.WAITING,))]
    if "position" in known and known["position"] not in waiting:
        values = {str(epoch): value for epoch, value in trial.intermediate_values.items()}
        queue(study, known["position"], known["params"], {**known.get("epochs", {}), **values})
    study.tell(trial.number, state=TrialState.FAIL)


def queue(study: optuna.Study, position: int, params: Params, epochs: Mapping[str, float]) -> None:
    """Queue a trial with given values, before any that are sampled."""
    attributes = {"position": position, "params": dict(params), "epochs": dict(epochs)}
    study.enqueue_trial(dict(params), attributes)


def next_trial(study: optuna.Study, settings: Settings) -> Trial:
    """Return the next trial: one that is queued, or a new one.

    A new trial depends only on the seed, its position and the finished trials, so a killed search resumes as if it had
    not been interrupted.
    """
    position = 1 + sum("position" in trial.user_attrs for trial in counted_trials(study))
    study.sampler = make_sampler(settings.seed, position)
    trial = study.ask({key: distribution(entry) for key, entry in settings.ranges.items()})
    if "position" not in trial.user_attrs:
        trial.set_user_attr("params", trial.params)
        trial.set_user_attr("position", position)
    for epoch, value in trial.user_attrs.get("epochs", {}).items():
        trial.report(value, int(epoch))
    return trial


def counted_trials(study: optuna.Study) -> list[FrozenTrial]:
    """Return the trials that were not interrupted."""
    interrupted = study.user_attrs.get(INTERRUPTED, [])
    return [trial for trial in study.get_trials(deepcopy=False) if trial.number not in interrupted]


def started_trials(study: optuna.Study) -> int:
    """Return the number of trials that are running or finished, without interrupted ones."""
    return sum(trial.state != TrialState.WAITING for trial in counted_trials(study))


def records(study: optuna.Study) -> list[Record]:
    """Return the finished trials by position."""
    finished = [as_record(trial) for trial in counted_trials(study) if trial.state in STATES]
    return sorted(finished, key=lambda record: record.trial)


def as_record(trial: FrozenTrial) -> Record:
    """Convert a trial of Optuna."""
    epochs = tuple(value for _, value in sorted(trial.intermediate_values.items()))
    return Record(
        trial=trial.user_attrs["position"],
        state=STATES[trial.state],
        params=dict(sorted(trial.params.items())),
        value=min(epochs) if epochs and trial.state != TrialState.FAIL else None,
        epochs=epochs,
        seconds=round(trial.duration.total_seconds(), 3) if trial.duration else 0.0,
        error=trial.user_attrs.get("error", ""),
    )


def best(finished: list[Record]) -> Record | None:
    """Return the best complete trial, the earliest of equals; None if there is none."""
    complete = [record for record in finished if record.state == "complete"]
    return min(complete, key=lambda record: (min(record.epochs), record.trial), default=None)


def make_pruner(settings: Settings) -> optuna.pruners.BasePruner:
    """Return a pruner for trials whose best epoch is worse than the median of the complete ones at that epoch."""
    if settings.prune_after_epochs is None:
        return optuna.pruners.NopPruner()
    complete = max(1, min(MAX_WARMUP_TRIALS, settings.trials // WARMUP_SHARE))
    return optuna.pruners.MedianPruner(n_startup_trials=complete, n_warmup_steps=settings.prune_after_epochs - 1)


def make_sampler(seed: int, position: int) -> optuna.samplers.BaseSampler:
    """Return the sampler of one trial: random for the first ten, then guided by the results of earlier trials.

    Watanabe, "Tree-Structured Parzen Estimator" (2023), https://arxiv.org/abs/2304.11127
    """
    (state,) = np.random.SeedSequence([abs(seed), position]).generate_state(1)
    return optuna.samplers.TPESampler(seed=int(state))


def distribution(entry: Range) -> BaseDistribution:
    """Return a range as a distribution of Optuna."""
    match entry.kind:
        case "float":
            return FloatDistribution(entry.low, entry.high, log=entry.log)
        case "int":
            return IntDistribution(int(entry.low), int(entry.high), log=entry.log)
    return CategoricalDistribution(entry.choices)
