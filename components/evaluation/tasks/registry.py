"""The evaluation side of every task, and the metrics of all of them."""

from collections.abc import Callable, Mapping
from typing import Any

from components.evaluation.influence import Linearized
from components.evaluation.intervals import Scale
from components.evaluation.metrics import Metric
from components.evaluation.tasks.binary import BinaryEvaluation
from components.evaluation.tasks.protocol import EvaluationTask, MetricKind
from pipeline.label import Binary, Label, Task

EVALUATION: Mapping[type[Task], type[BinaryEvaluation]] = {Binary: BinaryEvaluation}

# In the order of the report; a metric that several tasks have is the same object in each.
KINDS: tuple[MetricKind, ...] = tuple(dict.fromkeys(kind for task in EVALUATION.values() for kind in task.kinds))
BY_KIND: Mapping[str, MetricKind] = {kind.kind: kind for kind in sorted(KINDS, key=lambda kind: kind.kind)}
# The metrics of an evaluation: the class in TFMA's config, and the name in results. Those of groups need rank_by.
METRICS: Mapping[str, str] = {kind: metric.name for kind, metric in BY_KIND.items()}
FORMULAS: Mapping[str, Callable[[Any, Metric], Linearized]] = {kind: item.formula for kind, item in BY_KIND.items()}
# Metrics of model quality, in the order of the report, with the side that is better.
BETTER: Mapping[str, str] = {kind.kind: kind.better for kind in KINDS if kind.better is not None}
SIDES: Mapping[str, str] = {METRICS[kind]: side for kind, side in BETTER.items()}
SCALES: Mapping[str, Scale] = {kind.name: kind.scale for kind in KINDS}


def evaluation_of(label: Label) -> EvaluationTask:
    """Return how the task of a label is evaluated."""
    return EVALUATION[type(label.task)](label)


def scale_of(name: str) -> Scale:
    """Return the scale of a metric, by its name in results; one of no task counts as a share.

    >>> scale_of("auc"), scale_of("calibration")
    ('share', 'positive')
    """
    return SCALES.get(name, "share")
