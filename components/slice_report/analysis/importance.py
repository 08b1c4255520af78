"""Permutation importance: the increase in log loss when a column is shuffled.

Permutation importance (Breiman 2001, doi 10.1023/A:1010933404324), as the U-statistic of Fisher, Rudin & Dominici 2019
(https://arxiv.org/abs/1801.01489). Columns with the same information share their importance.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import tensorflow as tf
from numpy.typing import NDArray
from tfx.utils import path_utils
from tfx_bsl.coders import example_coder

from components.compat.tfma import eval_config_writer
from components.evaluation.influence import Linearized, standard_error
from components.evaluation.saved_model import Score, load_model
from components.evaluation.tasks.registry import evaluation_of
from components.evaluation.units import Units
from components.evaluation.verdict import Measurement, badness, measure, slice_name
from components.examples.parsing import read_batches
from components.slice_report.analysis.by_slice.slices import rows_of_slices
from components.slice_report.analysis.predicates import segment_rows
from components.slice_report.analysis.weak_segments import clipped_losses, row_losses
from components.slice_report.facts import Importance, Slice, WeakSegments
from components.slice_report.settings import Settings
from components.slice_report.sources import Sources
from pipeline.errors import DataError
from pipeline.label import Label

SEED = 0
FEWEST_ROWS, MOST_ROWS = 30, 2000
REPEATS = 5
Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Sample:
    """Some test rows: the columns as lists of values, and the labels, (rows,)."""

    batch: pa.RecordBatch
    labels: Floats

    def at(self, rows: Indices) -> "Sample":
        """Return some of these rows."""
        return Sample(take(self.batch, rows), self.labels[rows])


def explain(
    sources: Sources, settings: Settings, units: Units, slices: tuple[Slice, ...], weak: WeakSegments
) -> tuple[Importance, ...]:
    """Return the importance of each column but the label: on all rows, and where the model is weakest.

    The model is weakest on the worst weak segment or, if none was found, on the worst slice by the primary metric that
    is not too small. Of each scope at most 2000 rows are drawn and shuffled five times. Scopes of fewer than 30 rows
    are left out, and so are rows without a label or a score. ``units`` are those of the predictions.

    Raises:
        ConfigError: the model lacks the signature or the output that was evaluated.
        DataError: the examples cannot be read, or do not belong to the predictions.
    """
    usable = np.isfinite(row_losses(sources.predictions, settings.label))
    scopes = {"overall": np.flatnonzero(usable)}
    scopes |= {name: rows[usable[rows]] for name, rows in weakest(sources, settings.primary_metric, slices, weak)}
    drawn = {name: draw(rows) for name, rows in scopes.items() if rows.size >= FEWEST_ROWS}
    if not drawn:
        return ()
    every = np.unique(np.concatenate(list(drawn.values())))
    sample = read_sample(sources, settings.label, every)
    score = load_scorer(sources)
    found = [
        Importance(
            name,
            int(rows.size),
            importances(sample.at(np.searchsorted(every, rows)), units.take(rows), settings.label, score),
            int(scopes[name].size),
        )
        for name, rows in drawn.items()
    ]
    load_model.cache_clear()
    return tuple(found)


def weakest(
    sources: Sources, metric: str, slices: Sequence[Slice], weak: WeakSegments
) -> Iterator[tuple[str, Indices]]:
    """Yield the name and the rows of the worst segment or slice, if there is one."""
    if weak.found:
        features = weak.found[0].features
        yield slice_name(features), np.flatnonzero(segment_rows(sources.predictions, features))
        return
    worst = worst_slice(slices, metric)
    for key, rows in rows_of_slices(sources.evaluation.candidate, sources.predictions):
        if worst is not None and key == worst.features:
            yield worst.name, rows


def worst_slice(slices: Sequence[Slice], metric: str) -> Slice | None:
    """Return the slice with the worst value among those that are large enough; the first of several."""
    candidates = [one for one in slices if one.features and not one.too_small and metric in one.metrics]
    ranked = [(badness(metric, one.metrics[metric].value), one) for one in candidates]
    ranked = [(how_bad, one) for how_bad, one in ranked if not math.isnan(how_bad)]
    return max(ranked, key=lambda pair: pair[0])[1] if ranked else None


def draw(rows: Indices) -> Indices:
    """Return at most 2000 of some rows, ascending; the same rows give the same sample."""
    if rows.size <= MOST_ROWS:
        return rows
    return np.sort(np.random.default_rng(SEED).choice(rows, MOST_ROWS, replace=False))


def read_sample(sources: Sources, label: Label, rows: Indices) -> Sample:
    """Read rows of the test split, (rows,) ascending.

    Raises:
        DataError: the numbers of examples and predictions differ.
    """
    files = sources.example_files()["test"]
    batches, start = [], 0
    for batch in read_batches(files, sources.schema):
        first, last = np.searchsorted(rows, [start, start + batch.num_rows])
        batches.append(take(batch, rows[first:last] - start))
        start += batch.num_rows
    if start != sources.predictions.num_rows:
        expected, received = (f"{count} rows" for count in (sources.predictions.num_rows, start))
        raise DataError(", ".join(files), "not the examples of the predictions", expected=expected, received=received)
    labels = evaluation_of(label).labels_or_nan(sources.predictions)[rows]
    return Sample(one_batch(batches), labels)


def take(batch: pa.RecordBatch, rows: Indices) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([column.take(pa.array(rows)) for column in batch.columns], schema=batch.schema)


def one_batch(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    columns = [
        pa.concat_arrays([batch.column(number) for batch in batches]) for number in range(batches[0].num_columns)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=batches[0].schema)


def load_scorer(sources: Sources) -> Score:
    """Load the model of the run, with the signature and output that were evaluated."""
    config, *_ = eval_config_writer.load_eval_run(sources.folders["evaluation"])
    spec = next(spec for spec in config.model_specs if not spec.is_baseline)
    path = path_utils.serving_model_path(sources.folders["model"])
    return load_model(path, spec.signature_name, spec.prediction_key)


def importances(sample: Sample, units: Units, label: Label, score: Score) -> tuple[tuple[str, Measurement], ...]:
    """Return the increase in log loss for each column but the label, the highest first."""
    rows = sample.labels.size
    generator = np.random.default_rng(SEED)
    donors = np.stack([generator.permutation(rows) for _ in range(REPEATS)])
    repeated = take(sample.batch, np.tile(np.arange(rows), REPEATS))
    before = losses(repeated, sample.labels, score)
    found = {}
    for name in sample.batch.schema.names:
        if name != label.column:
            growth = losses(shuffled(repeated, sample.batch, name, donors), sample.labels, score) - before
            found[name] = mean_growth(growth, donors, units)
    return tuple(sorted(found.items(), key=lambda pair: (math.isnan(pair[1].value), -pair[1].value, pair[0])))


def shuffled(repeated: pa.RecordBatch, batch: pa.RecordBatch, name: str, donors: Indices) -> pa.RecordBatch:
    """Return the repeated rows, with the values of their donors in one column."""
    number = batch.schema.get_field_index(name)
    columns = [*repeated.columns]
    columns[number] = batch.column(number).take(pa.array(donors.ravel()))
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def losses(repeated: pa.RecordBatch, labels: Floats, score: Score) -> Floats:
    """Return the log loss of each row, (repeats, rows).

    All calls have the same number of rows in the same order, so that a column that the model does not read changes no
    bit of a score.
    """
    scores = scores_of(repeated, score).reshape(-1, labels.size)
    return clipped_losses(np.broadcast_to(labels, scores.shape), scores)


def scores_of(batch: pa.RecordBatch, score: Score) -> Floats:
    """Return the scores of rows, (rows,)."""
    examples = example_coder.RecordBatchToExamplesEncoder().encode(batch)
    return score(tf.constant(examples)).astype(np.float64).ravel()


def mean_growth(growth: Floats, donors: Indices, units: Units) -> Measurement:
    """Return the mean increase, with the interval of a U-statistic over the rows, slightly too wide for few repeats.

    Each row counts twice, as receiver and as donor of a value (Hoeffding 1948, doi 10.1214/aoms/1177730196). A column
    without any influence has no interval.

    Args:
        growth: (repeats, rows) the increase in the loss of each row.
        donors: (repeats, rows) the row that gave each row its value.
    """
    repeats, rows = growth.shape
    given = np.bincount(donors.ravel(), weights=growth.ravel(), minlength=rows) / repeats
    value = float(growth.mean())
    increase = Linearized(value, lambda: (growth.mean(axis=0) + given - 2 * value) / rows)
    return measure(value, standard_error(increase, units), "difference")
