"""The rows behind a slice or a weak segment: those with the highest loss, and what moved their score.

Only columns that the config allows are shown, since a report leaves the house of the data.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from components.evaluation.columns import SCORE
from components.evaluation.saved_model import Score
from components.evaluation.slice_values import value_text
from components.evaluation.tasks.registry import evaluation_of
from components.evaluation.verdict import slice_name
from components.slice_report.analysis.by_slice.slices import rows_of_slices
from components.slice_report.analysis.data.label_suspects import suspect_rows
from components.slice_report.analysis.importance import Sample, load_scorer, read_sample, scores_of, take
from components.slice_report.analysis.predicates import segment_rows
from components.slice_report.analysis.statistics import readable
from components.slice_report.analysis.weak_segments import row_losses
from components.slice_report.facts import SUSPECTS, LabelSuspects, Scope, Slice, WeakSegments, WorstRow, WorstRows
from components.slice_report.settings import Settings
from components.slice_report.sources import Sources
from pipeline.label import Label

SHOWN = 20
# Rows whose contributions are computed, and the other rows that lend them their values.
EXPLAINED, DONORS = 200, 10
SEED = 0
NONE = "(none)"
Floats = NDArray[np.float64]
Index = NDArray[np.int64]


def find_worst_rows(
    sources: Sources, settings: Settings, slices: Sequence[Slice], weak: WeakSegments, suspects: LabelSuspects
) -> WorstRows | None:
    """Return the 20 rows with the highest loss of each slice and weak segment; None if no column may be shown.

    So of the label suspects, if there are too many of them. Slices that are too small are left out. Contributions are
    computed for at most 200 rows: those of all rows, suspects and weak segments first, then those of slices.

    Raises:
        DataError: the examples cannot be read, or do not belong to the predictions.
    """
    if not settings.example_columns:
        return None
    losses = row_losses(sources.predictions, settings.label)
    dubious = suspect_rows(sources.predictions, settings.label, suspects)
    worst = {name: hardest(losses, rows) for name, rows in scopes(sources, slices, weak, dubious)}
    every = np.array(list(dict.fromkeys(row for rows in worst.values() for row in rows.tolist())), np.int64)
    if not every.size:
        return None
    position = {row: number for number, row in enumerate(every.tolist())}
    features, moved = explain_rows(sources, settings.label, every[:EXPLAINED])
    shown = [sources.predictions[name].take(pa.array(every)) for name in settings.example_columns]
    label = evaluation_of(settings.label).labels(sources.predictions)[every]
    score = sources.predictions[SCORE].to_numpy()[every]
    rows = tuple(
        WorstRow(
            number=row + 1,
            label=int(label[number]),
            score=float(score[number]),
            loss=float(losses[row]),
            values=tuple(cell_text(column[number].as_py()) for column in shown),
            contributions=tuple(moved[number].tolist()) if number < len(moved) else (),
        )
        for number, row in enumerate(every.tolist())
    )
    found = tuple(Scope(name, tuple(position[row] for row in index.tolist())) for name, index in worst.items())
    return WorstRows(settings.example_columns, features, rows, found)


def scopes(
    sources: Sources, slices: Sequence[Slice], weak: WeakSegments, dubious: Index
) -> Iterator[tuple[str, Index]]:
    """Yield the name and the rows of all rows, suspects, each weak segment, and each slice that is large enough."""
    yield slice_name(()), np.arange(sources.predictions.num_rows)
    if dubious.size:
        yield SUSPECTS, dubious
    for segment in weak.found:
        yield slice_name(segment.features), np.flatnonzero(segment_rows(sources.predictions, segment.features))
    able = {item.features for item in slices if item.features and not item.too_small}
    for key, rows in rows_of_slices(sources.evaluation.candidate, sources.predictions):
        if key in able:
            yield slice_name(key), rows


def hardest(losses: Floats, rows: Index) -> Index:
    """Return the rows with the highest loss, at most 20, the highest first; rows without one are left out.

    >>> hardest(np.array([0.1, 3.0, np.nan, 0.5]), np.array([0, 1, 2, 3])).tolist()
    [1, 3, 0]
    """
    known = rows[np.isfinite(losses[rows])]
    if known.size > SHOWN:
        # Only rows that can be among the 20 are sorted; of equal losses the first rows come first.
        fewest = np.partition(losses[known], -SHOWN)[-SHOWN]
        known = known[losses[known] >= fewest]
    return known[np.argsort(-losses[known], kind="stable")[:SHOWN]]


def cell_text(value: object) -> str:
    """Return a cell as text; several values separated by commas.

    >>> cell_text(None), cell_text([1, 2]), cell_text("Oslo")
    ('(none)', '1, 2', 'Oslo')
    """
    if value is None or value == []:
        return NONE
    if isinstance(value, list):
        return ", ".join(readable(value_text(item)) for item in value)
    return readable(value_text(value)) if isinstance(value, str | bytes | int | float) else str(value)


def explain_rows(sources: Sources, label: Label, rows: Index) -> tuple[tuple[str, ...], Floats]:
    """Return the names of the features, and the contribution of each to the score of each row, (rows, features)."""
    generator = np.random.default_rng(SEED)
    donors = generator.choice(sources.predictions.num_rows, DONORS)
    every = np.unique(np.concatenate([rows, donors]))
    sample = read_sample(sources, label, every)
    receivers, lenders = (np.searchsorted(every, index) for index in (rows, donors))
    found = contributions(sample, label, receivers, lenders, load_scorer(sources))
    return tuple(found), np.stack(list(found.values()), axis=1)


def contributions(sample: Sample, label: Label, receivers: Index, lenders: Index, score: Score) -> Mapping[str, Floats]:
    """Return for each feature the score of the receivers minus their mean score with the values of the lenders.

    This is the interventional effect of one feature at a time, (receivers,) each: a feature that only matters together
    with another is not seen (Strumbelj and Kononenko 2014, https://doi.org/10.1007/s10115-013-0679-x, go on to sets).
    """
    repeated = take(sample.batch, np.repeat(receivers, lenders.size))
    lent = take(sample.batch, np.tile(lenders, receivers.size))
    before = scores_of(take(sample.batch, receivers), score)
    found = {}
    for number, name in enumerate(sample.batch.schema.names):
        if name != label.column:
            columns = [*repeated.columns]
            columns[number] = lent.column(number)
            changed = pa.RecordBatch.from_arrays(columns, schema=repeated.schema)
            found[name] = before - scores_of(changed, score).reshape(receivers.size, -1).mean(axis=1)
    return found
