"""Whether a change of a metric is for the better."""

from typing import Literal

from components.evaluation.tasks.registry import SIDES
from components.evaluation.verdict import badness

Direction = Literal["better", "worse", "differs"]


def direction(metric: str, value: float, other: float) -> Direction:
    """Return whether a value is better or worse than another one of the same metric.

    ``differs`` where neither can be said: the metric has no better side, a value is nan, or closer to 1 is better and
    the values lie on both sides of 1. A test that two such values differ says nothing about which is closer to 1.

    Args:
        metric: by its name in results.
        value: of the one model, or of some rows.
        other: what it is compared with.

    >>> direction("auc", 0.8, 0.7), direction("calibration", 1.2, 1.1), direction("calibration", 1.051, 0.95)
    ('better', 'worse', 'differs')
    """
    if SIDES.get(metric) == "one" and (value - 1) * (other - 1) < 0:
        return "differs"
    gain = badness(metric, other) - badness(metric, value)
    return "better" if gain > 0 else "worse" if gain < 0 else "differs"
