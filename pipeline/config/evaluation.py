"""The section ``evaluation`` of a config."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from pipeline.config.strict import Strict
from pipeline.criteria import Change, Threshold

# The executor of a node: ours, which works in batches, or TFX's own.
Engine = Literal["batch", "stock"]


def check_order(threshold: Threshold) -> Threshold:
    """Refuse a threshold that no value can meet."""
    if threshold.lower is not None and threshold.upper is not None and threshold.lower > threshold.upper:
        raise ValueError("'lower' is above 'upper': no value is between them")
    return threshold


class Evaluation(Strict):
    """How the model is evaluated and when it is blessed.

    ``bounds`` and ``changes``, if given, replace those in the workload's ``evaluation.py``. ``auc`` says how AUC and
    AUCPrecisionRecall are computed: ``exact``, or over fixed thresholds as TFMA does, ``stock``. With ``engine: stock``
    all metrics, slices and the verdict are TFMA's. ``cluster_by``, if given, replaces that of ``evaluation.py``: the
    columns that name the units of rows for intervals. ``rank_by`` and ``rank_at`` likewise replace those of
    ``evaluation.py``: the columns that name the groups within which rows are ranked, and how many of the first rows of
    a group count. ``on_too_close`` says whether a bound that is kept, but lies
    within the interval of its metric, withholds the blessing.
    """

    engine: Engine = "batch"
    confidence_intervals: bool = True
    auc: Literal["exact", "stock"] = "exact"
    bounds: tuple[Annotated[Threshold, AfterValidator(check_order)], ...] | None = None
    changes: tuple[Change, ...] | None = None
    cluster_by: tuple[str, ...] | None = None
    rank_by: tuple[str, ...] | None = None
    rank_at: Annotated[int, Field(ge=1)] | None = None
    on_too_close: Literal["warn", "block"] = "warn"
