"""Leaks are found by evidence, and honest columns are not taken for leaks."""

import time

import numpy as np
import pyarrow as pa
import pytest

from pipeline.scaffold.checks.leaks import auc, find_leaks
from pipeline.scaffold.columns.column import Column
from pipeline.scaffold.columns.profile import profile

ROWS = 2000
DRAW = np.random.default_rng(1)
ONES = (DRAW.random(ROWS) < 0.3).astype(np.int64)


def leaks(values, ones=ONES, moment=None, is_date=False) -> list:
    found = find_leaks([profile(Column("x", "x", pa.array(values), is_date))], ones, 0, moment)
    return [(leak.evidence, leak.is_sure) for leak in found]


@pytest.mark.parametrize(
    ("values", "evidence"),
    [
        (np.where(ONES == 1, "left", "stayed"), "a copy of the label"),
        (ONES * 10.0, "a copy of the label"),
        (ONES * 10 + DRAW.integers(0, 5, ROWS), "each of its 10 ranges has one label"),
        # Most are 0, and the least of the others lie in the same quantile.
        (np.where(ONES == 1, DRAW.gamma(2, 20, ROWS) + 1, 0.0), "ranges has one label"),
        (ONES + DRAW.normal(0, 0.05, ROWS), "alone it has AUC 1.000"),
        ([f"r{code}" if one else None for code, one in zip(DRAW.integers(0, 9, ROWS), ONES, strict=True)],
         "whether it is missing tells the label (AUC 1.00): 0% of the rows without it are positive"),
    ],
)  # fmt: skip
def test_a_leak_is_named_with_evidence(values, evidence):
    ((found, is_sure),) = leaks(values)
    assert is_sure
    assert evidence in found


@pytest.mark.parametrize(
    "values",
    [
        DRAW.normal(0, 1, ROWS),
        ONES + DRAW.normal(0, 1, ROWS),
        # As many values as rows can hold by chance: in the rows that it was fitted on, each tells the label.
        [f"v{code}" for code in DRAW.integers(0, 4000, ROWS)],
        np.arange(ROWS) // 2 * 3,
    ],
)
def test_an_honest_column_is_not_a_leak(values):
    assert leaks(values) == []


def test_a_strong_column_is_only_pointed_out():
    ((evidence, is_sure),) = leaks(ONES + DRAW.normal(0, 0.33, ROWS))
    assert not is_sure
    assert "is it known before the event?" in evidence


def test_a_date_after_the_time_of_the_row_is_a_leak():
    moment = 1.7e9 + np.arange(ROWS) * 3600.0
    later = (moment + np.where(np.arange(ROWS) % 10 == 0, 86_400, -86_400)).astype(np.int64)
    assert leaks(later, moment=moment, is_date=True) == [
        ("in 10% of the rows it is later than the time of the row", True)
    ]
    assert leaks(later, is_date=True) == []
    assert leaks((moment - 60).astype(np.int64), moment=moment, is_date=True) == []


def test_an_id_that_was_given_in_the_order_of_the_label_is_a_leak():
    ordered = np.sort(ONES)
    assert "an id that tells the label" in leaks([f"id-{number:06}" for number in range(ROWS)], ordered)[0][0]
    assert leaks([f"id-{number:06}" for number in range(ROWS)]) == []


def test_auc_is_that_of_scikit_learn():
    from sklearn.metrics import roc_auc_score

    scores = DRAW.integers(0, 9, ROWS) + ONES
    assert auc(ONES, scores) == pytest.approx(roc_auc_score(ONES, scores), abs=1e-12)


def test_forty_columns_take_seconds():
    rows = 100_000
    ones = (DRAW.random(rows) < 0.3).astype(np.int64)
    profiles = [profile(Column(f"c{number}", "c", pa.array(DRAW.normal(0, 1, rows)))) for number in range(40)]
    began = time.perf_counter()
    assert find_leaks(profiles, ones, 0) == []
    assert time.perf_counter() - began < 15
