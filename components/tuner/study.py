"""A search as Optuna keeps it: which trials there were, which one is next, what became of each.

Trials count by ``position``, from 1. One that was cut short by the end of the search is not counted: it stays in the
journal as failed, and another of the same position and values takes its place.
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
# A trial is compared with others once a quarter of them are complete, but no more than five.
COMPARED = (4, 5)


@dataclass(frozen=True)
class Record:
    """A trial that is over. ``epochs`` are the values by epoch, ``value`` is the best of them, less being better."""

    trial: int
    state: Literal["complete", "pruned", "failed"]
    params: Params
    value: float | None
    epochs: tuple[float, ...]
    seconds: float
    error: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For a file."""
        return asdict(self)


def open_study(folder: Path, settings: Settings) -> optuna.Study:
    """The search in a folder, a new one if there is none; trials that were cut short wait to be run again."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        storage=open_journal(folder), study_name=NAME, pruner=make_pruner(settings), load_if_exists=True
    )
    if not study.trials and settings.start:
        queue(study, 1, settings.start, {})
    for trial in study.get_trials(states=(TrialState.RUNNING,)):
        put_back(study, trial)
    return study


def put_back(study: optuna.Study, trial: FrozenTrial) -> None:
    """Marks a trial as cut short, and queues another with its values and what is known of its epochs.

    One that had not got its values yet leaves nothing to queue. To be killed in here does no harm.
    """
    study.set_user_attr(INTERRUPTED, sorted({trial.number, *study.user_attrs.get(INTERRUPTED, [])}))
    known = trial.user_attrs
    waiting = [other.user_attrs["position"] for other in study.get_trials(states=(TrialState.WAITING,))]
    if "position" in known and known["position"] not in waiting:
        values = {str(epoch): value for epoch, value in trial.intermediate_values.items()}
        queue(study, known["position"], known["params"], {**known.get("epochs", {}), **values})
    study.tell(trial.number, state=TrialState.FAIL)


def queue(study: optuna.Study, position: int, params: Params, epochs: Mapping[str, float]) -> None:
    """Puts a trial before all that are drawn."""
    attributes = {"position": position, "params": dict(params), "epochs": dict(epochs)}
    study.enqueue_trial(dict(params), attributes)


def begin(study: optuna.Study, settings: Settings) -> Trial:
    """The next trial: one that waits, or a new one.

    A new one follows from seed, position and the trials that are over: a search that was killed goes on as if not.
    """
    position = 1 + sum("position" in trial.user_attrs for trial in lasting(study))
    study.sampler = make_sampler(settings.seed, position)
    trial = study.ask({key: distribution(entry) for key, entry in settings.ranges.items()})
    if "position" not in trial.user_attrs:
        trial.set_user_attr("params", trial.params)
        trial.set_user_attr("position", position)
    for epoch, value in trial.user_attrs.get("epochs", {}).items():
        trial.report(value, int(epoch))
    return trial


def lasting(study: optuna.Study) -> list[FrozenTrial]:
    """The trials that count."""
    interrupted = study.user_attrs.get(INTERRUPTED, [])
    return [trial for trial in study.get_trials(deepcopy=False) if trial.number not in interrupted]


def begun(study: optuna.Study) -> int:
    """How many trials that count run or are over."""
    return sum(trial.state != TrialState.WAITING for trial in lasting(study))


def records(study: optuna.Study) -> list[Record]:
    """The trials that are over, by position."""
    over = [as_record(trial) for trial in lasting(study) if trial.state in STATES]
    return sorted(over, key=lambda record: record.trial)


def as_record(trial: FrozenTrial) -> Record:
    """A trial of Optuna, as ours."""
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


def best(over: list[Record]) -> Record | None:
    """The best of the complete trials, the earliest of equals; None if there is none."""
    complete = [record for record in over if record.state == "complete"]
    return min(complete, key=lambda record: (min(record.epochs), record.trial), default=None)


def make_pruner(settings: Settings) -> optuna.pruners.BasePruner:
    """Prunes a trial whose best epoch is worse than the median of the complete trials at the same epoch."""
    if settings.prune_after_epochs is None:
        return optuna.pruners.NopPruner()
    share, most = COMPARED
    complete = max(1, min(most, settings.trials // share))
    return optuna.pruners.MedianPruner(n_startup_trials=complete, n_warmup_steps=settings.prune_after_epochs - 1)


def make_sampler(seed: int, position: int) -> optuna.samplers.BaseSampler:
    """Draws the values of one trial: at random for the first ten, then by the outcome of the earlier ones.

    Watanabe, "Tree-Structured Parzen Estimator" (2023), https://arxiv.org/abs/2304.11127
    """
    (state,) = np.random.SeedSequence([abs(seed), position]).generate_state(1)
    return optuna.samplers.TPESampler(seed=int(state))


def distribution(entry: Range) -> BaseDistribution:
    """A range in Optuna's words."""
    match entry.kind:
        case "float":
            return FloatDistribution(entry.low, entry.high, log=entry.log)
        case "int":
            return IntDistribution(int(entry.low), int(entry.high), log=entry.log)
    return CategoricalDistribution(entry.choices)
