"""A run whose statistics, preprocessing and evaluation are computed by TFX's own executors."""

import harness
import pytest

STOCK = ("statistics.engine=stock", "transform.engine=stock", "evaluation.engine=stock")


@pytest.mark.slow
def test_a_run_with_tfx_s_executors_ends_well(tmp_path):
    rows = harness.tiny_rows(tmp_path / "rows")
    outcome = harness.run_here(rows, tmp_path / "runs", *STOCK)
    assert outcome.code == 0, outcome.facts["error"]
    assert outcome.facts["evaluation"]
