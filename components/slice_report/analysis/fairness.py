"""Rates by group for a sensitive column, and the gap between the best and the worst group."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.evaluation.columns import BASELINE_SCORE, SCORE, Columns, scores
from components.evaluation.groups import NONE, OTHER
from components.evaluation.groups.extremes import extremes
from components.evaluation.groups.membership import rows_by_group
from components.evaluation.groups.rates import LOWEST_IS_BEST, RATES, among_all, divided, make_rates
from components.evaluation.groups.sizes import too_few_units, too_small
from components.evaluation.influence import Linearized, standard_error
from components.evaluation.slice_values import value_text
from components.evaluation.tasks.registry import evaluation_of
from components.evaluation.units import Units
from components.evaluation.verdict import Measurement, measure
from components.slice_report.analysis.scores import count_scores
from components.slice_report.analysis.statistics import readable
from components.slice_report.facts import Gap, Group, Sensitive
from pipeline.errors import DataError
from pipeline.label import Label

NO_THRESHOLDS: Mapping[str, float] = {}
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
Values = NDArray[np.generic]


@dataclass(frozen=True)
class Members:
    """The rows of a group.

    Attributes:
        group: the group as reported.
        index: (rows,) their positions.
        rates: of the model, with influences in the order of ``index``.
    """

    group: Group
    index: Ints
    rates: Mapping[str, Linearized]


def sensitive(
    rows: Columns,
    label: Label,
    feature: str,
    threshold: float,
    units: Units,
    own_thresholds: Mapping[str, float] = NO_THRESHOLDS,
) -> Sensitive:
    """Return the groups of a column, the largest first, and a gap for each rate.

    Args:
        rows: the predictions, with the columns ``label``, ``feature`` and ``score``, and with ``baseline_score`` if
            there is a baseline.
        label: of a binary task.
        feature: a column of any type; a row with several values belongs to each group. Rows without a value, or with
            nan, are the group ``(none)``. All but the 50 largest groups are merged as ``(other values)``.
        threshold: a score above it is selected.
        units: the unit of each row.
        own_thresholds: the thresholds of groups that have one of their own.

    Raises:
        DataError: there is no such column or group, or a label is neither 0 nor 1.
        MainlineError: a score is not finite.
    """
    if feature not in rows.column_names:
        raise DataError("predictions", "no such column", expected=", ".join(rows.column_names), received=feature)
    positive, score = evaluation_of(label).labels(rows) == 1, scores(rows, SCORE)
    baseline = scores(rows, BASELINE_SCORE) if BASELINE_SCORE in rows.column_names else None
    found = rows_by_group(rows[feature], lambda value: readable(value_text(value)))
    check_groups(feature, own_thresholds, list(found))
    members = [
        make_members(value, index, (positive, score, baseline), units, threshold, own_thresholds.get(value))
        for value, index in found.items()
    ]
    groups = sorted((one.group for one in members), key=sort_key)
    return Sensitive(feature, tuple(groups), gaps(members, units, rows.num_rows))


def check_groups(feature: str, thresholds: Mapping[str, float], groups: Sequence[str]) -> None:
    """Refuse a threshold of a group that has no rows."""
    unknown = [value for value in thresholds if value not in groups]
    if unknown:
        raise DataError(
            f"report.group_thresholds.{feature}", "no such group in the test rows", expected=", ".join(groups),
            received=", ".join(unknown), next_step="Correct the value, or remove its threshold.",
        )  # fmt: skip


def sort_key(group: Group) -> tuple[int, int, str]:
    """Return the sort key of a group: by rows, then by name; the two that are no single value come last.

    >>> from components.slice_report.facts import ScoreCounts
    >>> groups = [Group(value, 40, "", {}, ScoreCounts((), (), ())) for value in ("(none)", "b", "(other values)", "a")]
    >>> [group.value for group in sorted(groups, key=sort_key)]
    ['a', 'b', '(other values)', '(none)']
    """
    return (OTHER, NONE).index(group.value) + 1 if group.value in (OTHER, NONE) else 0, -group.rows, group.value


def make_members(
    value: str,
    index: Ints,
    columns: tuple[Mask, Values, Values | None],
    units: Units,
    threshold: float,
    own: float | None,
) -> Members:
    """Return a group; ``columns`` are whether a row is positive, its score, and its score by the baseline."""
    decided = threshold if own is None else own
    positive, score = columns[0][index], columns[1][index]
    before = {} if columns[2] is None else make_rates(positive, columns[2][index], decided)
    rates, of_group = make_rates(positive, score, decided), units.take(index)
    positives, number = int(positive.sum()), None if units.code is None else of_group.count
    group = Group(
        value=value,
        rows=len(index),
        too_small=too_small(positives, len(index) - positives) or too_few_units(number),
        rates={name: measured(name, rate, of_group) for name, rate in rates.items()},
        scores=count_scores(positive.astype(np.int8), score),
        units=number,
        threshold=own,
        baseline={name: rate.value for name, rate in before.items()},
    )  # fmt: skip
    return Members(group, index, rates)


def measured(name: str, rate: Linearized, units: Units) -> Measurement:
    error = standard_error(rate, units)
    return measure(rate.value, error, "positive" if name == "calibration" else "share")


def gaps(members: Sequence[Members], units: Units, rows: int) -> tuple[Gap, ...]:
    """Return a gap for each rate that at least two groups have.

    Groups that are too small are left out, and so is ``(other values)``, which is not a single group.
    """
    able = [one for one in members if not one.group.too_small and one.group.value != OTHER]
    found = ((name, [one for one in able if not math.isnan(one.rates[name].value)]) for name in RATES)
    return tuple(make_gap(name, of_rate, units, rows) for name, of_rate in found if len(of_rate) > 1)


def make_gap(name: str, members: Sequence[Members], units: Units, rows: int) -> Gap:
    """Return the gap between the best and the worst of at least two groups, with intervals by unit.

    For false positives and negatives the lowest rate is the best, so the ratio is at least 1.
    """
    rates = {one.group.value: among_all(one.rates[name], one.index, rows) for one in members}
    found = extremes(rates, units, lowest_is_best=name in LOWEST_IS_BEST)
    earlier = {one.group.value: one.group.baseline.get(name, math.nan) for one in members}
    before = earlier[found.best], earlier[found.worst]
    known = not any(map(math.isnan, before))
    return Gap(
        rate=name,
        best=found.best,
        worst=found.worst,
        difference=found.difference.value,
        ratio=found.ratio.value,
        difference_interval=found.difference.interval,
        ratio_interval=found.ratio.interval,
        baseline_difference=abs(before[0] - before[1]) if known else None,
        baseline_ratio=divided(before[1], before[0]) if known else None,
        compared=len(members),
    )
