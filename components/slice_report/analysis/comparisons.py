"""Compares the model with the last blessed one, and with always predicting the base rate."""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from components.evaluation.columns import SCORE, Columns, scores
from components.evaluation.influence import Linearized, difference, standard_error
from components.evaluation.metrics import AREAS, Metric, Rows, groups_of, make_rows
from components.evaluation.ranked.within_groups import RANKED, with_a_positive, with_both_labels
from components.evaluation.results import Evaluation
from components.evaluation.tasks.registry import BETTER, FORMULAS, METRICS, evaluation_of, scale_of
from components.evaluation.units import Units
from components.evaluation.verdict import Measurement, difference_of, measure
from components.slice_report.facts import Comparison, RankedGroups
from pipeline.label import Label


@dataclass(frozen=True)
class Pair:
    """Rows with the scores of the model, and with the base rate as score."""

    model: Rows
    trivial: Rows


def compare(
    rows: Columns,
    label: Label,
    base_rate: float,
    evaluation: Evaluation,
    units: Units,
    *,
    decision_threshold: float = 0.5,
) -> tuple[Comparison, ...]:
    """Return a comparison for each metric of ``BETTER`` that the evaluation has for all rows.

    The values of model and baseline, and their difference, are those of the evaluation. The difference to the base rate
    is paired, too.

    Args:
        rows: the predictions, with the columns ``label`` and ``score``.
        label: of a binary task.
        base_rate: the share of positives in the training rows; if nan, there is no comparison with it.
        evaluation: of these rows.
        units: the unit of each row.
        decision_threshold: a score above it is predicted positive.

    Raises:
        DataError: a label is neither 0 nor 1.
        MainlineError: a score is not finite.
    """
    found = [
        dataclasses.replace(evaluation.metrics.get(METRICS[kind], Metric(kind)), threshold=decision_threshold)
        for kind in BETTER
        if METRICS[kind] in evaluation.candidate.get((), {})
    ]
    pair = None if math.isnan(base_rate) else make_pair(rows, label, base_rate, found, units)
    return tuple(compare_metric(metric, evaluation, pair) for metric in found)


def ranked_groups(rows: Columns, label: Label, evaluation: Evaluation, units: Units) -> RankedGroups | None:
    """Return the groups within which an evaluation ranks these rows; None if it does not.

    Raises:
        ConfigError: a group has rows of several units.
        DataError: a label is neither 0 nor 1.
    """
    metrics = [metric for metric in evaluation.metrics.values() if metric.kind in RANKED]
    if not metrics:
        return None
    # A config has one setting for all of them.
    by = metrics[0].group_by
    groups = groups_of(rows, metrics, units)[by]
    size, positives = (
        groups.total(np.ones(groups.rows)),
        groups.total(evaluation_of(label).labels(rows).astype(np.float64)),
    )
    return RankedGroups(
        by=by,
        top=max(metric.top for metric in metrics if metric.kind != "GroupAUC"),
        groups=groups.count,
        with_both_labels=int(with_both_labels(size, positives).sum()),
        with_a_positive=int(with_a_positive(size, positives).sum()),
    )


def make_pair(rows: Columns, label: Label, base_rate: float, metrics: Sequence[Metric], units: Units) -> Pair:
    """Return the rows for both models."""
    label_of_row, score_of_row = evaluation_of(label).labels(rows), scores(rows, SCORE)
    constant = np.full(rows.num_rows, base_rate, np.float64)
    groups = groups_of(rows, metrics, units)
    return Pair(*(make_rows(label_of_row, score, metrics, units, groups) for score in (score_of_row, constant)))


def compare_metric(metric: Metric, evaluation: Evaluation, pair: Pair | None) -> Comparison:
    name = METRICS[metric.kind]
    candidate = evaluation.candidate[()][name]
    trivial = to_trivial = None
    if pair is not None:
        trivial, to_trivial = against_trivial(metric, candidate, pair)
    return Comparison(
        metric=metric.kind,
        better=BETTER[metric.kind],
        candidate=candidate,
        baseline=evaluation.baseline.get((), {}).get(name),
        trivial=trivial,
        to_baseline=evaluation.differences.get((), {}).get(name),
        to_trivial=to_trivial,
    )


def against_trivial(metric: Metric, candidate: Measurement, pair: Pair) -> tuple[Measurement, Measurement]:
    """Return the metric of the base rate, and the candidate's difference to it."""
    trivial, units = linearized(metric, pair.trivial), pair.model.units
    to_trivial = difference(linearized(metric, pair.model), trivial)
    scale = scale_of(METRICS[metric.kind])
    between = measure(to_trivial.value, standard_error(to_trivial, units), difference_of(scale))
    of_trivial = measure(trivial.value, standard_error(trivial, units), scale)
    return of_trivial, dataclasses.replace(between, value=candidate.value - trivial.value)


def linearized(metric: Metric, rows: Rows) -> Linearized:
    """Return a metric; an area is nan where a label has no rows, also where TFMA has 0."""
    found = FORMULAS[metric.kind](rows, metric)
    if metric.kind in AREAS and not rows.ranking(metric.thresholds).has_both:
        return dataclasses.replace(found, value=math.nan)
    return found
