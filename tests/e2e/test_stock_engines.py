"""A run whose statistics, preprocessing and evaluation are computed by TFX's own executors."""

import csv
from pathlib import Path

import harness
import pytest

STOCK = ("statistics.engine=stock", "transform.engine=stock", "evaluation.engine=stock")
# Of the columns by which census is sliced.
EVALUATED = {"race": {"White", "Black"}, "education": {"HS-grad", "Bachelors"}}


@pytest.mark.slow
def test_a_run_with_tfx_s_executors_ends_well(tmp_path):
    rows = harness.tiny_rows(tmp_path / "rows")
    keep_few_slices(rows / "test" / "rows.csv")
    outcome = harness.run_here(rows, tmp_path / "runs", *STOCK)
    assert outcome.code == 0, outcome.facts["error"]
    assert outcome.facts["evaluation"]


def keep_few_slices(path: Path) -> None:
    """Keep the rows of few slices: for the intervals of each, TFMA computes all metrics 20 times."""
    rows = [row for row in harness.read_rows(path) if all(row[name] in kept for name, kept in EVALUATED.items())]
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
