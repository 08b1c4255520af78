"""Bounds on the ratio between groups by a rate, such as the four-fifths rule on selection rates.

Evaluator judges them and leaves the result beside its metrics, where the verdict is read.
"""

import dataclasses
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from pydantic import TypeAdapter
from tfx.dsl.io import fileio

from components.evaluation.columns import SCORE, Columns
from components.evaluation.groups import OTHER
from components.evaluation.groups.extremes import extremes
from components.evaluation.groups.membership import rows_by_group
from components.evaluation.groups.rates import among_all, make_rates, pairs
from components.evaluation.groups.sizes import too_few_units, too_small
from components.evaluation.influence import Linearized
from components.evaluation.tasks.registry import evaluation_of
from components.evaluation.units import Units
from components.evaluation.verdict import Check, margin, miss, probability_outside
from components.support.remote_files import write_whole
from pipeline.criteria import RatioBound
from pipeline.errors import DataError
from pipeline.label import Label

FILE = "ratio_checks.json"


@dataclass(frozen=True)
class RatioBounds:
    """Bounds, with what decides which rows are selected.

    Attributes:
        bounds: on ratios between groups.
        decision_threshold: a score above it is selected.
        group_thresholds: by column and group, the thresholds of groups that have one of their own.
    """

    bounds: tuple[RatioBound, ...]
    decision_threshold: float = 0.5
    group_thresholds: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def as_json(self) -> str:
        """Return one line of JSON, the same for equal bounds."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)


def check_ratios(rows: Columns, label: Label, asked: RatioBounds, units: Units) -> tuple[Check, ...]:
    """Return each bound with the measured ratio.

    Args:
        rows: the predictions, with the column of the label, ``score``, and those of the bounds.
        label: of a binary task.
        asked: the bounds.
        units: the unit of each row.

    Raises:
        DataError: there is no such column, or a label is neither 0 nor 1.
        MainlineError: a score is not finite.
    """
    return tuple(check_ratio(rows, label, bound, asked, units) for bound in asked.bounds)


def check_ratio(rows: Columns, label: Label, bound: RatioBound, asked: RatioBounds, units: Units) -> Check:
    """Return one bound with the measured ratio; it has none if there are not two groups that are large enough.

    Interval and risk hold for all pairs of groups at once, as the lowest and the highest rate are chosen among them. A
    ratio of 0 has neither.
    """
    if bound.feature not in rows.column_names:
        known = ", ".join(rows.column_names)
        raise DataError("report.fairness_bounds", "no such column", expected=known, received=bound.feature)
    rates = rates_by_group(rows, label, bound, asked, units)
    metric, text = f"{bound.rate} ratio", f"≥ {bound.ratio}"
    if len(rates) < 2:
        why = "fewer than two groups have enough rows"
        return Check(metric, bound.feature, text, None, None, None, None, why)
    found = extremes(rates, units)
    measured = found.ratio
    risk = probability_outside(measured, bound.ratio, None, "positive")
    return Check(
        metric=metric,
        slice=f"{bound.feature}: {found.worst} ÷ {found.best}",
        bound=text,
        value=measured.value,
        interval=measured.interval,
        missed_by=miss(measured.value, bound.ratio, None),
        margin=margin(measured.value, bound.ratio, None),
        risk=None if risk is None else min(risk * pairs(len(rates)), 1.0),
    )


def rates_by_group(
    rows: Columns, label: Label, bound: RatioBound, asked: RatioBounds, units: Units
) -> dict[str, Linearized]:
    """Return the rate of each group that is large enough and has one; ``(other values)`` is not a single group."""
    task = evaluation_of(label)
    positive, score = task.labels(rows) == 1, task.predictions(rows, SCORE)
    own = asked.group_thresholds.get(bound.feature, {})
    found = {}
    for group, index in rows_by_group(rows[bound.feature]).items():
        of_group = positive[index]
        number = None if units.code is None else units.take(index).count
        if group == OTHER or too_small(int(of_group.sum()), int((~of_group).sum())) or too_few_units(number):
            continue
        rate = make_rates(of_group, score[index], own.get(group, asked.decision_threshold))[bound.rate]
        if not math.isnan(rate.value):
            found[group] = among_all(rate, index.astype(np.int64), rows.num_rows)
    return found


def write_checks(evaluation_dir: str, checks: Sequence[Check]) -> None:
    """Leave the checks beside the metrics of an evaluation."""
    content = json.dumps([dataclasses.asdict(check) for check in checks], ensure_ascii=False, indent=1)
    write_whole(os.path.join(evaluation_dir, FILE), content.encode())


def read_checks(evaluation_dir: str) -> tuple[Check, ...]:
    """Read the checks of an evaluation; none if there were no such bounds."""
    path = os.path.join(evaluation_dir, FILE)
    if not fileio.exists(path):
        return ()
    with fileio.open(path) as file:
        return TypeAdapter(tuple[Check, ...]).validate_json(file.read())
