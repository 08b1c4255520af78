"""The slices of a report: TFMA's numbers, with what a reader needs to judge them."""

import math
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray
from tensorflow_model_analysis.proto import config_pb2

from components.evaluation.columns import SCORE, Columns, scores
from components.evaluation.groups.sizes import too_few_units, too_small
from components.evaluation.metrics import Metric, make_rows
from components.evaluation.results import Evaluation
from components.evaluation.slice_values import value_text
from components.evaluation.slices import rows_by_slice
from components.evaluation.tasks.registry import evaluation_of
from components.evaluation.units import Units
from components.slice_report.analysis.by_slice.marks import mark
from components.slice_report.analysis.scores import count_scores
from components.slice_report.facts import Slice
from pipeline.criteria import SliceKey
from pipeline.label import Label

Index = NDArray[np.int64]


def make_slices(
    evaluation: Evaluation, predictions: Columns, label: Label, units: Units, *, decision_threshold: float = 0.5
) -> tuple[Slice, ...]:
    """Return every slice that TFMA measured, all rows first.

    Args:
        evaluation: of these rows.
        predictions: with the columns ``label`` and ``score``, and those of the slices.
        label: of a binary task.
        units: the unit of each row.
        decision_threshold: a score above it is predicted positive.
    """
    metric = Metric("AUC", evaluation.thresholds.get("auc"), decision_threshold)
    rows = make_rows(evaluation_of(label).labels(predictions), scores(predictions, SCORE), [metric], units)
    members = dict(rows_of_slices(evaluation.candidate, predictions))
    keys = sorted(evaluation.candidate, key=lambda key: (len(key), key))
    slices = [make_slice(evaluation, key, rows.label, rows.score, members.get(key), units) for key in keys]
    return mark(slices, rows, members, metric)


def rows_of_slices(keys: Iterable[SliceKey], predictions: Columns) -> Iterator[tuple[SliceKey, Index]]:
    """Yield the rows of each slice of the features that some slices have."""
    features = sorted({tuple(name for name, _ in key) for key in keys})
    specs = [config_pb2.SlicingSpec(feature_keys=names) for names in features]
    for key, rows in rows_by_slice(predictions, specs):
        yield tuple(sorted((name, value_text(value)) for name, value in key)), rows


def make_slice(
    evaluation: Evaluation,
    key: SliceKey,
    label: NDArray[np.generic],
    score: NDArray[np.generic],
    members: Index | None,
    units: Units,
) -> Slice:
    """Return one slice; ``members`` are the positions of its rows, None if the predictions do not have it."""
    metrics = evaluation.candidate[key]
    rows = int(metrics["example_count"].value)
    total = evaluation.candidate[()]["example_count"].value
    counted = None if members is None else count_scores(label[members], score[members])
    of_slice = None if members is None or units.code is None else units.take(members).count
    return Slice(
        features=key,
        rows=rows,
        share=rows / total if total else math.nan,
        metrics=metrics,
        to_baseline=evaluation.differences.get(key, {}),
        units=of_slice,
        too_small=why_too_small(sum(counted.positives), sum(counted.negatives), of_slice)
        if counted
        else "no predictions to count",
        missing_intervals=evaluation.errors.get(key, ""),
        scores=counted,
    )


def why_too_small(positives: int, negatives: int, units: int | None) -> str:
    """Explain why rows, or their units, are too few to conclude from; empty if they are enough."""
    return too_small(positives, negatives) or too_few_units(units)
