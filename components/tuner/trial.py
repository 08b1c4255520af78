"""``python -m components.tuner.trial SPEC_FILE``: run one trial of a search.

It writes ``outcome.json`` beside the file, and the metric of each epoch to the journal of the search.
"""

import importlib
import logging
import math
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import optuna

from components.compat.tfx import startup
from components.support.text import first_line
from components.tuner.journal import open_journal
from components.tuner.report import Listener, Pruned, listening
from components.tuner.spec import Outcome, TrialSpec, read_spec
from components.tuner.study import NAME, make_pruner
from pipeline.errors import MainlineError
from pipeline.nodes import TUNER


def main(arguments: list[str], run: Callable[[TrialSpec], None] | None = None) -> int:
    """Run a trial; return 0 once its outcome is written, even if it failed."""
    path = Path(arguments[0])
    spec = read_spec(path)
    logging.basicConfig(format="%(message)s")
    logging.getLogger("mainline.progress").setLevel(logging.INFO)
    run_trial(spec, run or run_workload).save(path.with_name("outcome.json"))
    return 0


def run_trial(spec: TrialSpec, run: Callable[[TrialSpec], None]) -> Outcome:
    """Run the training and return its outcome; exceptions are printed."""
    try:
        with listening(make_listener(spec)):
            run(spec)
    except Pruned:
        return Outcome("pruned")
    except Exception as error:
        traceback.print_exc()
        return Outcome("failed", error_text(error))
    return Outcome("complete")


def error_text(error: Exception) -> str:
    """Return an error as text: our own in full, of others the type and the first line."""
    if isinstance(error, MainlineError):
        return str(error)
    return f"{type(error).__name__}: {first_line(error)}"


def make_listener(spec: TrialSpec) -> Listener:
    """Return a listener that records the metric of each epoch and asks the pruner."""
    storage = open_journal(Path(spec.journal))
    study = optuna.load_study(study_name=NAME, storage=storage, pruner=make_pruner(spec.settings))
    trial = storage.get_trial_id_from_study_id_trial_number(storage.get_study_id_from_name(NAME), spec.number)

    def listen(epoch: int, value: float) -> None:
        if not math.isfinite(value):
            raise MainlineError(TUNER, f"{spec.settings.metric} became {value} in epoch {epoch + 1}")
        # A trial that resumes after a kill may report an epoch again.
        if epoch not in storage.get_trial(trial).intermediate_values:
            storage.set_trial_intermediate_value(trial, epoch, value)
        if study.pruner.prune(study, storage.get_trial(trial)):
            raise Pruned(f"after epoch {epoch + 1}")

    return listen


def run_workload(spec: TrialSpec) -> None:
    """Call the workload's ``run_fn`` as Trainer would."""
    startup.prepare_process()
    from tfx.components.trainer.fn_args_utils import FnArgs

    module, _, name = spec.run_fn.rpartition(".")
    getattr(importlib.import_module(module), name)(FnArgs(**spec.fn_args))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
