"""The section ``tuning`` of a config: a hyperparameter search before the training."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from pipeline.config.strict import PositiveInt, Seed, Strict
from pipeline.search_space import Range


def check_range(entry: Range) -> Range:
    """Refuse a range that is neither an interval nor a list of choices."""
    ends = [end for end in (entry.low, entry.high) if end is not None]
    if len(ends) != (0 if entry.choices else 2) or (entry.log and entry.choices):
        raise ValueError("either 'low' and 'high', or 'choices'")
    if ends and not entry.low < entry.high:
        raise ValueError("'low' must be below 'high'")
    if entry.log and entry.low <= 0:
        raise ValueError("with 'log', 'low' must be above 0")
    return entry


class Tuning(Strict):
    """A search over ``ranges``, whose keys are keys of ``training``, such as ``training.model.dropout``.

    The search runs ``trials`` trainings, ``parallel`` of them at a time, each in its own process, and compares them by
    their best epoch. ``epochs`` replaces ``training.epochs`` for trials. After ``prune_after_epochs`` epochs, a trial
    that is worse than the median of the others is stopped; null lets every trial finish.
    """

    trials: PositiveInt = 20
    parallel: Annotated[int, Field(gt=0, le=1024)] = 1
    seed: Seed = 0
    epochs: PositiveInt | None = None
    metric: Literal["val_log_loss"] = "val_log_loss"
    prune_after_epochs: PositiveInt | None = 2
    ranges: Annotated[dict[str, Annotated[Range, AfterValidator(check_range)]], Field(min_length=1)]
