"""Marks of slices: where the model differs from the other rows, and where it is worse than the baseline.

Both are tests of all slices at once, with a false discovery rate of 5 % over the table (Benjamini and Hochberg 1995,
https://doi.org/10.1111/j.2517-6161.1995.tb02031.x). Slices that are too small are not tested.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from components.evaluation.changes.significance import p_value, p_worse
from components.evaluation.metrics import Metric, Rows
from components.evaluation.tasks.registry import SIDES
from components.slice_report.analysis.by_slice.part_and_rest import PartAndRest
from components.slice_report.facts import Slice
from pipeline.criteria import SliceKey

LEVEL = 0.05
Mask = NDArray[np.bool_]
Members = Mapping[SliceKey, NDArray[Any]]


def mark(slices: Sequence[Slice], rows: Rows, members: Members, metric: Metric) -> tuple[Slice, ...]:
    """Return the slices with their differences to the other rows, and those that stand out.

    Args:
        slices: of these rows.
        rows: the predictions of the model, with the ranks for ``metric``.
        members: the positions of the rows of each slice.
        metric: AUC, with the number of thresholds of the evaluation and the decision threshold.
    """
    prepared = PartAndRest(rows, metric)
    compared = [
        dataclasses.replace(item, to_rest=prepared.differences(members[item.features]))
        if item.features in members and item.features and not item.too_small
        else item
        for item in slices
    ]
    differ = discoveries(list(differences(compared)))
    worse = discoveries(list(regressions(compared)))
    return tuple(
        dataclasses.replace(item, differs=of(differ, number), regressed=of(worse, number))
        for number, item in enumerate(compared)
    )


def differences(slices: Sequence[Slice]) -> Iterator[tuple[int, str, float]]:
    """Yield the number of the slice, the metric and the two-sided p-value of each difference to the other rows."""
    for number, item in enumerate(slices):
        if item.features and not item.too_small:
            for name, measured in item.to_rest.items():
                p = p_value(measured)
                if name in SIDES and p is not None:
                    yield number, name, p


def regressions(slices: Sequence[Slice]) -> Iterator[tuple[int, str, float]]:
    """Yield the number of the slice, the metric and the one-sided p-value that it is worse than the baseline's.

    Metrics without a better side are not tested: what they find would loosen the level of the others.
    """
    for number, item in enumerate(slices):
        if item.features and not item.too_small:
            for name, change in item.to_baseline.items():
                p = p_worse(name, item.metrics[name], change) if SIDES.get(name) else None
                if p is not None:
                    yield number, name, p


def discoveries(tests: Sequence[tuple[int, str, float]]) -> set[tuple[int, str]]:
    """Return the tests whose null hypothesis is rejected."""
    if not tests:
        return set()
    adjusted = stats.false_discovery_control([p for _, _, p in tests], method="bh")
    return {(number, name) for (number, name, _), p in zip(tests, adjusted, strict=True) if p <= LEVEL}


def of(found: set[tuple[int, str]], number: int) -> tuple[str, ...]:
    """Return the metrics that were found in one slice, in the order of ``SIDES``."""
    return tuple(name for name in SIDES if (number, name) in found)
