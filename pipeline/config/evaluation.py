"""The section ``evaluation`` of a config."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipeline.config.strict import Strict


class Bound(Strict):
    """A bound on a metric, on all test rows or on the ``slice`` where features have given values."""

    metric: str
    lower: float | None = None
    upper: float | None = None
    slice: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _can_be_kept(self) -> "Bound":
        if self.lower is not None and self.upper is not None and self.lower > self.upper:
            raise ValueError("'lower' is above 'upper': no value is between them")
        return self


class Change(Strict):
    """How much worse than the baseline's a metric may be on all test rows."""

    metric: str
    better: Literal["higher", "lower"]
    tolerance: Annotated[float, Field(ge=0.0)]


class Evaluation(Strict):
    """How the model is judged.

    ``bounds`` and ``changes``, if given, replace those in the workload's ``evaluation.py``. ``auc`` says how AUC and
    AUCPrecisionRecall are computed: ``exact``, or over fixed thresholds as TFMA does, ``stock``.
    """

    confidence_intervals: bool = True
    auc: Literal["exact", "stock"] = "exact"
    bounds: tuple[Bound, ...] | None = None
    changes: tuple[Change, ...] | None = None
