"""The ``tuning:`` section of a config: a search for settings before the training."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from pipeline.config.strict import PositiveInt, Seed, Strict, scalar

# Beyond it, a float and a whole number are no longer told apart.
MOST = 2**53


def number(value: Any) -> Any:
    """Refuses what is not a finite number; an integer stays one."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= MOST:
        raise ValueError(f"a number from {-MOST:g} to {MOST:g}")
    return value


class Range(Strict):
    """The values of one setting: all from ``low`` to ``high``, evenly in the logarithm with ``log``, or ``choices``."""

    low: Annotated[Any, AfterValidator(number)] = None
    high: Annotated[Any, AfterValidator(number)] = None
    log: bool = False
    choices: tuple[Annotated[Any, AfterValidator(scalar)], ...] = ()

    @model_validator(mode="after")
    def _one_kind(self) -> "Range":
        ends = [end for end in (self.low, self.high) if end is not None]
        if len(ends) != (0 if self.choices else 2) or (self.log and self.choices):
            raise ValueError("either 'low' and 'high', or 'choices'")
        if ends and not self.low < self.high:
            raise ValueError("'low' is below 'high'")
        if self.log and self.low <= 0:
            raise ValueError("with 'log', 'low' is above 0")
        return self


class Tuning(Strict):
    """A search over ``ranges``, whose keys are those of ``training``, such as ``training.model.dropout``.

    ``trials`` trainings are judged by their best epoch, ``parallel`` of them at a time, each in a process of its own.
    ``epochs`` stands in place of ``training.epochs`` for them. A trial that has had ``prune_after_epochs`` epochs is
    stopped when it is worse than the median of the others; null lets all of them finish.
    """

    trials: PositiveInt = 20
    parallel: Annotated[int, Field(gt=0, le=1024)] = 1
    seed: Seed = 0
    epochs: PositiveInt | None = None
    metric: Literal["val_log_loss"] = "val_log_loss"
    prune_after_epochs: PositiveInt | None = 2
    ranges: Annotated[dict[str, Range], Field(min_length=1)]
