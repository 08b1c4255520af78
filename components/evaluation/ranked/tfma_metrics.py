"""The metrics of order within groups as TFMA names them in an EvalConfig, with this module as ``module``.

So TFMA reads, validates and shows an evaluation that has them. It does not compute them: its ranking metrics have no
intervals, and break ties by the order of rows.
"""

from collections.abc import Sequence
from typing import NoReturn

import tensorflow_model_analysis as tfma

from components.evaluation.metrics import Metric
from components.evaluation.tasks.registry import METRICS
from pipeline.errors import ConfigError


def refuse(name: str, group_by: Sequence[str], top_k: int) -> NoReturn:
    """Refuse the computation by TFMA.

    Raises:
        ConfigError: always.
    """
    raise ConfigError(
        f"eval_config.metrics, {name}", "TFMA does not compute metrics within groups", expected="BatchEvaluator",
        received=f"group_by: {', '.join(group_by)}", next_step="Set evaluation.engine=batch, or evaluation.rank_by=[].",
    )  # fmt: skip


class WithinGroups(tfma.metrics.Metric):
    """A metric of the order within groups that BatchEvaluator computes.

    Args:
        group_by: the columns that name the group of a row.
        top_k: the number of the first rows of each group that count.
        name: in results.
    """

    def __init__(self, group_by: Sequence[str], top_k: int = Metric.top, name: str = "") -> None:
        super().__init__(refuse, group_by=list(group_by), top_k=top_k, name=name or METRICS[type(self).__name__])


class GroupAUC(WithinGroups):
    """The mean over groups of the area under the ROC curve."""


class GroupNDCG(WithinGroups):
    """The mean over groups of the normalized discounted cumulative gain."""


class GroupMAP(WithinGroups):
    """The mean over groups of the average precision."""


class GroupHitRate(WithinGroups):
    """The share of groups with a positive among the first rows."""
