"""Columns that tell the answer: found by how well each alone predicts the label on rows it was not fitted on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import stats

from components.evaluation.ranked.areas import rank, roc, score_ranks
from pipeline.scaffold.columns.column import Column
from pipeline.scaffold.columns.profile import Profile

SAMPLE_ROWS = 20_000
BINS = 50
LEAK_AUC = 0.99
# A column this good alone deserves a look, but may be honest.
STRONG_AUC = 0.95
LATER_SHARE = 0.01
ID_CORRELATION, ID_P = 0.2, 1e-6
PRIOR_ROWS = 2.0


@dataclass(frozen=True)
class Leak:
    """A column that should not be learned from, and the evidence; ``is_sure`` if it is left out for it."""

    column: str
    evidence: str
    is_sure: bool = True


def find_leaks(
    profiles: Sequence[Profile], ones: NDArray[np.int64], seed: int, time: NDArray[np.float64] | None = None
) -> list[Leak]:
    """Return the columns that leak.

    Args:
        ones: the label of each row, 0 or 1.
        time: when each row was known, in seconds since 1970; a date later than that is known only afterwards.
    """
    rows = sample(ones, seed)
    found = []
    for each in profiles:
        column = each.column.take(rows)
        moment = None if time is None else time[rows]
        if each.kind == "id":
            leak = _id_leak(column, ones[rows])
        elif each.is_model_input:
            leak = _later(column, moment) or alone(column, ones[rows])
        else:
            continue
        found += [leak] if leak else []
    return found


def sample(ones: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Return at most ``SAMPLE_ROWS`` numbers of rows, drawn at random, in random order."""
    return np.random.default_rng(seed).permutation(len(ones))[:SAMPLE_ROWS]


def alone(column: Column, ones: NDArray[np.int64]) -> Leak | None:
    """Judge how well a column alone, or whether it is missing, predicts the label.

    The means of bins or categories are fitted on the first half of the rows and judged on the other, so that a column
    of many values gains nothing from rows that it has seen.
    """
    absent = column.values.is_null().to_numpy(zero_copy_only=False).astype(np.int64)
    by_absence = held_out_auc(absent, ones)
    if by_absence > LEAK_AUC:
        rate = ones[absent == 1].mean()
        return Leak(column.name, f"whether it is missing tells the label (AUC {by_absence:.2f}): "
                    f"{rate:.0%} of the rows without it are positive")  # fmt: skip
    codes = codes_of(column)
    score = held_out_auc(codes, ones)
    if score > LEAK_AUC:
        noun = "ranges" if column.is_number or column.is_date else "values"
        return Leak(column.name, _copy_evidence(codes, ones, noun) or f"alone it has AUC {score:.3f}")
    if score > STRONG_AUC:
        return Leak(column.name, f"alone it has AUC {score:.3f}: is it known before the event?", is_sure=False)
    return None


def codes_of(column: Column) -> NDArray[np.int64]:
    """Return a whole number a row: the category, the value, or the quantile bin; -1 where it is missing.

    A value at which a bin ends, such as 0 in most rows, is a bin of its own.
    """
    if not column.is_number and not column.is_date:
        return column.values.dictionary_encode().indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    numbers = column.numbers()
    absent = np.isnan(numbers)
    given = numbers[~absent]
    codes = np.full(len(numbers), -1, np.int64)
    if given.size:
        values = np.unique(given)
        edges = values if values.size <= BINS else np.unique(np.quantile(given, np.linspace(0, 1, BINS + 1)[1:-1]))
        codes[~absent] = np.searchsorted(edges, given, side="left") + np.searchsorted(edges, given, side="right")
    return codes


def held_out_auc(codes: NDArray[np.int64], ones: NDArray[np.int64]) -> float:
    """Return the AUC of the mean label by code, fitted on one half of the rows, on the other half; 0.5 if undefined.

    >>> held_out_auc(np.array([0, 1] * 10), np.array([0, 1] * 10))
    1.0
    """
    half = len(codes) // 2
    _, ids = np.unique(codes, return_inverse=True)
    rows = np.bincount(ids[:half], minlength=ids.max() + 1)
    sums = np.bincount(ids[:half], ones[:half], minlength=ids.max() + 1)
    prior = ones[:half].mean() if half else 0.5
    means = (sums + PRIOR_ROWS * prior) / (rows + PRIOR_ROWS)
    return auc(ones[half:], means[ids[half:]])


def auc(ones: NDArray[np.int64], scores: NDArray[np.float64]) -> float:
    """Return the area under the ROC curve, ties counting half; 0.5 if a label is absent.

    >>> auc(np.array([0, 1, 1]), np.array([0.1, 0.1, 0.9]))
    0.75
    """
    value = roc(rank(ones, score_ranks(scores))).value
    return 0.5 if np.isnan(value) else value


def _copy_evidence(codes: NDArray[np.int64], ones: NDArray[np.int64], noun: str) -> str:
    """Say that the label is a function of the values or ranges, if each has one label."""
    values, ids = np.unique(codes, return_inverse=True)
    means = np.bincount(ids, ones) / np.bincount(ids)
    if not np.isin(means, (0.0, 1.0)).all():
        return ""
    return "it is a copy of the label" if len(values) == 2 else f"each of its {len(values)} {noun} has one label"


def _later(column: Column, time: NDArray[np.float64] | None) -> Leak | None:
    if time is None or not column.is_date:
        return None
    later = column.numbers() > time
    if later.mean() <= LATER_SHARE:
        return None
    return Leak(column.name, f"in {later.mean():.0%} of the rows it is later than the time of the row")


def _id_leak(column: Column, ones: NDArray[np.int64]) -> Leak | None:
    order = column.values.cast(pa.string()) if column.type == "BYTES" else column.values
    valid = order.is_valid().to_numpy(zero_copy_only=False)
    values = order.drop_null().to_numpy(zero_copy_only=False)
    ranks = np.unique(values.astype(str) if column.type == "BYTES" else values, return_inverse=True)[1]
    correlation, p = stats.spearmanr(ranks, ones[valid])
    if not (abs(correlation) > ID_CORRELATION and p < ID_P):
        return None
    return Leak(column.name, f"an id that tells the label: rank correlation {correlation:.2f}")
